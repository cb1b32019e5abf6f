// SPDX-License-Identifier: MIT
// Sends files and short texts to HTTP/1.1 clients: GET and HEAD, ranges, ETags, connections that are kept.
// Files go from the disk to the socket inside the kernel. A thread a connection, and no more of them than are
// allowed; a client that is slow to ask or to read is let go. No TLS: that is a reverse proxy's.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/request.h"

namespace lathe {

struct HttpAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};            // or
  std::filesystem::path file = {};  // what it is of
  std::string etag = {};            // without quotes; "": none
  std::string cache_control = "no-cache";
  std::string location = {};  // of a redirect
  bool varies = false;        // by the Accept header
  std::string note = {};      // for the log
  // Of an answer without a length, in place of body and file: what is sent next, at once. It is called again
  // and again, and waits by itself, at most a second; "": nothing yet; nullopt: the end.
  std::function<std::optional<std::string>()> next = {};
};

// Called from many threads at once. While it works for long, the client is told that it does.
using HttpHandler = std::function<HttpAnswer(const HttpRequest& request)>;

// One line of the log: what was asked, what was answered.
struct HttpLogLine {
  std::string method, path;
  int status = 0;
  std::uint64_t sent = 0;  // bytes of the body
  std::chrono::milliseconds took{0};
  std::string note;
};

struct HttpServerOptions {
  std::string listen = "127.0.0.1:8080";  // an address and a port; port 0: a free one
  // Names by which clients may ask, besides localhost and its numbers; of another one a page in somebody's
  // browser could be the sender, by a name that its owner points here (DNS rebinding). Empty, and listening
  // for other machines: any.
  std::vector<std::string> hosts = {};
  std::size_t most_connections = 256;            // one more is told to come back later
  std::chrono::milliseconds head_limit{10'000};  // for all of a request's head
  std::chrono::milliseconds idle_limit{15'000};  // between two requests
  std::chrono::milliseconds slow_limit{30'000};  // in which slow_bytes of an answer must go out
  std::uint64_t slow_bytes = 16384;
  std::chrono::milliseconds sign_of_life{5'000};     // 100 Continue, while the handler works
  std::function<void(const HttpLogLine&)> log = {};  // one at a time
};

class HttpServer {
 public:
  // Listens from here on. Error when the address is none, or taken.
  HttpServer(HttpServerOptions options, HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string address() const;  // "127.0.0.1:8080", with the port that it got
  bool is_loopback() const;
  // Answers until `stop`; then ends all connections, and waits for handlers that work.
  void run(const std::atomic<bool>& stop);

 private:
  class Connections;
  std::unique_ptr<Connections> all_;
};

}  // namespace lathe

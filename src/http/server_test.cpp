// SPDX-License-Identifier: MIT
// The server as clients see it, over real sockets.
#include "http/server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

using std::chrono::milliseconds;

class Client {
 public:
  explicit Client(int port, int receive_buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer != 0)
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const std::string& text) {
    [[maybe_unused]] const auto n = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
  }
  // Until `until` has come, or the connection ends.
  std::string read(const std::string& until = "") {
    std::string got;
    char buffer[65536];
    while (until.empty() || got.find(until) == std::string::npos) {
      pollfd one{.fd = socket_, .events = POLLIN, .revents = 0};
      if (::poll(&one, 1, 20'000) <= 0) return got + "(silence)";
      const auto n = ::recv(socket_, buffer, sizeof buffer, 0);
      if (n <= 0) break;
      got.append(buffer, static_cast<std::size_t>(n));
    }
    return got;
  }

 private:
  int socket_;
};

class Servers : public ::testing::Test {
 protected:
  ~Servers() override {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  void start(HttpServerOptions options = {}) {
    options.listen = "127.0.0.1:0";
    options.log = [this](const HttpLogLine& line) { logged_.push_back(line); };
    server_.emplace(std::move(options), [this](const HttpRequest& request) { return handle(request); });
    const std::string at = server_->address();
    port_ = std::stoi(at.substr(at.rfind(':') + 1));
    thread_ = std::thread([this] { server_->run(stop_); });
  }
  HttpAnswer handle(const HttpRequest& request) const {
    if (request.path == "/file") return {.file = file_, .etag = "sum", .cache_control = "immutable"};
    if (request.path == "/gone") return {.file = file_.string() + ".gone"};
    if (request.path == "/broken") throw Error({.what = "the disk is full", .kind = ErrorKind::fault});
    if (request.path == "/stream") return {.content_type = "text/event-stream", .next = three_pieces()};
    if (request.path == "/for-ever") {
      return {.next = [this]() -> std::optional<std::string> {
        ++asked_;
        std::this_thread::sleep_for(milliseconds(10));
        return asked_ == 1 ? "begun" : "";
      }};
    }
    if (request.path == "/long") std::this_thread::sleep_for(milliseconds(400));
    return {.body = request.path};
  }
  static std::function<std::optional<std::string>()> three_pieces() {
    return [count = 0]() mutable -> std::optional<std::string> {
      if (++count > 3) return std::nullopt;
      return count == 2 ? "" : fmt::format("piece {};", count);
    };
  }
  std::string ask(const std::string& path, const std::string& headers = "",
                  const std::string& method = "GET") const {
    Client client(port_);
    client.send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers +
                "\r\n");
    return client.read();
  }

  testing::ScratchFolder folder_;
  std::filesystem::path file_ = folder_.write("file", "0123456789");
  std::atomic<bool> stop_ = false;
  mutable std::atomic<int> asked_ = 0;
  std::optional<HttpServer> server_;
  std::vector<HttpLogLine> logged_;
  std::thread thread_;
  int port_ = 0;
};

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(Servers, SendAnAnswerWithoutLengthAsItComes) {
  start();
  const std::string got = ask("/stream");
  EXPECT_TRUE(got.ends_with("\r\n\r\npiece 1;piece 3;")) << got;
  EXPECT_FALSE(holds(got, "Content-Length"));
  EXPECT_TRUE(holds(got, "Content-Type: text/event-stream\r\n") && holds(got, "Connection: close\r\n"));
  EXPECT_TRUE(ask("/stream", "", "HEAD").ends_with("\r\n\r\n"));
}

TEST_F(Servers, EndAnAnswerWithoutLengthWhenTheClientGoes) {
  start();
  {
    Client client(port_);
    client.send("GET /for-ever HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_TRUE(holds(client.read("begun"), "begun"));
  }
  for (int waited = 0; waited < 500; ++waited) {
    const int before = asked_;
    std::this_thread::sleep_for(milliseconds(50));
    if (asked_ == before) return;
  }
  FAIL() << "it goes on for nobody";
}

TEST_F(Servers, EndAnAnswerWithoutLengthWhenTheServerStops) {
  start();
  Client client(port_);
  client.send("GET /for-ever HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(holds(client.read("begun"), "begun"));
  stop_ = true;
  thread_.join();
  EXPECT_EQ(client.read(), "");
}

TEST_F(Servers, SendFilesWholeAndInPart) {
  start();
  const std::string whole = ask("/file");
  EXPECT_TRUE(whole.starts_with("HTTP/1.1 200 OK\r\n")) << whole;
  EXPECT_TRUE(holds(whole, "Content-Length: 10\r\n") && holds(whole, "ETag: \"sum\"\r\n") &&
              whole.ends_with("\r\n\r\n0123456789"));
  EXPECT_TRUE(holds(whole, "Cache-Control: immutable\r\n"));
  const std::string part = ask("/file", "Range: bytes=2-4\r\n");
  EXPECT_TRUE(part.starts_with("HTTP/1.1 206") && holds(part, "Content-Range: bytes 2-4/10\r\n") &&
              part.ends_with("\r\n\r\n234"))
      << part;
  EXPECT_TRUE(ask("/file", "Range: bytes=2-\r\nIf-Range: \"sum\"\r\n").ends_with("\r\n\r\n23456789"));
  EXPECT_TRUE(ask("/file", "Range: bytes=2-\r\nIf-Range: \"old\"\r\n").ends_with("\r\n\r\n0123456789"));
  EXPECT_TRUE(holds(ask("/file", "Range: bytes=10-\r\n"), "416 Range Not Satisfiable\r\n"));
  EXPECT_TRUE(holds(ask("/file", "If-None-Match: \"sum\"\r\n"), "304 Not Modified"));
  const std::string head = ask("/file", "", "HEAD");
  EXPECT_TRUE(holds(head, "Content-Length: 10\r\n") && head.ends_with("\r\n\r\n")) << head;
  EXPECT_TRUE(ask("/gone").starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(ask("/file", "", "DELETE").starts_with("HTTP/1.1 405"));
  const std::string broken = ask("/broken");
  EXPECT_TRUE(broken.starts_with("HTTP/1.1 503") && holds(broken, "no-store") &&
              broken.ends_with("the disk is full\n"));
}

TEST_F(Servers, AnswerSeveralRequestsOnOneConnection) {
  start();
  Client client(port_);
  const std::string get =
      "GET /one HTTP/1.1\r\nHost: localhost\r\n\r\nGET /two HTTP/1.1\r\nHost: localhost\r\n\r\nGET /fi";
  client.send(get);
  EXPECT_TRUE(holds(client.read("/two"), "/one"));
  client.send("le HTTP/1.1\r\nHost: localhost\r\nRange: bytes=-1\r\n\r\n");
  EXPECT_TRUE(client.read("\r\n\r\n9").ends_with("9"));
}

TEST_F(Servers, ShowLifeWhileTheyWork) {
  start({.sign_of_life = milliseconds(100)});
  const std::string answer = ask("/long");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n/long"));
  Client old(port_);  // HTTP/1.0 knows none
  old.send("GET /long HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.read().starts_with("HTTP/1.1 200"));
}

TEST_F(Servers, LetSlowClientsGo) {
  start({.head_limit = milliseconds(300), .idle_limit = milliseconds(300)});
  Client slow(port_);
  std::thread drip([&] {
    for (int i = 0; i < 20 && !stop_; ++i) {
      slow.send("G");
      std::this_thread::sleep_for(milliseconds(50));
    }
  });
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(slow.read(), "");
  EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(950));
  drip.join();
  Client idle(port_);
  idle.send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(idle.read().ends_with("/a"));  // and then the connection ends
}

TEST_F(Servers, LetClientsGoThatDoNotRead) {
  folder_.run("truncate -s 50M file");
  start({.slow_limit = milliseconds(300)});
  Client client(port_, 4096);
  client.send("GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(900));
  EXPECT_LT(client.read().size(), 50u << 20);
}

TEST_F(Servers, RefuseFloods) {
  start({.most_connections = 3});
  Client flood(port_);
  flood.send("GET / HTTP/1.1\r\nHost: localhost\r\nA: " + std::string(longest_http_head + 100, 'x'));
  EXPECT_TRUE(flood.read().starts_with("HTTP/1.1 431"));
  Client one(port_), two(port_), three(port_);
  for (Client* each : {&one, &two, &three}) {
    each->send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_TRUE(holds(each->read("/a"), "200 OK"));
  }
  EXPECT_TRUE(ask("/a").starts_with("HTTP/1.1 503"));
  one.send("GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  one.read();
  for (int i = 0; i < 100 && !ask("/a").starts_with("HTTP/1.1 200"); ++i)
    std::this_thread::sleep_for(milliseconds(20));
  EXPECT_TRUE(ask("/a").starts_with("HTTP/1.1 200"));
}

TEST_F(Servers, EndWhenTheyAreAskedTo) {
  start();
  Client open(port_);
  open.send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
  open.read("/a");
  stop_ = true;
  thread_.join();
  EXPECT_EQ(open.read(), "");
  ASSERT_EQ(logged_.size(), 1u);
  EXPECT_EQ(logged_[0].path, "/a");
  EXPECT_EQ(logged_[0].status, 200);
}

TEST(Listening, IsAtAnAddressByNumber) {
  for (const char* wrong :
       {"", "8080", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", "example.org:80", ":80"}) {
    EXPECT_THROW(HttpServer({.listen = wrong}, [](const HttpRequest&) { return HttpAnswer{}; }), Error)
        << wrong;
  }
  const HttpServer server({.listen = "localhost:0"}, [](const HttpRequest&) { return HttpAnswer{}; });
  EXPECT_TRUE(server.is_loopback());
  EXPECT_THROW(HttpServer({.listen = server.address()}, [](const HttpRequest&) { return HttpAnswer{}; }),
               Error);
}

TEST_F(Servers, AnswerToTheirOwnNamesAlone) {
  start({.hosts = {"Wheels.Example.org"}});
  const auto status_for = [&](const std::string& host) {
    Client client(port_);
    client.send("GET /a HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    return client.read().substr(9, 3);
  };
  const std::string port = ":" + std::to_string(port_);
  for (const std::string& host :
       {"localhost" + port, "127.0.0.1" + port, "[::1]" + port, std::string("LOCALHOST"),
        std::string("wheels.example.org"), std::string("wheels.example.org.:80")})
    EXPECT_EQ(status_for(host), "200") << host;
  for (const std::string& host : {"evil.example" + port, "127.0.0.1.evil.example" + port,
                                  "localhost.evil" + port, std::string("10.0.0.1"), std::string("[::2]")})
    EXPECT_EQ(status_for(host), "421") << host;
}

}  // namespace
}  // namespace lathe

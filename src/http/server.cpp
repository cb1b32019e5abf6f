// SPDX-License-Identifier: MIT
#include "http/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "http/address.h"
#include "os/descriptor.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t largest_piece = std::size_t{8} << 20;  // of a file, in one call
constexpr std::string_view continue_text = "HTTP/1.1 100 Continue\r\n\r\n";

bool wait_for(int socket, short events, milliseconds limit) {
  pollfd one{.fd = socket, .events = events, .revents = 0};
  const auto end = Clock::now() + limit;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    if (left.count() <= 0) return false;
    const int result = ::poll(&one, 1, static_cast<int>(left.count()));
    if (result > 0) return true;
    if (result == 0 || errno != EINTR) return false;
  }
}

// "127.0.0.1:8080", "[::1]:0", "localhost:8080"
std::pair<std::string, std::string> host_and_port(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon == std::string::npos ? 0 : colon);
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const bool number = !port.empty() && port.size() <= 5 &&
                      std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
  if (!host.empty() && number && std::stoul(port) <= 65535)
    return {host == "localhost" ? "127.0.0.1" : host, port};
  throw Error({.what = fmt::format("\"{}\" is not an address to listen at", printable(text)),
               .next = "as in --listen 127.0.0.1:8080, [::1]:8080, or 0.0.0.0:8080 for other machines too"});
}

Descriptor listen_at(const std::string& text) {
  const auto [host, port] = host_and_port(text);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) {
    throw Error({.what = fmt::format("\"{}\" is not an address of this machine", printable(host)),
                 .next = "name it by its number: 127.0.0.1, or 0.0.0.0 for all"});
  }
  Descriptor socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const bool bound =
      ::bind(socket.get(), found->ai_addr, found->ai_addrlen) == 0 && ::listen(socket.get(), 128) == 0;
  const int why = errno;
  ::freeaddrinfo(found);
  if (!bound) {
    throw Error({.what = fmt::format("cannot listen at {}: {}", text, std::generic_category().message(why)),
                 .next = "another program may have this port: choose another, or 0 for a free one",
                 .kind = ErrorKind::fault});
  }
  return socket;
}

// One client.
class Connection {
 public:
  Connection(Descriptor socket, const HttpServerOptions& options, const HttpHandler& handler,
             std::mutex& logging)
      : socket_(std::move(socket)), options_(options), handler_(handler), logging_(logging) {
    const int yes = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  }

  void serve() {
    while (serve_one()) {
    }
  }

  // From another thread: ends what it does with the client.
  void end() const { ::shutdown(socket_.get(), SHUT_RDWR); }

  // From another thread, now and then: a client gives up on a server that is silent for long. An interim
  // answer is one that each client of HTTP/1.1 must be able to skip (RFC 9110, 15.2).
  void show_life() {
    const std::unique_lock lock(talking_, std::try_to_lock);
    if (!lock || !working_since_ || Clock::now() - *working_since_ < options_.sign_of_life) return;
    const auto sent =
        ::send(socket_.get(), continue_text.data(), continue_text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0 && static_cast<std::size_t>(sent) != continue_text.size()) end();
    working_since_ = Clock::now();
  }

 private:
  bool serve_one() {
    const auto head = read_head();
    if (!head) return false;
    began_ = Clock::now();
    const HttpHead read = read_http_head(*head);
    if (!read.request) {
      HttpRequest nothing{.method = "GET", .path = "(not understood)"};
      answer(nothing, {.status = read.status, .body = read.why + "\n"});
      return false;
    }
    const HttpAnswer made = is_meant(*read.request) ? handle(*read.request) : not_meant(*read.request);
    return answer(*read.request, made) && read.request->keep_alive;
  }

  // Clients without a Host header are no browsers.
  bool is_meant(const HttpRequest& request) const {
    const std::string host = host_name(request.header("host"));
    return options_.hosts.empty() || host.empty() || is_loopback_name(host) ||
           std::ranges::find(options_.hosts, host) != options_.hosts.end();
  }

  static HttpAnswer not_meant(const HttpRequest& request) {
    const std::string host = printable(host_name(request.header("host")));
    return {
        .status = 421,
        .body = fmt::format(
            "this server does not answer to the name {}; start it with --host {} if it should\n", host, host),
        .cache_control = "no-store",
        .note = fmt::format("asked as {}, which --host allows", host)};
  }

  HttpAnswer handle(const HttpRequest& request) {
    set_working(request.http_1_1 ? std::optional(Clock::now()) : std::nullopt);
    HttpAnswer made;
    try {
      made = handler_(request);
    } catch (const Error& error) {
      made = {.status = error.parts().kind == ErrorKind::fault ? 503 : 500,
              .body = error.parts().what + "\n"};
      made.cache_control = "no-store";
      made.note = error.parts().what;
    } catch (const std::exception& error) {
      made = {.status = 500, .body = "this failed\n", .cache_control = "no-store", .note = error.what()};
    }
    set_working(std::nullopt);
    return made;
  }

  void set_working(std::optional<Clock::time_point> since) {
    const std::lock_guard lock(talking_);
    working_since_ = since;
  }

  // Up to its blank line; nullopt: the client went, or took too long.
  std::optional<std::string> read_head() {
    auto end = Clock::now() + (first_ ? options_.head_limit : options_.idle_limit);
    bool started = first_;
    first_ = false;
    for (;;) {
      if (const std::size_t size = head_size()) {
        std::string head = pending_.substr(0, size);
        pending_.erase(0, size);
        return head;
      }
      if (pending_.size() > longest_http_head) return std::exchange(pending_, "");  // it is refused
      if (!pending_.empty() && !started) {
        started = true;
        end = Clock::now() + options_.head_limit;
      }
      const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
      if (left.count() <= 0 || !wait_for(socket_.get(), POLLIN, left)) return std::nullopt;
      char buffer[4096];
      const auto got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got <= 0) return std::nullopt;
      pending_.append(buffer, static_cast<std::size_t>(got));
    }
  }

  std::size_t head_size() const {
    const std::size_t both = pending_.find("\r\n\r\n"), bare = pending_.find("\n\n");
    if (both == std::string::npos && bare == std::string::npos) return 0;
    return both < bare ? both + 4 : bare + 2;
  }

  // As long as the client is there and there is more. How fast is its own affair: a slow one is told by what
  // waits to be sent.
  bool stream(const HttpRequest& request, const HttpAnswer& made) {
    bool there = send(fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nCache-Control: no-store\r\n"
                                  "X-Content-Type-Options: nosniff\r\nX-Accel-Buffering: no\r\n"
                                  "Connection: close\r\n\r\n",
                                  made.status, http_reason(made.status), made.content_type),
                      false);
    while (there && request.method != "HEAD") {
      const auto piece = next_of(made);
      if (!piece) break;
      window_ = Clock::now();
      in_window_ = 0;
      there = piece->empty() ? is_there() : send(*piece, false);
    }
    log(request, made);
    return false;
  }

  static std::optional<std::string> next_of(const HttpAnswer& made) {
    try {
      return made.next();
    } catch (const std::exception&) {
      return std::nullopt;  // the client asks again
    }
  }

  // What it says while it listens is not looked at.
  bool is_there() const {
    char buffer[256];
    const auto got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
  }

  // False: the connection is over.
  bool answer(const HttpRequest& request, HttpAnswer made) {
    if (made.next) return stream(request, made);
    Descriptor file;
    std::uint64_t size = made.body.size();
    if (!made.file.empty() && !open(made, file, size))
      made = {.status = 404, .body = "there is no such file\n"};
    if (made.file.empty()) size = made.body.size();
    std::uint64_t from = 0, to = size;
    std::string range;
    if (made.status == 200) narrow(request, made, size, from, to, range);
    if (made.status == 304 || made.status == 416) {
      to = from;
      made.body.clear();
    }
    const bool sends_body = request.method != "HEAD" && to > from;
    bool whole = send(head_of(request, made, to - from, range), sends_body);
    if (whole && sends_body)
      whole =
          file.get() >= 0 ? send_file(file.get(), from, to) : send(made.body.substr(from, to - from), false);
    log(request, made);
    return whole && made.status != 408;
  }

  static bool open(const HttpAnswer& made, Descriptor& file, std::uint64_t& size) {
    file = Descriptor(::open(made.file.c_str(), O_RDONLY | O_CLOEXEC));
    struct ::stat status {};
    if (file.get() < 0 || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
    size = static_cast<std::uint64_t>(status.st_size);
    return true;
  }

  // By what the client has already, and what it still wants.
  static void narrow(const HttpRequest& request, HttpAnswer& made, std::uint64_t size, std::uint64_t& from,
                     std::uint64_t& to, std::string& range) {
    const std::string etag = '"' + made.etag + '"';
    if (!made.etag.empty() && names_etag(request.header("if-none-match"), etag)) {
      made.status = 304;
      return;
    }
    const std::string_view still = request.header("if-range");
    if (!still.empty() && (made.etag.empty() || still != etag)) return;  // it is another one by now
    const HttpRange asked = read_http_range(request.header("range"), size);
    if (asked.unsatisfiable) {
      made.status = 416;
      range = fmt::format("Content-Range: bytes */{}\r\n", size);
    } else if (asked.bytes) {
      made.status = 206;
      from = asked.bytes->first;
      to = asked.bytes->second;
      range = fmt::format("Content-Range: bytes {}-{}/{}\r\n", from, to - 1, size);
    }
  }

  static std::string head_of(const HttpRequest& request, const HttpAnswer& made, std::uint64_t size,
                             const std::string& range) {
    std::string head = fmt::format("HTTP/1.1 {} {}\r\n", made.status, http_reason(made.status));
    if (made.status != 304)
      head += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", made.content_type, size);
    if (made.status < 300) head += "Accept-Ranges: bytes\r\n";
    if (!made.etag.empty()) head += fmt::format("ETag: \"{}\"\r\n", made.etag);
    if (!made.location.empty()) head += fmt::format("Location: {}\r\n", made.location);
    if (made.varies) head += "Vary: Accept\r\n";
    if (made.status == 405) head += "Allow: GET, HEAD\r\n";
    if (made.status == 503) head += "Retry-After: 5\r\n";
    head += fmt::format("Cache-Control: {}\r\nX-Content-Type-Options: nosniff\r\n", made.cache_control);
    return head + range +
           (request.keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n");
  }

  bool send(std::string_view text, bool more) {
    while (!text.empty()) {
      const auto sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL | (more ? MSG_MORE : 0));
      if (!goes_on(sent)) return false;
      if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  bool send_file(int file, std::uint64_t from, std::uint64_t to) {
    auto at = static_cast<off_t>(from);
    window_ = Clock::now();
    in_window_ = 0;
    while (static_cast<std::uint64_t>(at) < to) {
      const std::size_t piece = std::min<std::uint64_t>(largest_piece, to - static_cast<std::uint64_t>(at));
      const auto sent = ::sendfile(socket_.get(), file, &at, piece);
      if (sent == 0 || !goes_on(sent)) return false;  // 0: the file became shorter
    }
    return true;
  }

  // After a call that sent this many bytes, or failed. Waits where the client reads slowly; false: it is
  // gone, or too slow.
  bool goes_on(ssize_t sent) {
    if (sent > 0) {
      sent_ += static_cast<std::uint64_t>(sent);
      in_window_ += static_cast<std::uint64_t>(sent);
    }
    if (Clock::now() - window_ > options_.slow_limit) {
      if (in_window_ < options_.slow_bytes) return false;
      window_ = Clock::now();
      in_window_ = 0;
    }
    if (sent >= 0 || errno == EINTR) return true;
    return errno == EAGAIN && wait_for(socket_.get(), POLLOUT, options_.slow_limit);
  }

  void log(const HttpRequest& request, const HttpAnswer& made) {
    if (!options_.log) return;
    const std::lock_guard lock(logging_);
    options_.log({.method = request.method,
                  .path = request.path,
                  .status = made.status,
                  .sent = std::exchange(sent_, 0),
                  .took = std::chrono::duration_cast<milliseconds>(Clock::now() - began_),
                  .note = made.note});
  }

  Descriptor socket_;
  const HttpServerOptions& options_;
  const HttpHandler& handler_;
  std::mutex& logging_;
  bool first_ = true;
  std::string pending_;  // read, and not yet understood
  std::mutex talking_;   // of what follows
  std::optional<Clock::time_point> working_since_;
  Clock::time_point began_ = Clock::now(), window_ = Clock::now();
  std::uint64_t sent_ = 0, in_window_ = 0;
};

}  // namespace

class HttpServer::Connections {
 public:
  Connections(HttpServerOptions options, HttpHandler handler)
      : options_(std::move(options)), handler_(std::move(handler)), listening_(listen_at(options_.listen)) {
    for (std::string& host : options_.hosts) host = host_name(host);
    if (is_loopback() || !options_.hosts.empty()) options_.hosts.push_back(host_name(address()));
  }

  void run(const std::atomic<bool>& stop) {
    constexpr milliseconds look{100};
    auto shown = Clock::now();
    while (!stop) {
      if (wait_for(listening_.get(), POLLIN, look)) take_one();
      if (Clock::now() - shown < look) continue;
      shown = Clock::now();
      const std::lock_guard lock(lock_);
      for (Connection& connection : open_) connection.show_life();
    }
    std::unique_lock lock(lock_);
    for (Connection& connection : open_) connection.end();
    gone_.wait(lock, [&] { return open_.empty(); });
  }

  bool is_loopback() const { return is_loopback_name(host_name(address())); }

  std::string address() const {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    ::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&name), &size);
    char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "";
    ::getnameinfo(reinterpret_cast<const sockaddr*>(&name), size, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV);
    return name.ss_family == AF_INET6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
  }

 private:
  void take_one() {
    Descriptor socket(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket.get() < 0) {
      const bool full = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
      if (full) std::this_thread::sleep_for(milliseconds(50));
      return;
    }
    const std::lock_guard lock(lock_);
    if (open_.size() >= options_.most_connections) return turn_away(socket.get());
    const auto place = open_.emplace(open_.end(), std::move(socket), options_, handler_, logging_);
    try {
      std::thread([this, place] {
        place->serve();
        const std::lock_guard done(lock_);
        open_.erase(place);
        gone_.notify_all();
      }).detach();
    } catch (const std::system_error&) {  // no thread to be had
      open_.erase(place);
    }
  }

  static void turn_away(int socket) {
    constexpr std::string_view text =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: "
        "close\r\n\r\n";
    [[maybe_unused]] const auto sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
  }

  HttpServerOptions options_;
  HttpHandler handler_;
  Descriptor listening_;
  std::mutex logging_, lock_;
  std::condition_variable gone_;
  std::list<Connection> open_;
};

HttpServer::HttpServer(HttpServerOptions options, HttpHandler handler)
    : all_(std::make_unique<Connections>(std::move(options), std::move(handler))) {}
HttpServer::~HttpServer() = default;

std::string HttpServer::address() const { return all_->address(); }
bool HttpServer::is_loopback() const { return all_->is_loopback(); }
void HttpServer::run(const std::atomic<bool>& stop) { all_->run(stop); }

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "http/request.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>
#include <vector>

#include "base/text.h"
#include "http/address.h"

namespace lathe {
namespace {

HttpHead refused(int status, std::string why) { return {.status = status, .why = std::move(why)}; }

bool is_token(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// "/a/b" or "/a/b/", each part once decoded. nullopt: it leads elsewhere, or means nothing here.
std::optional<std::string> path_of(std::string_view target) {
  if (!target.starts_with('/')) return std::nullopt;
  std::string path;
  const auto parts = split(target.substr(0, target.find('?')), '/');
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto part = url_decoded(parts[i]);
    const bool last = i + 1 == parts.size();
    if (!part || (part->empty() && !last) || *part == "." || *part == "..") return std::nullopt;
    if (std::ranges::any_of(*part, [](char c) { return is_control(c) || c == '/' || c == '\\'; }))
      return std::nullopt;
    if (first_bad_utf8(*part)) return std::nullopt;
    path += "/" + *part;
  }
  return path;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// An empty text: fine.
std::string add_header(std::string_view line, HttpRequest& request) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return "a header line is not one";
  const std::string_view value = trim(line.substr(colon + 1));
  if (std::ranges::any_of(value, [](char c) { return is_control(c) && c != '\t'; }))
    return "a header holds control characters";
  const std::string name = lower(line.substr(0, colon));
  const bool is_new = request.headers.emplace(name, value).second;
  if (!is_new && (name == "content-length" || name == "host" || name == "transfer-encoding"))
    return "it has two of " + name;
  return "";
}

std::vector<std::string_view> lines_of(std::string_view head) {
  std::vector<std::string_view> lines;
  for (std::string_view line : split(head, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    lines.push_back(line);
  }
  return lines;
}

}  // namespace

std::string_view HttpRequest::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

HttpHead read_http_head(std::string_view head) {
  if (head.size() > longest_http_head) return refused(431, "the head of the request is too long");
  const auto lines = lines_of(head);
  if (lines.empty()) return refused(400, "there is no request");
  const auto words = split(lines[0], ' ');
  if (words.size() != 3 || !is_token(words[0]))
    return refused(400, "the first line is not that of a request");
  if (words[1].size() > longest_http_target) return refused(414, "the address is too long");
  if (words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0")
    return refused(505, "HTTP/1.0 and HTTP/1.1 are spoken here");
  HttpRequest request{.method = std::string(words[0]), .http_1_1 = words[2] == "HTTP/1.1"};
  if (request.method != "GET" && request.method != "HEAD")
    return refused(405, "GET and HEAD are all that is answered");
  if (lines.size() - 1 > most_http_headers) return refused(431, "the request has too many headers");
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (std::string problem = add_header(lines[i], request); !problem.empty())
      return refused(400, std::move(problem));
  }
  const std::string_view length = request.header("content-length");
  if ((!length.empty() && length != "0") || request.headers.contains("transfer-encoding"))
    return refused(413, "a request for a file has no body");
  if (request.http_1_1 && !request.headers.contains("host")) return refused(400, "it names no host");
  const auto path = path_of(words[1]);
  if (!path) return refused(400, "the address does not name a file");
  request.path = *path;
  const std::string connection = lower(request.header("connection"));
  request.keep_alive = request.http_1_1 ? connection.find("close") == std::string::npos
                                        : connection.find("keep-alive") != std::string::npos;
  return {.request = std::move(request)};
}

HttpRange read_http_range(std::string_view text, std::uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  if (!text.starts_with(unit)) return {};
  text.remove_prefix(unit.size());
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos || text.find(',') != std::string_view::npos) return {};
  const std::string_view from = text.substr(0, dash), to = text.substr(dash + 1);
  const auto first = number(from), last = number(to);
  if ((!first && !from.empty()) || (!last && !to.empty()) || (!first && !last)) return {};
  if (!first) {  // the last bytes
    if (*last == 0 || size == 0) return {.unsatisfiable = true};
    return {.bytes = std::pair(size - std::min(*last, size), size)};
  }
  if (last && *last < *first) return {};
  if (*first >= size) return {.unsatisfiable = true};
  return {.bytes = std::pair(*first, last ? std::min(*last, size - 1) + 1 : size)};
}

bool names_etag(std::string_view list, std::string_view etag) {
  for (std::string_view one : split(list, ',')) {
    one = trim(one);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == etag || one == "*") return true;
  }
  return false;
}

std::string_view http_reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 206: return "Partial Content";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 416: return "Range Not Satisfiable";
    case 421: return "Misdirected Request";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
  }
}

}  // namespace lathe

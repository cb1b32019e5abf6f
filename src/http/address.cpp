// SPDX-License-Identifier: MIT
#include "http/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/text.h"

namespace lathe {
namespace {

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

struct Parts {
  std::string_view scheme, authority, path, query;  // "https", "user@host:1", "/a/b", "?x"
};

Parts parts_of(std::string_view address) {
  Parts parts;
  const std::size_t colon = address.find("://");
  if (colon == std::string_view::npos) return parts;
  parts.scheme = address.substr(0, colon);
  std::string_view rest = address.substr(colon + 3);
  const std::size_t path = std::min(rest.find_first_of("/?#"), rest.size());
  parts.authority = rest.substr(0, path);
  rest = rest.substr(path);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t query = std::min(rest.find('?'), rest.size());
  parts.path = rest.substr(0, query);
  parts.query = rest.substr(query);
  return parts;
}

// Without "." and "..", which lead no further than the root.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  const auto all = split(path, '/');
  for (std::size_t i = 1; i < all.size(); ++i) {
    const bool last = i + 1 == all.size();
    if (all[i] == "..") {
      if (!kept.empty()) kept.pop_back();
      if (last) kept.emplace_back("");
    } else if (all[i] == ".") {
      if (last) kept.emplace_back("");
    } else {
      kept.push_back(all[i]);
    }
  }
  std::string out;
  for (const std::string_view part : kept) out += "/" + std::string(part);
  return out.empty() ? "/" : out;
}

}  // namespace

std::string url_part(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) out += c;
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::optional<std::string> url_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = digit_of(text[i + 1]), low = digit_of(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool is_web_address(std::string_view text) {
  constexpr std::size_t longest = 8192;
  const Parts parts = parts_of(text);
  const std::size_t at = parts.authority.rfind('@');
  const std::string_view host =
      at == std::string_view::npos ? parts.authority : parts.authority.substr(at + 1);
  return (parts.scheme == "http" || parts.scheme == "https") && !host.empty() && host[0] != '-' &&
         text.size() <= longest && std::ranges::all_of(text, [](char c) {
           return static_cast<unsigned char>(c) > ' ' && static_cast<unsigned char>(c) < 0x7f && c != '"' &&
                  c != '\\' && c != '<' && c != '>';
         });
}

std::optional<std::string> resolve_address(std::string_view base, std::string_view reference) {
  const Parts from = parts_of(base);
  reference = trim(reference);
  reference = reference.substr(0, reference.find('#'));
  std::string out;
  const std::size_t colon = reference.find(':');
  if (colon != std::string_view::npos && colon < reference.find_first_of("/?")) {
    out = reference;  // it has a scheme of its own
  } else if (reference.starts_with("//")) {
    out = std::string(from.scheme) + ":" + std::string(reference);
  } else {
    const std::size_t query = std::min(reference.find('?'), reference.size());
    std::string path(reference.substr(0, query));
    if (path.empty()) path = from.path;
    else if (!path.starts_with('/')) path = std::string(from.path.substr(0, from.path.rfind('/') + 1)) + path;
    if (!path.starts_with('/')) path = "/" + path;
    out = std::string(from.scheme) + "://" + std::string(from.authority) + without_dots(path) +
          std::string(reference.substr(query));
  }
  if (!is_web_address(out)) return std::nullopt;
  return out;
}

bool has_secrets(std::string_view address) {
  const Parts parts = parts_of(address);
  return parts.authority.find('@') != std::string_view::npos || !parts.query.empty();
}

std::string without_secrets(std::string_view address) {
  const Parts parts = parts_of(address);
  if (parts.scheme.empty()) return std::string(address);
  const std::size_t at = parts.authority.rfind('@');
  const std::string host = at == std::string_view::npos
                               ? std::string(parts.authority)
                               : "***@" + std::string(parts.authority.substr(at + 1));
  return std::string(parts.scheme) + "://" + host + std::string(parts.path) +
         (parts.query.empty() ? "" : "?***");
}

std::string host_name(std::string_view header) {
  header = trim(header);
  const bool bracket = header.starts_with('[');
  std::string host = lower_case(
      std::string(bracket ? header.substr(1, header.find(']') - 1) : header.substr(0, header.rfind(':'))));
  if (host.ends_with('.')) host.pop_back();
  return host;
}

// "127.0.0.1.example.org" is a name that somebody else gives.
bool is_loopback_name(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  return host.starts_with("127.") && std::ranges::count(host, '.') == 3 &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace lathe

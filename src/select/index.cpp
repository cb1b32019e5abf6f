// SPDX-License-Identifier: MIT
#include "select/index.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "http/address.h"
#include "http/fetch.h"
#include "os/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t most_bytes = std::uint64_t{64} << 20;

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> starts) {
  return std::ranges::any_of(starts, [&](std::string_view start) { return text.starts_with(start); });
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool only(std::string_view text, std::string_view more) {
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return is_letter_or_digit(c) || more.find(c) != std::string_view::npos;
  });
}

// with letters and digits: the same to every shell without quotes
constexpr std::string_view uri_letters = ":/.-_~@+%=,";

// Parameters that say where a store is. Others are the publisher's own (compression, secret-key), or would
// have the reader's Nix run or trust what the index names (remote-program, ssh-key, trusted).
bool says_where(std::string_view parameter) {
  constexpr std::string_view names[] = {"endpoint", "region", "remote-store", "scheme"};
  const std::size_t equals = parameter.find('=');
  return equals != std::string_view::npos &&
         std::ranges::find(names, parameter.substr(0, equals)) != std::end(names) &&
         only(parameter, uri_letters);
}

struct StoreUri {
  std::string_view place;
  std::vector<std::string_view> parameters;
};

StoreUri split_uri(std::string_view text) {
  const std::size_t mark = text.find('?');
  return {text.substr(0, mark), mark == std::string_view::npos ? std::vector<std::string_view>{}
                                                               : split(text.substr(mark + 1), '&')};
}

// Of the kinds of store that Nix copies from. What follows "://" must not look like an option of ssh's.
bool is_cache_uri(std::string_view text) {
  const auto [place, parameters] = split_uri(text);
  return starts_with_any(place, {"file://", "http://", "https://", "ssh://", "ssh-ng://", "s3://"}) &&
         only(place, uri_letters) && place.find("://-") == std::string_view::npos &&
         std::ranges::all_of(parameters, says_where);
}

// A word of a command: '?', '&' and blanks mean something to shells.
std::string quoted(const std::string& word) {
  return word.find_first_of("?& ") == std::string::npos ? word : "'" + word + "'";
}

// "cache.example.org-1:BASE64"
bool is_public_key(std::string_view text) {
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && only(text.substr(0, colon), ".-_") &&
         only(text.substr(colon + 1), "+/=");
}

std::string with_file(std::string place) {
  while (place.ends_with('/')) place.pop_back();
  return place.ends_with(".json") ? place : fmt::format("{}/{}", place, index_file);
}

std::string folder_of(const std::string& place) {
  std::string folder = with_file(place);
  return folder.substr(0, folder.rfind('/'));
}

[[noreturn]] void cannot_fetch(const std::string& url, const std::string& why) {
  throw Error({.what = fmt::format("cannot fetch the index: {}", printable(why)),
               .where = {.file = without_secrets(url)},
               .next = "is the address right, and does it hold an index.json of torchlathe publish?",
               .kind = ErrorKind::fault});
}

std::string fetch_index_text(const std::string& url) {
  Fetched fetched = fetch({.url = url, .largest = most_bytes});
  if (!fetched.ok()) cannot_fetch(url, fetched.why);
  return std::move(fetched.body);
}

}  // namespace

bool is_index_place(const std::string& text) {
  std::error_code error;
  return starts_with_any(text, {"http://", "https://", "file://"}) || fs::is_directory(text, error);
}

std::string fetch_index(const std::string& place) {
  const bool remote = place.starts_with("http://") || place.starts_with("https://");
  const std::string path = place.starts_with("file://") ? place.substr(7) : place;
  std::string text = remote ? fetch_index_text(with_file(place)) : read_file(with_file(path), most_bytes);
  if (!trim(text).starts_with('{')) {
    throw Error({.what = "this is not an index",
                 .where = {.file = with_file(place)},
                 .next = "torchlathe publish writes one as index.json"});
  }
  return text;
}

std::optional<IndexHead> read_index_head(const Json& json, const std::string& place) {
  if (json.text_of("format") != index_format) return std::nullopt;
  const auto refuse = [&](std::string what, std::string next) -> void {
    throw Error({.what = std::move(what), .where = {.file = place}, .next = std::move(next)});
  };
  const Json* version = json.find("version");
  const auto* number = version ? version->get<std::int64_t>() : nullptr;
  if (!number || *number != index_version) {
    refuse(fmt::format("this index is of version {}, this torchlathe reads version {}",
                       number ? std::to_string(*number) : "none", index_version),
           "update torchlathe, or ask for an index that it can read");
  }
  IndexHead head{.name = json.text_of("name"), .cache = json.text_of("cache")};
  if (head.cache.empty()) {
    head.cache = place.find("://") != std::string::npos
                     ? folder_of(place)
                     : "file://" + fs::absolute(folder_of(place)).lexically_normal().string();
  }
  check_cache_address(head.cache, place);
  if (const Json* keys = json.find("public_keys"); keys && keys->array()) {
    for (const Json& key : *keys->array()) {
      if (!key.text() || !is_public_key(*key.text()))
        refuse("one of its public keys is not a key", "as in cache.example.org-1:BASE64");
      head.keys.push_back(*key.text());
    }
  }
  return head;
}

bool is_store_path(std::string_view text) {
  constexpr std::string_view store = "/nix/store/";
  constexpr std::size_t hash = 32;
  if (!text.starts_with('/') || text.size() > 4096) return false;
  const std::size_t slash = text.rfind('/');
  const std::string_view name = text.substr(slash + 1);
  const bool there =
      text.starts_with(store) ? slash + 1 == store.size() : text.find("/store/") != std::string_view::npos;
  return there && only(text, "/+-._?=") && text.find("/../") == std::string_view::npos &&
         name.size() > hash + 1 && name[hash] == '-' && std::ranges::all_of(name.substr(0, hash), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
         });
}

void check_cache_address(const std::string& uri, const std::string& file) {
  if (is_cache_uri(uri)) return;
  throw Error({.what = fmt::format("\"{}\" is not an address of a binary cache", printable(uri)),
               .where = {.file = file},
               .next = "as in https://cache.example.org"});
}

std::string public_address(const std::string& uri) {
  const auto [place, parameters] = split_uri(uri);
  std::string address(place);
  for (const std::string_view parameter : parameters) {
    if (says_where(parameter))
      address += fmt::format("{}{}", address.size() == place.size() ? '?' : '&', parameter);
  }
  return address;
}

std::vector<std::string> install_commands(const IndexHead& head,
                                          const std::vector<std::string>& store_paths) {
  const std::string cache = quoted(head.cache);
  std::string paths;
  for (const std::string& path : store_paths) paths += (paths.empty() ? "" : " ") + quoted(path);
  const std::string keys = quoted(fmt::format("{}", fmt::join(head.keys, " ")));
  if (keys.empty()) {
    return {fmt::format("nix --extra-experimental-features nix-command copy --no-check-sigs --from {} {}",
                        cache, paths),
            fmt::format("nix-store --realise {} --option substituters {} --option require-sigs false", paths,
                        cache)};
  }
  return {
      fmt::format(
          "nix --extra-experimental-features nix-command copy --from {} --option trusted-public-keys {} {}",
          cache, keys, paths),
      fmt::format("nix-store --realise {} --option substituters {} --option trusted-public-keys {}", paths,
                  cache, keys)};
}

}  // namespace lathe

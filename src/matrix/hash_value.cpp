// SPDX-License-Identifier: MIT
#include "matrix/hash_value.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace lathe {

// SRI: "sha256-" and 44 base64 characters (32 bytes), which end in "=".
void check_sri(const Toml& value) {
  const std::string& hash = value.text();
  if (hash.empty()) return;  // first build: Nix will tell the hash
  const std::string next = "SRI is written sha256- and 44 characters of base64; leave it \"\" to let a first build find it";
  if (!hash.starts_with("sha256-")) value.fail(fmt::format("\"{}\" is not an SRI hash", printable(hash)), next);
  const std::string_view digits = std::string_view(hash).substr(7);
  const bool well_formed = digits.size() == 44 && digits.back() == '=' &&
                           std::ranges::all_of(digits.substr(0, 43), [](char c) {
                             return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                                    c == '+' || c == '/';
                           });
  // 43 characters hold 258 bits: the last two are no part of the hash and must be zero.
  constexpr std::string_view last_digits = "AEIMQUYcgkosw048";
  if (!well_formed || last_digits.find(digits[42]) == std::string_view::npos) {
    value.fail(fmt::format("\"{}\" is not 32 bytes of base64", printable(hash)), next);
  }
}

// Nix's own base32 of a tarball's hash, 52 characters, or SRI: both are what `nix-prefetch-url --unpack` users have.
void check_tarball_hash(const Toml& value) {
  constexpr std::string_view base32 = "0123456789abcdfghijklmnpqrsvwxyz";
  const std::string& hash = value.text();
  const bool old_form = hash.size() == 52 && hash.find_first_not_of(base32) == std::string::npos;
  if (!old_form) check_sri(value);
}

}  // namespace lathe

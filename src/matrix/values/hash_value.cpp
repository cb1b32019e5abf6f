// SPDX-License-Identifier: MIT
#include "matrix/values/hash_value.h"

#include <fmt/format.h>

#include <cstdint>

#include "base/text.h"

namespace lathe {
namespace {

constexpr std::string_view nix_base32 = "0123456789abcdfghijklmnpqrsvwxyz";  // without e, o, t, u
constexpr std::string_view base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view hexadecimal = "0123456789abcdef";

// Digits of `bits` bits each, the first one first; a digit's highest bit comes first.
std::optional<Sha256> read_digits(std::string_view digits, std::string_view alphabet, unsigned bits) {
  Sha256 hash{};
  std::size_t at = 0;
  for (const char c : digits) {
    const std::size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    for (unsigned bit = bits; bit-- > 0; ++at) {
      const bool set = (value >> bit & 1) != 0;
      if (at < 256) hash[at / 8] = static_cast<std::uint8_t>(hash[at / 8] | (set ? 0x80 >> (at % 8) : 0));
      else if (set) return std::nullopt;  // beyond 32 bytes
    }
  }
  return hash;
}

// Nix's own: the last digit holds the lowest five bits of the first byte.
std::optional<Sha256> read_base32(std::string_view digits) {
  Sha256 hash{};
  for (std::size_t n = 0; n < digits.size(); ++n) {
    const std::size_t value = nix_base32.find(digits[digits.size() - 1 - n]);
    if (value == std::string_view::npos) return std::nullopt;
    for (std::size_t bit = 0; bit < 5; ++bit) {
      const std::size_t at = 5 * n + bit;
      const bool set = (value >> bit & 1) != 0;
      if (at < 256) hash[at / 8] = static_cast<std::uint8_t>(hash[at / 8] | (set ? 1 << (at % 8) : 0));
      else if (set) return std::nullopt;
    }
  }
  return hash;
}

}  // namespace

std::optional<Sha256> read_sha256(std::string_view text) {
  if (text.starts_with("sha256-") || text.starts_with("sha256:")) text.remove_prefix(7);
  switch (text.size()) {
    case 64: return read_digits(text, hexadecimal, 4);
    case 52: return read_base32(text);
    case 44: return text.back() == '=' ? read_digits(text.substr(0, 43), base64, 6) : std::nullopt;
    default: return std::nullopt;
  }
}

// SRI: "sha256-" and 44 base64 characters (32 bytes), which end in "=".
void check_sri(const Toml& value) {
  const std::string& hash = value.text();
  if (hash.empty()) return;  // first build: Nix will tell the hash
  const std::string next =
      "SRI is written sha256- and 44 characters of base64; leave it \"\" to let a first build find it";
  if (!hash.starts_with("sha256-"))
    value.fail(fmt::format("\"{}\" is not an SRI hash", printable(hash)), next);
  if (hash.size() != 7 + 44 || !read_sha256(hash)) {
    value.fail(fmt::format("\"{}\" is not 32 bytes of base64", printable(hash)), next);
  }
}

// Nix's own base32 of a tarball's hash, 52 characters, or SRI: both are what `nix-prefetch-url --unpack`
// users have.
void check_tarball_hash(const Toml& value) {
  const std::string& hash = value.text();
  const bool old_form = hash.size() == 52 && hash.find_first_not_of(nix_base32) == std::string::npos;
  if (!old_form) check_sri(value);
}

std::string read_tarball_url(const Toml& value) {
  if (value.text().empty() || value.text().find_first_of(" \t\n\"$\\") != std::string::npos) {
    value.fail("this is not an address", "of a .tar.gz, as builtins.fetchTarball takes it");
  }
  return value.text();
}

std::optional<std::string> read_tarball_hash(const Toml& table) {
  const Toml* hash = table.find("sha256");
  if (!hash) return std::nullopt;
  check_tarball_hash(*hash);
  return hash->text();
}

}  // namespace lathe

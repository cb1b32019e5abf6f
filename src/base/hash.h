// SPDX-License-Identifier: MIT
// SHA-256, as Nix's SRI ("sha256-<base64>"), wheels' RECORD (unpadded base64url) and people (hexadecimal)
// write it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"

namespace lathe {

using Sha256 = std::array<std::uint8_t, 32>;

// For content that comes in parts.
class Sha256Stream {
 public:
  Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  ~Sha256Stream();
  void add(ByteSpan bytes);
  Sha256 finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Sha256 sha256(ByteSpan bytes);

std::string to_sri(const Sha256& hash);        // "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
std::string to_base64url(const Sha256& hash);  // "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
std::string to_hex(const Sha256& hash);

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "base/hash.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>

#include "base/error.h"

namespace lathe {
namespace {

void must(int ok) {
  if (ok != 1) throw Error({.what = "SHA-256 failed", .where = {}, .next = "", .kind = ErrorKind::fault});
}

std::string base64(const Sha256& hash) {
  std::string text(45, '\0');  // 44 characters and the zero that OpenSSL writes
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), hash.data(), static_cast<int>(hash.size()));
  text.resize(44);
  return text;
}

}  // namespace

struct Sha256Stream::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() { must(EVP_DigestInit_ex(context, EVP_sha256(), nullptr)); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {}
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::add(ByteSpan bytes) {
  must(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()));
}

Sha256 Sha256Stream::finish() {
  Sha256 hash{};
  must(EVP_DigestFinal_ex(state_->context, hash.data(), nullptr));
  return hash;
}

Sha256 sha256(ByteSpan bytes) {
  Sha256Stream stream;
  stream.add(bytes);
  return stream.finish();
}

std::string to_sri(const Sha256& hash) { return "sha256-" + base64(hash); }

std::string to_base64url(const Sha256& hash) {
  std::string text = base64(hash);
  text.resize(43);  // without the padding
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

std::string to_hex(const Sha256& hash) {
  std::string text;
  for (const std::uint8_t byte : hash) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace lathe

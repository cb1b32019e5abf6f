// SPDX-License-Identifier: MIT
// The one checked reader through which all bytes from outside pass. Little-endian, as every format read here
// is. A read past the end throws an Error that names the offset and what was wanted; nothing is ever cast to
// a struct.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace lathe {

using ByteSpan = std::span<const std::byte>;

[[noreturn]] void throw_truncated(std::uint64_t offset, std::uint64_t wanted, std::uint64_t size,
                                  std::string_view what);

class ByteReader {
 public:
  // `what` names the thing that is read ("ELF header") in errors; it must outlive the reader.
  explicit ByteReader(ByteSpan bytes, std::string_view what = "data") : bytes_(bytes), what_(what) {}

  std::uint64_t size() const { return bytes_.size(); }
  std::uint64_t position() const { return position_; }
  std::uint64_t left() const { return bytes_.size() - position_; }

  void seek(std::uint64_t offset) {
    if (offset > bytes_.size()) throw_truncated(offset, 0, bytes_.size(), what_);
    position_ = offset;
  }
  void skip(std::uint64_t count) { take(count); }

  ByteSpan take(std::uint64_t count) {
    const ByteSpan result = at(position_, count);
    position_ += count;
    return result;
  }

  // The bytes [offset, offset + count), wherever the reader stands.
  ByteSpan at(std::uint64_t offset, std::uint64_t count) const {
    if (offset > bytes_.size() || count > bytes_.size() - offset)
      throw_truncated(offset, count, bytes_.size(), what_);
    return bytes_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(count));
  }

  template <std::unsigned_integral T>
  T read() {
    const T value = read_at<T>(position_);
    position_ += sizeof(T);
    return value;
  }

  template <std::unsigned_integral T>
  T read_at(std::uint64_t offset) const {
    static_assert(std::endian::native == std::endian::little, "the hosts this runs on are little-endian");
    T value;
    std::memcpy(&value, at(offset, sizeof(T)).data(), sizeof(T));
    return value;
  }

  std::uint8_t u8() { return read<std::uint8_t>(); }
  std::uint16_t u16() { return read<std::uint16_t>(); }
  std::uint32_t u32() { return read<std::uint32_t>(); }
  std::uint64_t u64() { return read<std::uint64_t>(); }

  // The zero-terminated string at `offset`; an Error when no zero follows.
  std::string_view string_at(std::uint64_t offset) const;

 private:
  ByteSpan bytes_;
  std::string_view what_;
  std::uint64_t position_ = 0;
};

inline ByteSpan as_byte_span(std::string_view text) { return std::as_bytes(std::span(text)); }

// `bytes` bytes of `value`, little-endian.
std::string encode_number(std::uint64_t value, unsigned bytes);

inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace lathe

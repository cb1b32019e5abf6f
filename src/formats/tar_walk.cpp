// SPDX-License-Identifier: MIT
#include "formats/tar_walk.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/text.h"
#include "formats/known_formats.h"
#include "formats/tar.h"

namespace lathe {
namespace {

constexpr std::size_t longest_name = 4096;

// Octal digits; where the first bit is set, bytes from the highest to the lowest.
std::optional<std::uint64_t> size_of(std::string_view header) {
  constexpr std::size_t at = 124, length = 12;
  std::uint64_t size = 0;
  if ((static_cast<unsigned char>(header[at]) & 0x80) != 0) {
    for (const char byte : header.substr(at + 4, length - 4))
      size = size << 8 | static_cast<unsigned char>(byte);
  } else {
    const std::string_view digits = trim(tar_field(header, at, length));
    std::from_chars(digits.data(), digits.data() + digits.size(), size, 8);
  }
  constexpr std::uint64_t largest = std::uint64_t{1} << 50;
  return size > largest ? std::nullopt : std::optional(size);
}

}  // namespace

bool TarWalk::feed(ByteSpan piece) {
  while (!piece.empty()) {
    if (!step(piece)) return false;
  }
  return state_ != State::ended && state_ != State::stopped;
}

bool TarWalk::step(ByteSpan& piece) {
  if (state_ == State::ended || state_ == State::stopped) return false;
  if (state_ == State::rest) {
    const std::uint64_t skipped = std::min<std::uint64_t>(left_, piece.size());
    left_ -= skipped;
    piece = piece.subspan(skipped);
    if (left_ == 0) state_ = State::header;
    return true;
  }
  const std::size_t full = state_ == State::header ? tar_block : wanted_;
  const std::size_t taken = std::min(full - block_.size(), piece.size());
  block_ += as_text(piece.first(taken));
  piece = piece.subspan(taken);
  if (state_ == State::start) left_ -= taken;
  if (block_.size() < full) return true;
  if (state_ == State::header) read_header();
  else show();
  return true;
}

void TarWalk::read_header() {
  const std::string header = std::exchange(block_, {});
  if (header.find_first_not_of('\0') == std::string::npos) {  // a block of zeros ends the archive
    state_ = State::ended;
    return;
  }
  const auto size = size_of(header);
  if (!looks_like_tar_header(as_byte_span(header)) || !size) {
    state_ = State::stopped;
    return;
  }
  type_ = header[156];
  name_ = long_name_.empty() ? tar_name(header) : long_name_;
  const bool has_content = type_ != '1' && type_ != '2' && type_ != '5';
  left_ = has_content ? (*size + tar_block - 1) / tar_block * tar_block : 0;
  wanted_ = type_ == 'L' ? longest_name : look_size;
  wanted_ = has_content ? std::min<std::uint64_t>(*size, wanted_) : 0;
  state_ = State::start;
  if (wanted_ == 0) show();
}

void TarWalk::show() {
  const std::string start = std::exchange(block_, {});
  state_ = left_ == 0 ? State::header : State::rest;
  if (type_ == 'L') {
    long_name_ = start.substr(0, start.find('\0'));
    return;
  }
  const bool file = type_ == '0' || type_ == '\0' || type_ == '7';
  if (type_ != 'x' && type_ != 'g') long_name_.clear();
  if (file && !look_(name_, as_byte_span(start))) state_ = State::stopped;
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "formats/streams/splice.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/error.h"

namespace lathe {
namespace {

constexpr std::uint64_t window = 32 << 10;
constexpr std::uint64_t worth_it = 256
                                   << 10;  // each splice costs a block of five bytes, and chunks at its ends
constexpr std::uint64_t piece = 1 << 20;   // bytes

std::optional<Splice> splice_in(const OldStream& old, const SameRun& run) {
  const bool at_start = run.from == 0 && run.to == 0;  // nothing to look back at
  const auto first =
      std::ranges::lower_bound(old.starts, at_start ? 0 : run.from + window, {}, &BlockStart::byte);
  auto end = std::ranges::upper_bound(old.starts, run.from + run.size, {}, &BlockStart::byte);
  if (first == old.starts.end() || end <= first) return std::nullopt;
  --end;
  if (end->byte - first->byte < worth_it) return std::nullopt;
  const std::uint64_t begin = run.to + (first->byte - run.from);
  return Splice{
      .begin = begin, .end = begin + (end->byte - first->byte), .first_bit = first->bit, .end_bit = end->bit};
}

// Lowest bit first, as a stream has them.
class Bits {
 public:
  void add(std::uint64_t value, unsigned count) {
    for (unsigned i = 0; i < count; ++i, ++size_) {
      if (size_ % 8 == 0) bytes_ += '\0';
      if (value >> i & 1) bytes_.back() = static_cast<char>(bytes_.back() | 1 << size_ % 8);
    }
  }
  std::uint64_t size() const { return size_; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  std::uint64_t size_ = 0;
};

// Ten bits: not the last, fixed codes, the end's code.
void add_empty_fixed_block(Bits& bits) { bits.add(0b0000000'01'0, 10); }

// 95 bits, an odd number: codes of one bit each for the lengths (1 and 18), for the byte 255 and the end,
// and for two distances.
void add_empty_block_of_odd_size(Bits& bits) {
  constexpr unsigned length_codes = 19, place_of_18 = 2, place_of_1 = 17;
  bits.add(0b10'0, 3);  // not the last, codes of its own
  bits.add(0, 5);       // 257 codes of bytes and lengths
  bits.add(1, 5);       // 2 codes of distances
  bits.add(length_codes - 4, 4);
  for (unsigned i = 0; i < length_codes; ++i) bits.add(i == place_of_18 || i == place_of_1 ? 1 : 0, 3);
  bits.add(1, 1);  // 18: zeros, 11 and seven bits more of them
  bits.add(138 - 11, 7);
  bits.add(1, 1);
  bits.add(117 - 11, 7);
  bits.add(0, 4);  // 1, four times
  bits.add(1, 1);  // the end
}

// Empty blocks that end at this bit of a byte. What a stored block pads depends on the bit at which it
// begins, so blocks are taken over at the bit at which they lay.
Bits filler_up_to(unsigned bit) {
  Bits bits;
  if (bit % 2 != 0) add_empty_block_of_odd_size(bits);
  while (bits.size() % 8 != bit) add_empty_fixed_block(bits);
  return bits;
}

// An empty stored block ends at a byte's start: three bits, zeros up to the next byte, its length twice, the
// second time inverted. `bit`: of the last byte, from which on there is room; 0: none.
std::string up_to_a_byte(unsigned bit) {
  constexpr std::string_view empty_block("\0\0\xff\xff", 4);
  constexpr unsigned block_header = 3;
  return (bit == 0 || 8 - bit < block_header ? std::string(1, '\0') : std::string()) += empty_block;
}

}  // namespace

std::vector<Splice> find_splices(const OldStream& old, std::uint64_t new_size) {
  std::vector<Splice> splices;
  for (const SameRun& run : old.same) {
    const auto splice = splice_in(old, run);
    if (splice && splice->end <= new_size) splices.push_back(*splice);
  }
  return splices;
}

void take_blocks(ByteSpan packed, const Splice& splice, const std::function<void(std::string_view)>& sink) {
  if (splice.end_bit < splice.first_bit || splice.end_bit > packed.size() * 8)
    throw Error({.what = "blocks beyond the end of their stream", .kind = ErrorKind::fault});
  const unsigned first = splice.first_bit % 8, end = splice.end_bit % 8;
  const std::uint64_t from = splice.first_bit / 8, to = splice.end_bit / 8;
  std::string out = filler_up_to(first).bytes();
  std::string_view bytes = as_text(packed.subspan(from, to - from + (end != 0 ? 1 : 0)));
  if (first != 0 && !bytes.empty()) {
    out.back() = static_cast<char>(out.back() | (bytes[0] & ~((1 << first) - 1)));
    bytes.remove_prefix(1);
  }
  sink(out);
  std::string tail;
  if (end != 0 && !bytes.empty()) {
    tail = static_cast<char>(bytes.back() & ((1 << end) - 1));
    bytes.remove_suffix(1);
  }
  for (std::size_t at = 0; at < bytes.size(); at += piece) sink(bytes.substr(at, piece));
  sink(tail + up_to_a_byte(end));
}

}  // namespace lathe

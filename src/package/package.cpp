// SPDX-License-Identifier: MIT
#include "package/package.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/text.h"

namespace lathe {
namespace {

constexpr std::uint64_t most_kept = std::uint64_t{2} << 30;
constexpr std::size_t step = 4096;  // a page: what is left out inside of one saves nothing

// Copies a member that arrives in order into memory, but for what is left out.
class Filler {
 public:
  Filler(std::span<std::byte> memory, LeaveOut* leave_out) : memory_(memory), leave_out_(leave_out) {}

  void feed(ByteSpan bytes) {
    while (!bytes.empty()) {
      const ByteSpan piece = bytes.first(std::min(step, bytes.size()));
      keep(piece, filled_, std::min(filled_ + piece.size(), skip_.first));
      keep(piece, std::max(filled_, skip_.second), filled_ + piece.size());
      filled_ += piece.size();
      if (leave_out_) look_ahead();
      bytes = bytes.subspan(piece.size());
    }
  }

  ByteRanges take_absent() { return std::move(absent_); }

 private:
  // Of a piece that begins at filled_.
  void keep(ByteSpan piece, std::uint64_t begin, std::uint64_t end) {
    if (begin >= end) return;
    kept_ += end - begin;
    if (kept_ > most_kept) {
      throw Error({.what = fmt::format("the member holds more than {} GB{}", most_kept >> 30,
                                       leave_out_ ? fmt::format(" besides {}", leave_out_->what()) : ""),
                   .next = "unpack it and inspect the folder"});
    }
    std::memcpy(memory_.data() + begin, piece.data() + (begin - filled_), end - begin);
  }

  void look_ahead() {
    const ByteRange range = leave_out_->ahead(memory_, filled_);
    if (range.first >= range.second) return;
    absent_.push_back(range);
    skip_ = range;
  }

  std::span<std::byte> memory_;
  LeaveOut* leave_out_;
  std::uint64_t filled_ = 0;
  std::uint64_t kept_ = 0;
  ByteRange skip_ = {0, 0};
  ByteRanges absent_;
};

}  // namespace

std::string Package::shown(std::size_t member) const {
  return name_ + "/" + printable(members_[member].path);
}

MemberContent Package::open(std::size_t member, const Reading& reading) const {
  if (auto content = in_place(member)) {
    if (reading.hash) reading.hash->add(content->bytes());
    return std::move(*content);
  }
  MemberContent content = unpack(member, reading.leave_out, reading.hash);
  if (content.absent().empty() || reading.leave_out->was_right(content.bytes(), content.absent()))
    return content;
  return unpack(member, nullptr, nullptr);
}

MemberContent Package::unpack(std::size_t member, LeaveOut* leave_out, Sha256Stream* hash) const {
  SparseMemory memory(members_[member].size);
  Filler filler(memory.writable(), leave_out);
  read(member, [&](ByteSpan out) {
    filler.feed(out);
    if (hash) hash->add(out);
    return true;
  });
  return {std::move(memory), filler.take_absent()};
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "side/delta.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "side/gear.h"

namespace lathe {
namespace {

// Places of the slim file that are looked up: one of so many bytes on average, fewer of a large file, so that
// the table stays small.
constexpr unsigned fewest_bits = 7;
constexpr std::uint64_t most_places = std::uint64_t{1} << 21;
// A run that is shorter costs more to tell than to keep aside.
constexpr std::uint64_t shortest_run = 128;

unsigned bits_for(std::uint64_t size) {
  return std::max(fewest_bits, static_cast<unsigned>(std::bit_width(size / most_places)));
}

// Where two ranges begin to differ.
std::uint64_t same_ahead(ByteSpan one, ByteSpan other) {
  const std::size_t size = std::min(one.size(), other.size());
  std::size_t at = 0;
  constexpr std::size_t block = 4096;
  while (at + block <= size && std::memcmp(one.data() + at, other.data() + at, block) == 0) at += block;
  while (at < size && one[at] == other[at]) ++at;
  return at;
}

std::uint64_t same_behind(ByteSpan one, ByteSpan other, std::uint64_t most) {
  std::uint64_t count = 0;
  while (count < most && one[one.size() - 1 - count] == other[other.size() - 1 - count]) ++count;
  return count;
}

// The places of the slim file at which the hash ends in zeros, by hash.
class Places {
 public:
  explicit Places(ByteSpan slim) : slim_(slim), mask_(high_bits(bits_for(slim.size()))) {
    const std::uint64_t expected = std::max<std::uint64_t>(slim.size() >> bits_for(slim.size()), 16);
    slots_.resize(std::bit_ceil(expected * 2), none);
    std::uint64_t hash = 0, last = 0;
    for (std::size_t i = 0; i < slim.size(); ++i) {
      hash = gear_next(hash, slim[i]);
      if ((hash & mask_) != 0 || i + 1 < gear_window || hash == last) continue;
      last = hash;  // in a run of one byte it is the same again and again
      if (!add(hash, i + 1)) break;
    }
  }

  std::uint64_t mask() const { return mask_; }
  static constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();

  // The end of a window of the slim file with these very bytes, at or behind `near` if there is one.
  std::uint64_t find(std::uint64_t hash, ByteSpan window, std::uint64_t near) const {
    std::uint64_t found = none;
    std::size_t looked_at = 0;
    for (std::size_t slot = first(hash); slots_[slot] != none && looked_at < most_looked_at;
         slot = (slot + 1) & (slots_.size() - 1), ++looked_at) {
      const std::uint64_t end = slots_[slot];
      if (std::memcmp(slim_.data() + end - gear_window, window.data(), gear_window) != 0) continue;
      if (end >= near) return end;
      if (found == none) found = end;
    }
    return found;
  }

 private:
  static constexpr std::size_t most_looked_at = 64;

  // The highest bits depend on all 64 bytes.
  static std::uint64_t high_bits(unsigned count) { return ~std::uint64_t{0} << (64 - count); }
  std::size_t first(std::uint64_t hash) const {
    return (hash * 0x9e3779b97f4a7c15 >> 20) & (slots_.size() - 1);
  }
  // False: the table is as full as it may be.
  bool add(std::uint64_t hash, std::uint64_t end) {
    if (++count_ > slots_.size() / 4 * 3) return false;
    std::size_t slot = first(hash), passed = 0;
    while (slots_[slot] != none) {
      if (++passed > most_looked_at) return true;  // the same bytes over and over
      slot = (slot + 1) & (slots_.size() - 1);
    }
    slots_[slot] = end;
    return true;
  }

  ByteSpan slim_;
  std::uint64_t mask_;
  std::vector<std::uint64_t> slots_;
  std::size_t count_ = 0;
};

class Finder {
 public:
  Finder(ByteSpan original, ByteSpan slim) : original_(original), slim_(slim), places_(slim) {}

  std::vector<DeltaRun> runs() {
    take_start();
    while (at_ < original_.size()) search();
    put_aside(original_.size());
    return std::move(runs_);
  }

 private:
  // Both begin alike, and may be too small to have a place that is looked up.
  void take_start() {
    const std::uint64_t same = same_ahead(original_, slim_);
    if (same >= shortest_run || (same > 0 && same == original_.size())) take(0, 0, same);
  }

  void take(std::uint64_t at, std::uint64_t slim_at, std::uint64_t size) {
    put_aside(at);
    runs_.push_back({.at = at, .size = size, .kept = true, .slim_at = slim_at});
    at_ = aside_from_ = at + size;
    slim_at_ = slim_at + size;
  }

  void put_aside(std::uint64_t end) {
    if (end > aside_from_) runs_.push_back({.at = aside_from_, .size = end - aside_from_});
    aside_from_ = end;
  }

  // From at_ on, until something is found or the end comes.
  void search() {
    std::uint64_t hash = 0;
    const std::uint64_t mask = places_.mask();
    const std::uint64_t from = at_ >= gear_window ? at_ - gear_window : 0;
    for (std::uint64_t i = from; i < original_.size(); ++i) {
      hash = gear_next(hash, original_[i]);
      if ((hash & mask) != 0 || i + 1 < from + gear_window) continue;
      if (found_at(hash, i + 1)) return;
    }
    at_ = original_.size();
  }

  bool found_at(std::uint64_t hash, std::uint64_t end) {
    const std::uint64_t slim_end =
        places_.find(hash, original_.subspan(end - gear_window, gear_window), slim_at_);
    if (slim_end == Places::none) return false;
    const std::uint64_t ahead = same_ahead(original_.subspan(end), slim_.subspan(slim_end));
    const std::uint64_t most = std::min(end - aside_from_, slim_end);
    const std::uint64_t behind = same_behind(original_.first(end), slim_.first(slim_end), most);
    if (ahead + behind < shortest_run) return false;
    take(end - behind, slim_end - behind, ahead + behind);
    return true;
  }

  ByteSpan original_, slim_;
  Places places_;
  std::vector<DeltaRun> runs_;
  std::uint64_t at_ = 0;          // all before is taken or looked at
  std::uint64_t aside_from_ = 0;  // all before is in runs_
  std::uint64_t slim_at_ = 0;     // where the last run ended there
};

}  // namespace

std::vector<DeltaRun> delta(ByteSpan original, ByteSpan slim) { return Finder(original, slim).runs(); }

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "cpu/cpu_scan_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/parallel.h"

namespace lathe::cpu {
namespace {

// Shorter gaps are padding up to the next function's alignment.
constexpr std::uint64_t shortest_gap = 16;

// The end of what begins at `address`, which a hostile size cannot move past the end of all addresses.
std::uint64_t end_of(std::uint64_t address, std::uint64_t size) {
  return address + std::min(size, ~std::uint64_t{0} - address);
}

// Symbols and frames as functions. They are numbered one behind the other, the symbols first.
class Candidates {
 public:
  explicit Candidates(const CpuCode& code) : code_(code) {}

  std::vector<PlacedItem> by_address(unsigned threads) const {
    std::vector<PlacedItem> symbols, frames;
    const auto symbol_count = static_cast<std::uint32_t>(code_.functions.size());
    parallel_for_all(
        2,
        [&](std::size_t i) {
          i == 0 ? place(code_.functions, 0, symbols) : place(code_.frames, symbol_count, frames);
        },
        threads);
    std::vector<PlacedItem> all(symbols.size() + frames.size());
    std::ranges::merge(symbols, frames, all.begin(), {}, &PlacedItem::address, &PlacedItem::address);
    return all;
  }

  Function operator[](std::uint32_t number) const {
    return number < code_.functions.size() ? of(code_.functions[number])
                                           : of(code_.frames[number - code_.functions.size()]);
  }

 private:
  template <typename Item>
  static void place(const std::vector<Item>& from, std::uint32_t first, std::vector<PlacedItem>& items) {
    items.reserve(from.size());
    for (const Item& item : from) items.push_back({.address = item.address, .number = first++});
    sort_by_address(items);
  }
  static Function of(const CodeSymbol& symbol) {
    return {.address = symbol.address,
            .end = end_of(symbol.address, symbol.size),
            .name = symbol.name,
            .source = symbol.source,
            .weak = symbol.weak,
            .exported = symbol.exported,
            .resolver = symbol.resolver};
  }
  static Function of(const CodeRange& frame) {
    return {.address = frame.address, .end = end_of(frame.address, frame.size)};
  }

  const CpuCode& code_;
};

// Which of two at one address tells more? Among equals the one whose name comes first in the file: comparing
// the texts would take as long as all else here.
bool tells_more(const Function& a, const Function& b) {
  const auto rank = [](const Function& f) {
    return std::tuple(f.name.empty(), f.weak, !f.exported, ~f.end, f.name.data());
  };
  return rank(a) < rank(b);
}

// One function out of several candidates with the same address.
Function merge(const Candidates& candidates, std::span<const PlacedItem> same) {
  Function merged = candidates[same.front().number];
  if (same.size() == 1) return merged;
  for (const PlacedItem& item : same.subspan(1)) {
    const Function other = candidates[item.number];
    if (tells_more(other, merged)) merged = other;
  }
  for (const PlacedItem& item : same) {
    const Function other = candidates[item.number];
    merged.end = std::max(merged.end, other.end);
    if (other.name.empty()) continue;
    merged.weak &= other.weak;
    merged.exported |= other.exported;
    merged.resolver |= other.resolver;
  }
  return merged;
}

// Those of `found` from `begin` on that lie at one address.
std::size_t end_of_group(std::span<const PlacedItem> found, std::size_t begin) {
  std::size_t end = begin + 1;
  while (end < found.size() && found[end].address == found[begin].address) ++end;
  return end;
}

std::vector<Function> merge_all(const Candidates& candidates, std::span<const PlacedItem> found) {
  std::vector<Function> merged;
  merged.reserve(found.size());
  for (std::size_t i = 0; i < found.size();) {
    const std::size_t next = end_of_group(found, i);
    merged.push_back(merge(candidates, found.subspan(i, next - i)));
    i = next;
  }
  return merged;
}

// In parts that end where an address does.
std::vector<std::span<const PlacedItem>> parts_of(std::span<const PlacedItem> found) {
  constexpr std::size_t part = 32 << 10;
  std::vector<std::span<const PlacedItem>> parts;
  while (!found.empty()) {
    const std::size_t size = found.size() <= part ? found.size() : end_of_group(found, part);
    parts.push_back(found.first(size));
    found = found.subspan(size);
  }
  return parts;
}

std::vector<Function> merged_candidates(const CpuCode& code, unsigned threads) {
  const Candidates candidates(code);
  const std::vector<PlacedItem> found = candidates.by_address(threads);
  const auto parts = parts_of(found);
  std::vector<std::vector<Function>> merged(parts.size());
  parallel_for_all(
      parts.size(), [&](std::size_t i) { merged[i] = merge_all(candidates, parts[i]); }, threads);
  std::vector<Function> known;
  known.reserve(std::max(code.functions.size(), code.frames.size()));
  std::uint64_t named_end = 0;
  for (const auto& part : merged) {
    for (const Function& function : part) {
      // Unwind information of a part of a function that has a name says nothing new.
      if (function.name.empty() && function.address < named_end) continue;
      if (!function.name.empty()) named_end = std::max(named_end, function.end);
      known.push_back(function);
    }
  }
  return known;
}

}  // namespace

Functions::Functions(const CpuCode& code, unsigned threads) {
  const std::vector<Function> known = merged_candidates(code, threads);
  std::vector<std::uint32_t> sections(code.sections.size());
  for (std::uint32_t i = 0; i < sections.size(); ++i) sections[i] = i;
  std::ranges::sort(sections, {}, [&](std::uint32_t i) { return code.sections[i].address; });
  all_.reserve(known.size() * 9 / 8 + 64);
  for (const std::uint32_t section : sections) add_section(code, section, known);
  std::vector<AddressIndex::Range> ranges;
  ranges.reserve(all_.size());
  for (const Function& function : all_) ranges.push_back({.begin = function.address, .end = function.end});
  index_ = AddressIndex(std::move(ranges));
}

void Functions::add_section(const CpuCode& code, std::uint32_t number, std::span<const Function> known) {
  const CodeSection& section = code.sections[number];
  const std::uint64_t section_end = section.address + section.bytes.size();
  if (section_end < section.address) return;  // runs over the end of all addresses: damaged
  const auto begin = std::ranges::lower_bound(known, section.address, {}, &Function::address);
  const auto end = std::ranges::lower_bound(known, section_end, {}, &Function::address);
  if (!all_.empty() && all_.back().end > section.address) return;  // sections that overlap: damaged
  if (begin == end) {
    if (!section.bytes.empty()) {
      all_.push_back({.address = section.address, .end = section_end, .section = number, .whole = true});
    }
    return;
  }
  const auto add_gap = [&](std::uint64_t from, std::uint64_t to) {
    if (to - from >= shortest_gap)
      all_.push_back({.address = from, .end = to, .section = number, .gap = true});
  };
  std::uint64_t done = section.address;
  for (auto it = begin; it != end; ++it) {
    Function function = *it;
    const std::uint64_t limit = it + 1 == end ? section_end : std::min(section_end, (it + 1)->address);
    add_gap(done, function.address);
    function.end = function.end == function.address ? limit : std::min(function.end, limit);
    function.section = number;
    all_.push_back(function);
    done = function.end;
  }
  add_gap(done, section_end);
}

std::uint32_t Functions::starting_at(std::uint64_t address) const {
  const std::uint32_t number = at(address);
  if (number == none) return none;
  const std::uint64_t inside = address - range(number).begin;
  return inside == 0 || inside == 4 ? number : none;  // ENDBR64 and BTI have 4 bytes
}

std::string Functions::name_of(std::uint32_t number) const {
  const Function& function = all_[number];
  return function.name.empty() ? fmt::format("{:#x}", function.address) : std::string(function.name);
}

}  // namespace lathe::cpu

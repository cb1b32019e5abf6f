// SPDX-License-Identifier: MIT
#include "binary/cpu_scan_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace lathe::cpu {
namespace {

// Shorter gaps are padding up to the next function's alignment.
constexpr std::uint64_t shortest_gap = 16;
constexpr std::uint64_t index_step = 256;

// Symbols and frames as functions, by address; of several names of one address the most telling first.
std::vector<Function> candidates(const CpuCode& code) {
  std::vector<Function> found;
  found.reserve(code.functions.size() + code.frames.size());
  for (const CodeSymbol& symbol : code.functions) {
    found.push_back({.address = symbol.address,
                     .end = symbol.address + std::min(symbol.size, ~std::uint64_t{0} - symbol.address),
                     .name = symbol.name,
                     .source = symbol.source,
                     .weak = symbol.weak,
                     .exported = symbol.exported,
                     .resolver = symbol.resolver});
  }
  for (const CodeRange& frame : code.frames) {
    found.push_back({.address = frame.address, .end = frame.address + std::min(frame.size, ~std::uint64_t{0} - frame.address)});
  }
  // Among equals the one whose name comes first in the file: comparing the texts would take as long as all else here.
  const auto rank = [](const Function& f) {
    return std::tuple(f.address, f.name.empty(), f.weak, !f.exported, ~f.end, f.name.data());
  };
  std::ranges::sort(found, {}, rank);
  return found;
}

// One function out of several candidates with the same address.
Function merge(std::span<const Function> same) {
  Function merged = same.front();
  for (const Function& other : same.subspan(1)) {
    merged.end = std::max(merged.end, other.end);
    if (other.name.empty()) continue;
    merged.weak &= other.weak;
    merged.exported |= other.exported;
    merged.resolver |= other.resolver;
  }
  return merged;
}

std::vector<Function> merged_candidates(const CpuCode& code) {
  const std::vector<Function> found = candidates(code);
  std::vector<Function> merged;
  std::uint64_t named_end = 0;
  for (std::size_t i = 0; i < found.size();) {
    std::size_t next = i + 1;
    while (next < found.size() && found[next].address == found[i].address) ++next;
    const Function function = merge(std::span(found).subspan(i, next - i));
    i = next;
    // Unwind information of a part of a function that has a name says nothing new.
    if (function.name.empty() && function.address < named_end) continue;
    if (!function.name.empty()) named_end = std::max(named_end, function.end);
    merged.push_back(function);
  }
  return merged;
}

}  // namespace

Functions::Functions(const CpuCode& code) {
  const std::vector<Function> known = merged_candidates(code);
  std::vector<std::uint32_t> sections(code.sections.size());
  for (std::uint32_t i = 0; i < sections.size(); ++i) sections[i] = i;
  std::ranges::sort(sections, {}, [&](std::uint32_t i) { return code.sections[i].address; });
  for (const std::uint32_t section : sections) add_section(code, section, known);
  index();
}

void Functions::add_section(const CpuCode& code, std::uint32_t number, std::span<const Function> known) {
  const CodeSection& section = code.sections[number];
  const std::uint64_t section_end = section.address + section.bytes.size();
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
    if (to - from >= shortest_gap) all_.push_back({.address = from, .end = to, .section = number, .gap = true});
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

void Functions::index() {
  if (all_.empty()) return;
  first_ = all_.front().address;
  const std::uint64_t span = all_.back().end - first_;
  // Sections far apart would make the index large: then it is left out, and at() searches.
  if (span / index_step > 64 * (all_.size() + 1024)) return;
  index_.reserve(span / index_step + 2);
  std::uint32_t function = 0;
  for (std::uint64_t at = first_; at < first_ + span; at += index_step) {
    while (function < all_.size() && all_[function].end <= at) ++function;
    index_.push_back(function);
  }
}

std::uint32_t Functions::at(std::uint64_t address) const {
  if (all_.empty() || address < first_) return none;
  std::size_t number;
  if (index_.empty()) {
    number = static_cast<std::size_t>(std::ranges::upper_bound(all_, address, {}, &Function::end) - all_.begin());
  } else {
    const std::uint64_t step = (address - first_) / index_step;
    if (step >= index_.size()) return none;
    number = index_[step];
    while (number < all_.size() && all_[number].end <= address) ++number;
  }
  if (number >= all_.size() || address < all_[number].address) return none;
  return static_cast<std::uint32_t>(number);
}

std::uint32_t Functions::starting_at(std::uint64_t address) const {
  const std::uint32_t number = at(address);
  if (number == none) return none;
  const std::uint64_t inside = address - all_[number].address;
  return inside == 0 || inside == 4 ? number : none;  // ENDBR64 and BTI have 4 bytes
}

std::string Functions::name_of(std::uint32_t number) const {
  const Function& function = all_[number];
  return function.name.empty() ? fmt::format("{:#x}", function.address) : std::string(function.name);
}

}  // namespace lathe::cpu

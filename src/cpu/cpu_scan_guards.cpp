// SPDX-License-Identifier: MIT
#include "cpu/cpu_scan_guards.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"
#include "base/parallel.h"
#include "cpu/cpu_scan.h"
#include "cpu/isa/isa_x86.h"

namespace lathe::cpu {
namespace {

// Whose address an initialiser takes: an array of so many words with features.
constexpr std::uint64_t features_words = 4;
// What an initialiser of processor features may take; larger functions do other things too.
constexpr std::uint64_t largest_initialiser = 16 << 10;
constexpr std::uint64_t largest_getter = 1 << 10;

std::uint64_t size_of(const Function& function) { return function.end - function.address; }

ByteSpan bytes_of(const CpuCode& code, const Function& function) {
  const CodeSection& section = code.sections[function.section];
  return section.bytes.subspan(function.address - section.address, size_of(function));
}

bool in_ranges(std::span<const CodeRange> ranges, std::uint64_t address) {
  return std::ranges::any_of(ranges, [&](const CodeRange& r) { return address - r.address < r.size; });
}

// `visit` says whether to go on.
template <typename Visit>
void for_each_x86(const CpuCode& code, const Function& function, const Visit& visit) {
  const ByteSpan bytes = bytes_of(code, function);
  for (std::size_t at = 0; at < bytes.size();) {
    const X86Instruction instruction = decode_x86(bytes.subspan(at));
    const std::size_t next = at + std::max<std::size_t>(1, instruction.length);
    const auto* const start = reinterpret_cast<const std::uint8_t*>(bytes.data()) + at;
    if (instruction && !visit(start, instruction, function.address + next)) return;
    at = next;
  }
}

// With the address of an array comes all of the array.
void add_taken(std::uint64_t address, std::vector<std::uint64_t>& addresses) {
  for (std::uint64_t word = 0; word < features_words; ++word) addresses.push_back(address + word * 8);
}

void add_x86_addresses(const CpuCode& code, const Function& function, std::vector<std::uint64_t>& addresses) {
  for_each_x86(code, function,
               [&](const std::uint8_t* bytes, const X86Instruction& instruction, std::uint64_t next) {
                 if (instruction.modrm == 0 || (bytes[instruction.modrm] & 0xc7) != 5) return true;
                 std::int32_t distance;
                 std::memcpy(&distance, bytes + instruction.modrm + 1, 4);
                 const std::uint64_t address = next + static_cast<std::uint64_t>(std::int64_t{distance});
                 const bool is_lea = bytes[instruction.modrm - 1] == 0x8d;
                 is_lea ? add_taken(address, addresses) : addresses.push_back(address);
                 return true;
               });
}

// Of instructions with a ModRM byte.
constexpr std::uint64_t largest_imm = 4;

// Could any instruction name one of `cells` (addresses / 8, sorted)? Every byte is taken for a RIP-relative
// ModRM byte, with each size that an immediate behind it can have: that costs a tenth of decoding, and the
// answer is nearly always no.
bool may_name_x86(const CpuCode& code, const Function& function, std::span<const std::uint64_t> cells) {
  const ByteSpan bytes = bytes_of(code, function);
  const std::uint64_t lowest = (cells.front() - features_words) * 8, span = (cells.back() + 1) * 8 - lowest;
  for (std::size_t at = 0; at + 5 <= bytes.size(); ++at) {
    if ((static_cast<std::uint8_t>(bytes[at]) & 0xc7) != 5) continue;
    std::int32_t distance;
    std::memcpy(&distance, bytes.data() + at + 1, 4);
    const std::uint64_t named =
        function.address + at + 5 + static_cast<std::uint64_t>(std::int64_t{distance});
    if (named - lowest >= span) continue;
    const auto cell = std::ranges::lower_bound(cells, named / 8);
    if (cell != cells.end() && *cell <= (named + largest_imm) / 8 + features_words - 1) return true;
  }
  return false;
}

// ADRP and then ADD or any load or store with an unsigned offset.
void add_arm64_addresses(const CpuCode& code, const Function& function,
                         std::vector<std::uint64_t>& addresses) {
  const ByteSpan bytes = bytes_of(code, function);
  std::array<std::uint64_t, 32> pages{};
  for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4) {
    std::uint32_t word;
    std::memcpy(&word, bytes.data() + at, 4);
    const std::uint32_t d = word & 31, n = word >> 5 & 31;
    if ((word & 0x9f000000) == 0x90000000) {
      const std::uint64_t distance = ((word >> 5 & 0x7ffff) << 2 | (word >> 29 & 3)) << 12;
      const std::uint64_t sign = std::uint64_t{1} << 32;
      pages[d] = ((function.address + at) & ~0xfffull) + ((distance ^ sign) - sign);
    } else if (pages[n] && (word & 0xffc00000) == 0x91000000) {
      add_taken(pages[n] + (word >> 10 & 0xfff), addresses);
    } else if (pages[n] && (word & 0x3b000000) == 0x39000000) {
      addresses.push_back(pages[n] + (std::uint64_t{word >> 10 & 0xfff} << (word >> 30)));
    }
  }
}

}  // namespace

bool uses_legacy_sse(const CpuCode& code, const Function& function) {
  bool found = false;
  for_each_x86(code, function,
               [&](const std::uint8_t* bytes, const X86Instruction& instruction, std::uint64_t) {
                 if (instruction.modrm < 2 || bytes[instruction.modrm - 2] != 0x0f) return true;
                 const std::uint8_t opcode = bytes[instruction.modrm - 1];
                 found = (opcode >= 0x10 && opcode <= 0x17) || (opcode >= 0x28 && opcode <= 0x2f) ||
                         (opcode >= 0x50 && opcode <= 0x7f) || opcode == 0xc6 || opcode >= 0xd0;
                 return !found;
               });
  return found;
}

Graph::Graph(std::span<const Edge> edges, std::uint32_t functions)
    : edges_(edges), reversed_(edges.size()), from_(functions + 2), to_(functions + 2) {
  for (const Edge& edge : edges_) {
    ++from_[edge.from + 1];
    ++to_[edge.to + 2];  // one further on: placing the edges moves it back
  }
  for (std::uint32_t i = 1; i < functions + 2; ++i) {
    from_[i] += from_[i - 1];
    to_[i] += to_[i - 1];
  }
  for (const Edge& edge : edges_) reversed_[to_[edge.to + 1]++] = edge;
}

std::span<const Edge> Graph::from(std::uint32_t function) const {
  return edges_.subspan(from_[function], from_[function + 1] - from_[function]);
}
std::span<const Edge> Graph::to(std::uint32_t function) const {
  return std::span(reversed_).subspan(to_[function], to_[function + 1] - to_[function]);
}

Guards::Guards(const CpuCode& code, const Functions& functions, const Facts& facts, const Graph& graph,
               unsigned threads)
    : code_(code),
      functions_(functions),
      facts_(facts),
      graph_(graph),
      near_(facts.asks),
      small_askers_(functions.size(), Known::open),
      askers_(functions.size(), Known::open) {
  for (const CodeSlot& slot : code.slots) {
    if (slot.table) table_.push_back(slot.address);
  }
  if (!std::ranges::is_sorted(table_)) std::ranges::sort(table_);
  add_variables_of(find_near(), threads);
  for (const CodeRange& range : code.guard_variables) {
    const std::uint64_t size = std::clamp<std::uint64_t>(range.size, 1, 256);
    for (std::uint64_t cell = range.address / 8; cell <= (range.address + size - 1) / 8; ++cell)
      variables_.push_back(cell);
  }
  std::ranges::sort(variables_);
}

// Who asks, and their callers.
std::vector<std::uint32_t> Guards::find_near() {
  std::vector<std::uint32_t> near;
  for (std::uint32_t f = 0; f < functions_.size(); ++f) {
    if (!facts_.asks[f]) continue;
    near.push_back(f);
    for (const Edge& edge : graph_.to(f)) {
      if (!edge.call || near_[edge.from]) continue;
      near_[edge.from] = 1;
      near.push_back(edge.from);
    }
  }
  return near;
}

void Guards::add_variables_of(std::vector<std::uint32_t> functions, unsigned threads) {
  std::erase_if(functions, [&](std::uint32_t f) { return size_of(functions_[f]) > largest_initialiser; });
  std::vector<std::vector<std::uint64_t>> found(functions.size());
  parallel_for_all(
      functions.size(), [&](std::size_t i) { found[i] = variables_of(functions[i]); }, threads);
  for (const auto& addresses : found) {
    for (const std::uint64_t address : addresses) variables_.push_back(address / 8);
  }
}

std::vector<std::uint64_t> Guards::variables_of(std::uint32_t number) const {
  const Function& function = functions_[number];
  std::vector<std::uint64_t> addresses;
  if (code_.machine == Machine::x86_64) {
    add_x86_addresses(code_, function, addresses);
  } else {
    add_arm64_addresses(code_, function, addresses);
  }
  std::erase_if(addresses, [&](std::uint64_t address) {
    return !in_ranges(code_.variables, address) ||
           std::ranges::binary_search(table_, address & ~std::uint64_t{7});
  });
  return addresses;
}

bool Guards::reads_variable(std::uint32_t function) const {
  if (variables_.empty()) return false;
  if (code_.machine == Machine::x86_64 && !may_name_x86(code_, functions_[function], variables_))
    return false;
  const auto named = variables_of(function);
  return std::ranges::any_of(named,
                             [&](std::uint64_t a) { return std::ranges::binary_search(variables_, a / 8); });
}

bool Guards::near_asker(std::uint32_t function) const {
  if (near_[function]) return true;
  return std::ranges::any_of(graph_.from(function), [&](const Edge& edge) { return near_[edge.to] != 0; });
}

bool Guards::is_small_asker(std::uint32_t function) {
  Known& known = small_askers_[function];
  if (known == Known::open) {
    const bool small = size_of(functions_[function]) <= largest_getter;
    known = small && (near_asker(function) || reads_variable(function)) ? Known::yes : Known::no;
  }
  return known == Known::yes;
}

bool Guards::asks(std::uint32_t function) {
  Known& known = askers_[function];
  if (known == Known::open) {
    bool found = near_asker(function) || reads_variable(function);
    for (const Edge& edge : graph_.from(function)) found = found || (edge.call && is_small_asker(edge.to));
    known = found ? Known::yes : Known::no;
  }
  return known == Known::yes;
}

}  // namespace lathe::cpu

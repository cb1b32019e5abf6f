// SPDX-License-Identifier: MIT
// The functions of a file, in the order of their addresses: out of its symbols, its unwind information, and
// what lies between.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/address_index.h"
#include "cpu/cpu_scan.h"

namespace lathe::cpu {

inline constexpr std::uint32_t none = AddressIndex::none;

struct Function {
  std::uint64_t address = 0;
  std::uint64_t end = 0;
  std::string_view name = {};
  std::string_view source = {};  // see CodeSymbol
  std::uint32_t section = 0;
  bool weak = false;  // all of its names are
  bool exported = false;
  bool resolver = false;
  bool gap = false;    // between functions: code that nothing names, or data
  bool whole = false;  // a whole section of which nothing is known
};

class Functions {
 public:
  explicit Functions(const CpuCode& code, unsigned threads = 0);  // 0: all usable cores

  std::span<const Function> all() const { return all_; }
  const Function& operator[](std::uint32_t number) const { return all_[number]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(all_.size()); }

  // Where it lies, without the rest: what many lookups need stays in the cache.
  const AddressIndex::Range& range(std::uint32_t number) const { return index_[number]; }

  // The function that holds this address, or none.
  std::uint32_t at(std::uint64_t address) const { return index_.at(address); }
  // The same, but only for its first byte (or what comes before a landing pad there).
  std::uint32_t starting_at(std::uint64_t address) const;

  std::string name_of(std::uint32_t number) const;  // "0x1234" where it has none

 private:
  void add_section(const CpuCode& code, std::uint32_t section, std::span<const Function> known);

  std::vector<Function> all_;
  AddressIndex index_;
};

}  // namespace lathe::cpu

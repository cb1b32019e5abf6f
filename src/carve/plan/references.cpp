// SPDX-License-Identifier: MIT
#include "carve/plan/references.h"
#include "formats/elf.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace lathe {
namespace {

class References {
 public:
  References(const Elf& elf, const DeviceContents& fatbins) : elf_(elf), fatbins_(fatbins) {
    for (const DeviceWrapper& wrapper : fatbins.wrappers) {
      // A wrapper that is not its container's one and only counts as somebody else.
      if (wrapper.container && fatbins.containers[*wrapper.container].wrapper)
        own_.push_back(wrapper.pointer_at);
    }
    std::ranges::sort(own_);
    for (const ContainerIndex i : fatbins.containers.ids()) {
      if (fatbins.containers[i].address != 0) by_address_.push_back(i);
    }
    std::ranges::sort(by_address_, {}, [&](ContainerIndex i) { return fatbins.containers[i].address; });
    for (const ContainerIndex i : by_address_) {
      const DeviceContainer& container = fatbins.containers[i];
      lowest_ = std::min(lowest_, container.address);
      highest_ = std::max(highest_, container.address + container.size());
    }
  }

  std::vector<ContainerIndex> find() {
    if (by_address_.empty()) return {};
    look_at_symbols();
    look_at_relocations();
    for (const DeviceWrapper& wrapper : fatbins_.wrappers) {
      if (!wrapper.container) mark(wrapper.leads_to);
    }
    std::ranges::sort(found_);
    found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
    return found_;
  }

 private:
  void look_at_symbols() {
    elf_.for_each_symbol(
        ElfSymbols::dynamic,
        [&](std::uint32_t index, const ElfSymbol& symbol) {
          values_.resize(index + std::size_t{1});
          if (symbol.section == elf::shn_undef) return;
          values_[index] = symbol.value;
          if (symbol.section != elf::shn_abs && symbol.type != elf::stt_section) mark(symbol.value);
        },
        Elf::Names::skipped);
  }

  void look_at_relocations() {
    elf_.for_each_relocation([&](const ElfRelocation& relocation) {
      if (std::ranges::binary_search(own_, relocation.addend_at)) return;
      std::uint64_t target = static_cast<std::uint64_t>(relocation.addend);
      if (relocation.symbol == 0) {
        if (!holds_address(relocation)) return;
      } else {
        if (relocation.symbol >= values_.size() || !values_[relocation.symbol]) return;
        target += *values_[relocation.symbol];
      }
      mark(target);
      mark(relocation.place);  // somebody writes into it
    });
  }

  // Others without a symbol hold offsets into thread-local storage.
  bool holds_address(const ElfRelocation& relocation) const {
    if (elf_.machine() == elf::em_aarch64) {
      return relocation.type == elf::r_aarch64_relative || relocation.type == elf::r_aarch64_irelative;
    }
    return relocation.type == elf::r_x86_64_relative || relocation.type == elf::r_x86_64_irelative;
  }

  void mark(std::uint64_t address) {
    if (address < lowest_ || address >= highest_) return;
    const auto start = [&](ContainerIndex i) { return fatbins_.containers[i].address; };
    auto it = std::ranges::upper_bound(by_address_, address, {}, start);
    if (it == by_address_.begin()) return;
    const DeviceContainer& container = fatbins_.containers[*--it];
    if (address - container.address < container.size()) found_.push_back(*it);
  }

  const Elf& elf_;
  const DeviceContents& fatbins_;
  std::vector<std::uint64_t> own_;  // file offsets of the wrappers' pointers
  std::vector<ContainerIndex> by_address_;
  std::vector<std::optional<std::uint64_t>> values_;        // of the dynamic symbols that are defined here
  std::uint64_t lowest_ = ~std::uint64_t{0}, highest_ = 0;  // of all containers: most addresses are outside
  std::vector<ContainerIndex> found_;
};

}  // namespace

std::vector<ContainerIndex> containers_referenced_elsewhere(const Elf& elf, const DeviceContents& fatbins) {
  return References(elf, fatbins).find();
}

}  // namespace lathe

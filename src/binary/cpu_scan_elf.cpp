// SPDX-License-Identifier: MIT
// Fills CpuCode from an ELF file. In a relocatable object the calls have no targets yet: all of its functions count as
// exported, each for itself.
#include <algorithm>

#include "binary/cpu_scan.h"
#include "binary/cpu_scan_frames.h"
#include "binary/cpu_scan_names.h"
#include "binary/elf.h"

namespace lathe {
namespace {

// Numbers of the processor supplements that elf.h has no use for.
enum : std::uint32_t { r_x86_64_glob_dat = 6, r_x86_64_jump_slot = 7, r_aarch64_glob_dat = 1025, r_aarch64_jump_slot = 1026 };
constexpr std::uint32_t pt_interp = 3;
constexpr std::uint64_t entry_at = 24;  // e_entry
constexpr std::uint64_t largest_section = 0xffffffff;

class Filler {
 public:
  Filler(const Elf& elf, Findings& findings) : elf_(elf), findings_(findings) {}

  std::optional<CpuCode> fill() {
    if (elf_.machine() != elf::em_x86_64 && elf_.machine() != elf::em_aarch64) return std::nullopt;
    if (elf_.type() == ElfType::core) return std::nullopt;
    code_.machine = elf_.machine() == elf::em_x86_64 ? Machine::x86_64 : Machine::aarch64;
    if (elf_.type() == ElfType::relocatable) place_sections();
    add_sections();
    if (code_.sections.empty()) return std::nullopt;
    add_symbols();
    add_frames();
    if (elf_.type() == ElfType::relocatable) return std::move(code_);
    add_relocations();
    for (const std::uint64_t address : elf_.constructors()) code_.constructors.push_back(address);
    add_entry();
    return std::move(code_);
  }

 private:
  bool relocatable() const { return elf_.type() == ElfType::relocatable; }

  // The sections of an object file have no addresses yet: they get some, one behind the other.
  void place_sections() {
    std::uint64_t next = 0x1000;
    for (const ElfSection& section : elf_.sections()) {
      placed_.push_back(next);
      next += (std::min(section.size, largest_section) + 0xfff) & ~std::uint64_t{0xfff};
    }
  }
  std::uint64_t address_of(std::size_t section) const {
    return relocatable() ? placed_[section] : elf_.sections()[section].address;
  }

  void add_sections() {
    for (std::size_t i = 0; i < elf_.sections().size(); ++i) {
      const ElfSection& section = elf_.sections()[i];
      if (!(section.flags & elf::shf_alloc)) continue;
      if (section.flags & elf::shf_exec) {
        if (section.type != elf::sht_nobits && section.size) add_code(section.name, address_of(i), elf_.contents(section));
      } else if (section.flags & elf::shf_write) {
        code_.variables.push_back({.address = address_of(i), .size = section.size});
      }
      if (section.name.starts_with(".got")) tables_.push_back({.address = section.address, .size = section.size});
    }
    if (elf_.sections().empty()) add_segments();
  }

  // Without section headers the segments have to do.
  void add_segments() {
    for (const ElfSegment& segment : elf_.segments()) {
      if (segment.type != elf::pt_load) continue;
      if (segment.flags & elf::pf_x) {
        add_code("", segment.address, elf_.contents(segment));
      } else if (segment.flags & elf::pf_w) {
        code_.variables.push_back({.address = segment.address, .size = segment.memory_size});
      }
    }
  }

  void add_code(std::string_view name, std::uint64_t address, ByteSpan bytes) {
    if (bytes.empty()) return;
    code_.sections.push_back({.name = name, .address = address, .bytes = bytes.first(std::min(bytes.size(), largest_section))});
  }

  void add_symbols() {
    bool full = false;
    elf_.for_each_symbol(ElfSymbols::full, [&](std::uint32_t, const ElfSymbol& symbol) {
      full = true;
      if (symbol.type == elf::stt_file) source_ = symbol.name;
      if (symbol.binding != elf::stb_local) source_ = {};
      add_symbol(symbol, relocatable() && symbol.section < placed_.size());
    });
    code_.stripped = !full;
    source_ = {};
    elf_.for_each_symbol(ElfSymbols::dynamic, [&](std::uint32_t index, const ElfSymbol& symbol) {
      constexpr std::uint8_t hidden = 2, internal = 1;
      const std::uint8_t visibility = symbol.visibility & 3;
      add_symbol(symbol, symbol.binding != elf::stb_local && visibility != hidden && visibility != internal);
      if (dynamic_.size() <= index) dynamic_.resize(index + 1);
      dynamic_[index] = {.name = symbol.name, .address = symbol.section == elf::shn_undef ? 0 : symbol.value};
    });
  }

  void add_symbol(const ElfSymbol& symbol, bool exported) {
    if (symbol.section == elf::shn_undef || symbol.section >= elf::shn_reserved) return;
    if (relocatable() && symbol.section >= placed_.size()) return;
    const std::uint64_t address = symbol.value + (relocatable() ? placed_[symbol.section] : 0);
    if (symbol.type == elf::stt_object && dispatch_names().is_guard_variable(symbol.name)) {
      code_.guard_variables.push_back({.address = address, .size = symbol.size});
    }
    if ((symbol.type != elf::stt_func && symbol.type != elf::stt_ifunc) || !is_code(address)) return;
    code_.functions.push_back({.name = symbol.name,
                               .source = source_,
                               .address = address,
                               .size = symbol.size,
                               .weak = symbol.binding == elf::stb_weak,
                               .exported = exported,
                               .resolver = symbol.type == elf::stt_ifunc});
    if (symbol.type == elf::stt_ifunc) code_.resolvers.push_back(address);
  }

  bool is_code(std::uint64_t address) const {
    return std::ranges::any_of(code_.sections, [&](const CodeSection& s) { return address - s.address < s.bytes.size(); });
  }

  // In an object file unwind information has no addresses yet.
  void add_frames() {
    const ElfSection* section = elf_.find_section(".eh_frame");
    if (!section || relocatable() || section->type == elf::sht_nobits) return;
    code_.frames = cpu::read_frames(elf_.contents(*section), section->address, elf_.name(), findings_);
    std::erase_if(code_.frames, [&](const CodeRange& range) { return !is_code(range.address); });
  }

  void add_relocations() {
    elf_.for_each_relocation([&](const ElfRelocation& relocation) {
      switch (relocation.type) {
        case r_x86_64_glob_dat:
        case r_x86_64_jump_slot:
        case r_aarch64_glob_dat:
        case r_aarch64_jump_slot: add_named_slot(relocation, true); break;
        case elf::r_x86_64_64:
        case elf::r_aarch64_abs64: add_named_slot(relocation, false); break;
        case elf::r_x86_64_relative:
        case elf::r_aarch64_relative: add_slot(relocation.place, static_cast<std::uint64_t>(relocation.addend)); break;
        case elf::r_x86_64_irelative:
        case elf::r_aarch64_irelative: code_.resolvers.push_back(static_cast<std::uint64_t>(relocation.addend)); break;
        default: break;
      }
    });
  }

  void add_named_slot(const ElfRelocation& relocation, bool table) {
    if (relocation.symbol >= dynamic_.size()) return;
    const CodeSymbol& symbol = dynamic_[relocation.symbol];
    const std::uint64_t target = symbol.address ? symbol.address + static_cast<std::uint64_t>(relocation.addend) : 0;
    const bool here = target && is_code(target);
    if (!here && !table) return;
    code_.slots.push_back({.address = relocation.place, .target = here ? target : 0, .import = symbol.name, .table = table});
  }

  void add_slot(std::uint64_t place, std::uint64_t target) {
    if (!is_code(target)) return;
    const bool table = std::ranges::any_of(tables_, [&](const CodeRange& t) { return place - t.address < t.size; });
    code_.slots.push_back({.address = place, .target = target, .table = table});
  }

  void add_entry() {
    const bool program = elf_.type() == ElfType::executable ||
                         std::ranges::any_of(elf_.segments(), [](const ElfSegment& s) { return s.type == pt_interp; });
    if (program) code_.entries.push_back(ByteReader(elf_.bytes(), "ELF header").read_at<std::uint64_t>(entry_at));
  }

  const Elf& elf_;
  Findings& findings_;
  CpuCode code_;
  std::string_view source_;             // of the local symbols being read
  std::vector<std::uint64_t> placed_;   // relocatable objects: addresses given to the sections
  std::vector<CodeSymbol> dynamic_;     // by index; address 0: elsewhere
  std::vector<CodeRange> tables_;       // global offset tables
};

}  // namespace

std::optional<CpuCode> cpu_code_of(const Elf& elf, Findings& findings) { return Filler(elf, findings).fill(); }

}  // namespace lathe

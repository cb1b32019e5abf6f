// SPDX-License-Identifier: MIT
// Fills CpuCode from an object file: from ELF all of it; PE is cpu_scan_pe.cpp; of others the code alone. In
// a relocatable object the calls have no targets yet: all of its functions count as exported, each for
// itself.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"
#include "base/parallel.h"
#include "cpu/cpu_scan.h"
#include "cpu/cpu_scan_frames.h"
#include "cpu/cpu_scan_names.h"
#include "cpu/cpu_scan_pe.h"
#include "formats/elf.h"
#include "formats/object_file.h"
#include "formats/pe.h"

namespace lathe {
namespace {

// Numbers of the processor supplements that elf.h has no use for.
enum : std::uint32_t {
  r_x86_64_glob_dat = 6,
  r_x86_64_jump_slot = 7,
  r_aarch64_glob_dat = 1025,
  r_aarch64_jump_slot = 1026
};
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
    code_.file = elf_.name();
    if (elf_.type() == ElfType::relocatable) place_sections();
    add_sections();
    if (code_.sections.empty()) return std::nullopt;
    read_tables();
    if (relocatable()) return std::move(code_);
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
        if (section.type != elf::sht_nobits && section.size)
          add_code(section.name, address_of(i), elf_.contents(section));
      } else if (section.flags & elf::shf_write) {
        code_.variables.push_back({.address = address_of(i), .size = section.size});
      }
      if (section.name.starts_with(".got"))
        tables_.push_back({.address = section.address, .size = section.size});
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
    code_.sections.push_back(
        {.name = name, .address = address, .bytes = bytes.first(std::min(bytes.size(), largest_section))});
  }

  // What the tables of a file say; they are read side by side, and put together in a fixed order.
  struct Tables {
    std::vector<CodeSymbol> functions;
    std::vector<CodeRange> guard_variables;
    std::vector<std::uint64_t> resolvers;
    std::vector<CodeSlot> slots;
    std::vector<CodeRange> frames;
    Findings findings;
  };

  void read_tables() {
    std::array<Tables, 3> read;
    parallel_for_all(read.size(), [&](std::size_t i) {
      switch (i) {
        case 0: read_full_symbols(read[i]); break;
        case 1: read_dynamic_symbols(read[i]); break;
        default: read_frames(read[i]); break;
      }
    });
    for (Tables& tables : read) {
      append(code_.functions, tables.functions);
      append(code_.guard_variables, tables.guard_variables);
      append(code_.resolvers, tables.resolvers);
      append(code_.slots, tables.slots);
      append(code_.frames, tables.frames);
      findings_.add(tables.findings);
    }
  }
  template <typename Item>
  static void append(std::vector<Item>& to, std::vector<Item>& from) {
    if (to.empty()) {
      to = std::move(from);
    } else {
      to.insert(to.end(), from.begin(), from.end());
    }
  }

  void read_full_symbols(Tables& out) {
    bool any = false;
    std::string_view source;  // of the local symbols that follow
    elf_.for_each_symbol(ElfSymbols::full, [&](std::uint32_t, const ElfSymbol& symbol) {
      any = true;
      if (symbol.type == elf::stt_file) source = symbol.name;
      if (symbol.binding != elf::stb_local) source = {};
      add_symbol(symbol, relocatable() && symbol.section < placed_.size(), source, out);
    });
    code_.stripped = !any;
  }

  // And the relocations, which name these symbols.
  void read_dynamic_symbols(Tables& out) {
    elf_.for_each_symbol(ElfSymbols::dynamic, [&](std::uint32_t index, const ElfSymbol& symbol) {
      constexpr std::uint8_t hidden = 2, internal = 1;
      const std::uint8_t visibility = symbol.visibility & 3;
      add_symbol(symbol, symbol.binding != elf::stb_local && visibility != hidden && visibility != internal,
                 {}, out);
      if (dynamic_.size() <= index) dynamic_.resize(index + 1);
      dynamic_[index] = {.name = symbol.name, .address = symbol.section == elf::shn_undef ? 0 : symbol.value};
    });
    if (!relocatable()) read_relocations(out);
  }

  void add_symbol(const ElfSymbol& symbol, bool exported, std::string_view source, Tables& out) const {
    if (symbol.section == elf::shn_undef || symbol.section >= elf::shn_reserved) return;
    if (relocatable() && symbol.section >= placed_.size()) return;
    const std::uint64_t address = symbol.value + (relocatable() ? placed_[symbol.section] : 0);
    if (symbol.type == elf::stt_object && dispatch_names().is_guard_variable(symbol.name)) {
      out.guard_variables.push_back({.address = address, .size = symbol.size});
    }
    if ((symbol.type != elf::stt_func && symbol.type != elf::stt_ifunc) || !is_code(address)) return;
    out.functions.push_back({.name = symbol.name,
                             .source = source,
                             .address = address,
                             .size = symbol.size,
                             .weak = symbol.binding == elf::stb_weak,
                             .exported = exported,
                             .resolver = symbol.type == elf::stt_ifunc});
    if (symbol.type == elf::stt_ifunc) out.resolvers.push_back(address);
  }

  bool is_code(std::uint64_t address) const {
    return std::ranges::any_of(code_.sections,
                               [&](const CodeSection& s) { return address - s.address < s.bytes.size(); });
  }

  // In an object file unwind information has no addresses yet.
  void read_frames(Tables& out) const {
    const ElfSection* section = elf_.find_section(".eh_frame");
    if (!section || relocatable() || section->type == elf::sht_nobits) return;
    out.frames = cpu::read_frames(elf_.contents(*section), section->address, elf_.name(), out.findings);
    std::erase_if(out.frames, [&](const CodeRange& range) { return !is_code(range.address); });
  }

  void read_relocations(Tables& out) const {
    elf_.for_each_relocation([&](const ElfRelocation& relocation) {
      switch (relocation.type) {
        case r_x86_64_glob_dat:
        case r_x86_64_jump_slot:
        case r_aarch64_glob_dat:
        case r_aarch64_jump_slot: add_named_slot(relocation, true, out); break;
        case elf::r_x86_64_64:
        case elf::r_aarch64_abs64: add_named_slot(relocation, false, out); break;
        case elf::r_x86_64_relative:
        case elf::r_aarch64_relative:
          add_slot(relocation.place, static_cast<std::uint64_t>(relocation.addend), out);
          break;
        case elf::r_x86_64_irelative:
        case elf::r_aarch64_irelative:
          out.resolvers.push_back(static_cast<std::uint64_t>(relocation.addend));
          break;
        default: break;
      }
    });
  }

  void add_named_slot(const ElfRelocation& relocation, bool table, Tables& out) const {
    if (relocation.symbol >= dynamic_.size()) return;
    const CodeSymbol& symbol = dynamic_[relocation.symbol];
    const std::uint64_t target =
        symbol.address ? symbol.address + static_cast<std::uint64_t>(relocation.addend) : 0;
    const bool here = target && is_code(target);
    if (!here && !table) return;
    out.slots.push_back(
        {.address = relocation.place, .target = here ? target : 0, .import = symbol.name, .table = table});
  }

  void add_slot(std::uint64_t place, std::uint64_t target, Tables& out) const {
    if (!is_code(target)) return;
    const bool table =
        std::ranges::any_of(tables_, [&](const CodeRange& t) { return place - t.address < t.size; });
    out.slots.push_back({.address = place, .target = target, .table = table});
  }

  void add_entry() {
    const bool program =
        elf_.type() == ElfType::executable ||
        std::ranges::any_of(elf_.segments(), [](const ElfSegment& s) { return s.type == pt_interp; });
    if (program)
      code_.entries.push_back(ByteReader(elf_.bytes(), "ELF header").read_at<std::uint64_t>(entry_at));
  }

  const Elf& elf_;
  Findings& findings_;
  CpuCode code_;
  std::vector<std::uint64_t> placed_;  // relocatable objects: addresses given to the sections
  std::vector<CodeSymbol> dynamic_;    // by index; address 0: elsewhere
  std::vector<CodeRange> tables_;      // global offset tables
};

}  // namespace

namespace {

std::optional<Machine> machine_named_by(const ObjectFile& object) {
  for (const Machine machine : {Machine::x86_64, Machine::aarch64}) {
    if (object.machine_words() == to_string(machine)) return machine;
  }
  return std::nullopt;
}

std::optional<CpuCode> code_alone(const ObjectFile& object) {
  const auto machine = machine_named_by(object);
  if (!machine) return std::nullopt;
  CpuCode code{.machine = *machine, .file = object.name(), .stripped = true};
  object.for_each_section([&](const ObjectSection& section) {
    const ByteSpan file = object.bytes();
    if (section.use != SectionUse::code || section.size == 0 || section.offset >= file.size()) return;
    const std::uint64_t size = std::min({section.size, file.size() - section.offset, largest_section});
    code.sections.push_back(
        {.name = section.name, .address = section.address, .bytes = file.subspan(section.offset, size)});
  });
  return code.sections.empty() ? std::nullopt : std::optional(std::move(code));
}

}  // namespace

std::optional<CpuCode> cpu_code_of(const ObjectFile& object, Findings& findings) {
  if (const auto* elf = dynamic_cast<const Elf*>(&object)) return Filler(*elf, findings).fill();
  if (const auto* pe = dynamic_cast<const Pe*>(&object)) return cpu::code_of_pe(*pe);
  return code_alone(object);
}

}  // namespace lathe

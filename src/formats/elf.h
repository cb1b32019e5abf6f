// SPDX-License-Identifier: MIT
// Reads ELF64 little-endian files: shared objects, executables, relocatable objects, and the cubins inside
// fat binaries. Works on mapped bytes and touches only what is asked for: headers at once; symbols,
// relocations and notes on demand, one at a time, so that a library of any size is read in little memory.
// Damage that leaves something to read becomes a Finding (findings()); damage that does not is an Error. It
// doesn't know what the sections mean: that is device/ and cpu/. No 32-bit files, no
// big-endian ones.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"
#include "formats/object_file.h"

namespace lathe {

enum class ElfType : std::uint16_t { none = 0, relocatable = 1, executable = 2, shared = 3, core = 4 };

// Numbers of the ELF specification and of its processor supplements that more than one reader needs.
namespace elf {
// Bytes of the file header, of a program header and of a section header.
constexpr std::uint64_t header_size = 64, segment_size = 56, section_size = 64;
enum Machine : std::uint16_t { em_x86_64 = 62, em_aarch64 = 183, em_cuda = 190 };
enum SegmentType : std::uint32_t { pt_load = 1, pt_dynamic = 2, pt_note = 4, pt_tls = 7 };
enum SegmentFlag : std::uint32_t { pf_x = 1, pf_w = 2, pf_r = 4 };
enum SectionType : std::uint32_t {
  sht_null = 0,
  sht_progbits = 1,
  sht_symtab = 2,
  sht_strtab = 3,
  sht_rela = 4,
  sht_note = 7,
  sht_nobits = 8,
  sht_dynsym = 11,
  sht_init_array = 14,
  sht_symtab_shndx = 18,
  sht_relr = 19,
};
enum SectionFlag : std::uint64_t { shf_write = 1, shf_alloc = 2, shf_exec = 4, shf_compressed = 0x800 };
enum SymbolType : std::uint8_t {
  stt_notype = 0,
  stt_object = 1,
  stt_func = 2,
  stt_section = 3,
  stt_file = 4,
  stt_ifunc = 10
};
enum SymbolBinding : std::uint8_t { stb_local = 0, stb_global = 1, stb_weak = 2 };
enum SpecialSection : std::uint32_t {
  shn_undef = 0,
  shn_reserved = 0xff00,
  shn_abs = 0xfff1,
  shn_xindex = 0xffff
};
enum Relocation : std::uint32_t {
  r_x86_64_64 = 1,
  r_x86_64_relative = 8,
  r_x86_64_irelative = 37,
  r_aarch64_abs64 = 257,
  r_aarch64_relative = 1027,
  r_aarch64_irelative = 1032,
};
enum DynamicTag : std::uint64_t {
  dt_pltrelsz = 2,
  dt_hash = 4,
  dt_strtab = 5,
  dt_symtab = 6,
  dt_rela = 7,
  dt_relasz = 8,
  dt_strsz = 10,
  dt_init = 12,
  dt_soname = 14,
  dt_jmprel = 23,
  dt_init_array = 25,
  dt_init_arraysz = 27,
  dt_preinit_array = 32,
  dt_preinit_arraysz = 33,
  dt_relrsz = 35,
  dt_relr = 36,
  dt_gnu_hash = 0x6ffffef5,
};
}  // namespace elf

struct ElfSegment {
  std::uint32_t type = 0;   // elf::SegmentType
  std::uint32_t flags = 0;  // elf::SegmentFlag
  std::uint64_t offset = 0;
  std::uint64_t address = 0;
  std::uint64_t file_size = 0;
  std::uint64_t memory_size = 0;
  std::uint64_t align = 0;
};

struct ElfSection {
  std::string_view name;    // into the file
  std::uint32_t type = 0;   // elf::SectionType
  std::uint64_t flags = 0;  // elf::SectionFlag
  std::uint64_t address = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint32_t link = 0;
  std::uint32_t info = 0;
  std::uint64_t align = 0;
  std::uint64_t entry_size = 0;
};

struct ElfSymbol {
  std::string_view name;     // into the file; cut after 64 KiB
  std::uint8_t type = 0;     // elf::SymbolType
  std::uint8_t binding = 0;  // elf::SymbolBinding
  std::uint8_t visibility = 0;
  std::uint8_t other = 0;     // all of st_other: processors put marks of their own into it
  std::uint32_t section = 0;  // index (extended numbering resolved), or elf::SpecialSection
  std::uint64_t value = 0;    // linked files: virtual address; relocatable ones: offset in the section
  std::uint64_t size = 0;
};

enum class ElfSymbols { full, dynamic };  // .symtab, .dynsym

struct ElfRelocation {
  std::uint64_t place = 0;      // linked files: virtual address; relocatable ones: offset in the section
  std::uint32_t type = 0;       // elf::Relocation
  std::uint32_t symbol = 0;     // index into the table's symbols, 0: none
  std::int64_t addend = 0;      // of packed ones: the value that lies at `place`
  std::uint64_t addend_at = 0;  // file offset of the 8 bytes that hold the addend
  bool packed = false;          // from .relr.dyn
};

struct ElfNote {
  std::string_view name;
  std::uint32_t type = 0;
  ByteSpan content;
};

class Elf final : public ObjectFile {
 public:
  using VisitSymbol = std::function<void(std::uint32_t index, const ElfSymbol&)>;
  using VisitRelocation = std::function<void(const ElfRelocation&)>;

  static bool looks_like(ByteSpan file);  // starts with the magic of a 64-bit little-endian ELF file?

  // `name` is for messages. `file` must outlive the result.
  static Elf parse(ByteSpan file, std::string name);

  ByteSpan bytes() const override { return file_; }
  const std::string& name() const override { return name_; }
  ElfType type() const { return type_; }
  std::uint16_t machine() const { return machine_; }  // elf::Machine, or another
  std::uint32_t flags() const { return flags_; }
  std::uint32_t file_version() const { return file_version_; }  // 1, but for old cubins
  std::uint8_t abi_version() const { return abi_version_; }
  std::uint64_t section_headers_at() const { return section_headers_at_; }  // file offset
  std::uint64_t program_headers_at() const { return program_headers_at_; }  // file offset

  const std::vector<ElfSegment>& segments() const { return segments_; }
  // [0] is the null section; empty if stripped off
  const std::vector<ElfSection>& sections() const { return sections_; }
  const ElfSection* find_section(std::string_view name) const;
  ByteSpan contents(const ElfSection& section) const;  // empty for NOBITS; Error when it leaves the file
  ByteSpan contents(const ElfSegment& segment) const;  // the part in the file

  // File offset of a virtual address that the file has bytes for.
  std::optional<std::uint64_t> offset_of(std::uint64_t address) const override;
  std::optional<std::uint64_t> address_of(std::uint64_t offset) const override;
  // The bytes from `address` on to the end of what the file holds of its segment; empty when it holds none.
  ByteSpan from_address(std::uint64_t address) const override;

  // Each symbol but the null one, in the table's order. Names are empty where the string table is damaged,
  // or not wanted: looking for their ends takes most of the time.
  enum class Names { wanted, skipped };
  void for_each_symbol(ElfSymbols table, const VisitSymbol& visit, Names names = Names::wanted) const;

  // The symbol that a dynamic relocation names; nullopt where there is none with that number. For a few:
  // each call looks for the table anew.
  std::optional<ElfSymbol> dynamic_symbol(std::uint32_t index) const;

  // Dynamic relocations of a linked file (.rela.dyn, .rela.plt, .relr.dyn) whose place lies in [begin, end).
  void for_each_relocation(std::uint64_t begin, std::uint64_t end, const VisitRelocation& visit) const;
  void for_each_relocation(const VisitRelocation& visit) const {
    for_each_relocation(0, ~std::uint64_t{0}, visit);
  }
  // Relocations of one section of a relocatable object.
  void for_each_relocation_of(const ElfSection& section, const VisitRelocation& visit) const;

  // From PT_DYNAMIC.
  std::optional<std::uint64_t> dynamic(elf::DynamicTag tag) const;
  std::string_view soname() const override;

  // Addresses of the functions that the loader calls when it loads the file, in its order (preinit, init,
  // init_array).
  std::vector<std::uint64_t> constructors() const;

  // Notes of PT_NOTE segments, or of note sections where there is no such segment.
  void for_each_note(const std::function<void(const ElfNote&)>& visit) const;
  std::string build_id() const override;  // hex; "" when there is none

  const Findings& findings() const override { return findings_; }

  // What the door of formats asks of any.
  bool is_linked() const override { return type_ != ElfType::relocatable; }
  std::string kind_words() const override;
  std::string machine_words() const override;
  ByteSpan exported_names() const override;
  bool has_sections() const override { return !sections_.empty(); }
  void for_each_section(const VisitSection& visit) const override;
  void for_each_loaded_part(const VisitSection& visit) const override;
  std::vector<ObjectRange> own_ranges() const override;
  void for_each_pointer(std::uint64_t begin, std::uint64_t end, const VisitPointer& visit) const override;
  void for_each_pointer_in(const ObjectSection& section, const VisitPointer& visit) const override;

 private:
  friend class ElfParser;
  struct Tag {
    std::uint64_t tag = 0, value = 0;
  };
  struct Table {
    std::uint64_t offset = 0, size = 0;
  };
  struct SymbolLayout {
    ByteSpan symbols, names, extended;
  };

  Elf(ByteSpan file, std::string name) : file_(file), name_(std::move(name)) {}
  SymbolLayout symbol_layout(ElfSymbols table) const;
  SymbolLayout dynamic_symbol_layout() const;
  std::uint64_t dynamic_symbol_count() const;
  std::vector<Table> rela_tables() const;
  std::vector<Table> relr_tables() const;
  std::optional<Table> table_from(elf::DynamicTag address, elf::DynamicTag size) const;
  void walk_rela(ByteSpan table, std::uint64_t table_offset, std::uint64_t begin, std::uint64_t end,
                 const VisitRelocation& visit) const;
  void walk_relr(ByteSpan table, std::uint64_t begin, std::uint64_t end, const VisitRelocation& visit) const;
  void append_function_pointers(elf::DynamicTag start, elf::DynamicTag size,
                                std::vector<std::uint64_t>& out) const;
  std::string_view dynamic_text(std::uint64_t offset) const;

  ByteSpan file_;
  std::string name_;
  ElfType type_ = ElfType::none;
  std::uint16_t machine_ = 0;
  std::uint32_t flags_ = 0;
  std::uint32_t file_version_ = 0;
  std::uint8_t abi_version_ = 0;
  std::uint64_t section_headers_at_ = 0;
  std::uint64_t program_headers_at_ = 0;
  std::vector<ElfSegment> segments_;
  std::vector<ElfSegment> loads_;  // PT_LOAD with bytes in the file, by address
  std::vector<ElfSection> sections_;
  std::vector<Tag> dynamic_;
  Findings findings_;
};

}  // namespace lathe

// SPDX-License-Identifier: MIT
// Program and section headers as they stand in an ELF file, all fields, both ways; and where the fields of
// ELF64 lie in its headers and symbols, as <elf.h> declares them: for those who read or write one field of a
// file instead of parsing it.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "formats/elf.h"

namespace lathe::elf {

// From the start of the file.
namespace file_field {
inline constexpr std::size_t abi_version = offsetof(Elf64_Ehdr, e_ident) + EI_ABIVERSION;
inline constexpr std::size_t type = offsetof(Elf64_Ehdr, e_type);
inline constexpr std::size_t machine = offsetof(Elf64_Ehdr, e_machine);
inline constexpr std::size_t segments_at = offsetof(Elf64_Ehdr, e_phoff);
inline constexpr std::size_t sections_at = offsetof(Elf64_Ehdr, e_shoff);
inline constexpr std::size_t flags = offsetof(Elf64_Ehdr, e_flags);
inline constexpr std::size_t header_size = offsetof(Elf64_Ehdr, e_ehsize);
inline constexpr std::size_t segment_count = offsetof(Elf64_Ehdr, e_phnum);
inline constexpr std::size_t section_size = offsetof(Elf64_Ehdr, e_shentsize);
inline constexpr std::size_t section_count = offsetof(Elf64_Ehdr, e_shnum);
inline constexpr std::size_t names_index = offsetof(Elf64_Ehdr, e_shstrndx);
}  // namespace file_field

// From the start of a symbol.
namespace symbol_field {
inline constexpr std::size_t section = offsetof(Elf64_Sym, st_shndx);
inline constexpr std::size_t value = offsetof(Elf64_Sym, st_value);
inline constexpr std::size_t size = offsetof(Elf64_Sym, st_size);
}  // namespace symbol_field

inline constexpr std::size_t symbol_size = sizeof(Elf64_Sym);

}  // namespace lathe::elf

namespace lathe {

struct ProgramHeader {
  static constexpr std::uint64_t bytes = 56;
  static constexpr std::uint32_t pt_phdr = 6;
  std::uint32_t type = 0, flags = 0;
  std::uint64_t offset = 0, address = 0, physical = 0, file_size = 0, memory_size = 0, align = 0;
};

struct SectionHeader {
  static constexpr std::uint64_t bytes = 64;
  std::uint32_t name = 0, type = 0;
  std::uint64_t flags = 0, address = 0, offset = 0, size = 0;
  std::uint32_t link = 0, info = 0;
  std::uint64_t align = 0, entry_size = 0;

  std::uint64_t file_size() const { return type == elf::sht_nobits || type == elf::sht_null ? 0 : size; }
};

std::vector<ProgramHeader> program_headers(const Elf& elf);
std::vector<SectionHeader> section_headers(const Elf& elf);
std::uint32_t section_names_index(const Elf& elf);

std::string encode(const std::vector<ProgramHeader>& headers);
std::string encode(const std::vector<SectionHeader>& headers);

}  // namespace lathe

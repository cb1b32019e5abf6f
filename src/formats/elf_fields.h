// SPDX-License-Identifier: MIT
// Where the fields of ELF64 lie in its headers and symbols, as <elf.h> declares them: for those who read or
// write one field of a file instead of parsing it.
#pragma once

#include <elf.h>

#include <cstddef>

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

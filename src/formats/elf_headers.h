// SPDX-License-Identifier: MIT
// Program and section headers as they stand in an ELF file, all fields, both ways.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/elf.h"

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

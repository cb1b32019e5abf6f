// SPDX-License-Identifier: MIT
#include "formats/elf_headers.h"

#include "base/bytes.h"

namespace lathe {

std::vector<ProgramHeader> program_headers(const Elf& elf) {
  ByteReader reader(elf.bytes(), "program headers");
  std::vector<ProgramHeader> headers(elf.segments().size());
  reader.seek(headers.empty() ? 0 : elf.program_headers_at());
  for (ProgramHeader& header : headers) {
    header.type = reader.u32();
    header.flags = reader.u32();
    for (auto field : {&ProgramHeader::offset, &ProgramHeader::address, &ProgramHeader::physical,
                       &ProgramHeader::file_size, &ProgramHeader::memory_size, &ProgramHeader::align}) {
      header.*field = reader.u64();
    }
  }
  return headers;
}

std::vector<SectionHeader> section_headers(const Elf& elf) {
  ByteReader reader(elf.bytes(), "section headers");
  std::vector<SectionHeader> headers(elf.sections().size());
  reader.seek(headers.empty() ? 0 : elf.section_headers_at());
  for (SectionHeader& header : headers) {
    header.name = reader.u32();
    header.type = reader.u32();
    header.flags = reader.u64();
    header.address = reader.u64();
    header.offset = reader.u64();
    header.size = reader.u64();
    header.link = reader.u32();
    header.info = reader.u32();
    header.align = reader.u64();
    header.entry_size = reader.u64();
  }
  return headers;
}

std::uint32_t section_names_index(const Elf& elf) {
  if (elf.sections().empty()) return 0;
  return ByteReader(elf.bytes(), "ELF header").read_at<std::uint16_t>(elf::file_field::names_index);
}

std::string encode(const std::vector<ProgramHeader>& headers) {
  std::string text;
  for (const ProgramHeader& header : headers) {
    text += encode_number(header.type, 4) + encode_number(header.flags, 4);
    for (const std::uint64_t field : {header.offset, header.address, header.physical, header.file_size,
                                      header.memory_size, header.align}) {
      text += encode_number(field, 8);
    }
  }
  return text;
}

std::string encode(const std::vector<SectionHeader>& headers) {
  std::string text;
  for (const SectionHeader& header : headers) {
    text += encode_number(header.name, 4) + encode_number(header.type, 4);
    for (const std::uint64_t field : {header.flags, header.address, header.offset, header.size}) {
      text += encode_number(field, 8);
    }
    text += encode_number(header.link, 4) + encode_number(header.info, 4);
    text += encode_number(header.align, 8) + encode_number(header.entry_size, 8);
  }
  return text;
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "device/cubin.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "formats/elf.h"

namespace lathe {
namespace {

constexpr std::uint8_t first_abi_of_second_generation = 8;
constexpr std::uint8_t symbol_is_kernel = 0x10;  // in st_other
constexpr std::uint32_t old_flag_specific = 0x800;
// toolkits 12.8 and 12.9; 13 leaves it clear and says it in .nv.compat
constexpr std::uint32_t flag_specific = 0x8;
constexpr std::uint32_t note_cuinfo = 1000;
constexpr std::uint32_t note_tkinfo = 2000;
constexpr std::uint16_t first_cuinfo_version = 2;
constexpr std::uint8_t compat_specific = 9;

Capability split_arch(std::uint32_t arch, bool specific) {
  return {.major = static_cast<int>(arch / 10),
          .minor = static_cast<int>(arch % 10),
          .suffix = specific ? 'a' : '\0'};
}

// .nv.compat: records of format(1) | attribute(1) | value; format 2: value(2 bytes) ; 3: value(2); 4:
// size(2), bytes. Attribute 9 is 1 in architecture-specific code and 0 in other code; nullopt: toolkits 12.8
// and 12.9 do not write it.
std::optional<bool> compat_says_specific(const Elf& elf) {
  const ElfSection* section = elf.find_section(".nv.compat");
  if (section == nullptr) return std::nullopt;
  ByteReader reader(elf.contents(*section), ".nv.compat");
  while (reader.left() >= 4) {
    const std::uint8_t format = reader.u8();
    const std::uint8_t attribute = reader.u8();
    const std::uint16_t value = reader.u16();
    if (format == 2 && attribute == compat_specific) return (value & 0xff) == 1;
    if (format == 4) reader.skip(std::min<std::uint64_t>(value, reader.left()));
  }
  return std::nullopt;
}

bool says_specific(const Elf& elf) {
  return compat_says_specific(elf).value_or((elf.flags() & flag_specific) != 0);
}

std::string version_of_ten(std::uint32_t number) { return fmt::format("{}.{}", number / 10, number % 10); }

// "Cuda compilation tools, release 13.0, V13.0.88" -> "13.0"
std::string release_in(std::string_view text) {
  constexpr std::string_view mark = "release ";
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + mark.size(), 16);
  const std::size_t end = rest.find_first_not_of("0123456789.");
  return std::string(rest.substr(0, end));
}

// What ptxas and nvlink write of themselves: ten times the release(4) | ... | texts. 0x81 is 12.9.
std::string toolkit_of_tkinfo(ByteSpan note) {
  if (const std::string release = release_in(as_text(note)); !release.empty()) return release;
  return version_of_ten(ByteReader(note).read_at<std::uint32_t>(0));
}

// First generation: the file version is ten times the toolkit's (0x81 is 12.9). Second: two notes say it, of
// which toolkits 12.8 and 12.9 write but tkinfo. cuinfo: version(2) | arch(2) | toolkit * 10 (2) | 0(2).
// Their note of the same type in .note.nv.cuver begins with 1 and holds no toolkit.
std::string toolkit_of(const Elf& elf) {
  if (elf.abi_version() < first_abi_of_second_generation) {
    return elf.file_version() > 40 && elf.file_version() < 1000 ? version_of_ten(elf.file_version()) : "";
  }
  std::string cuinfo, tkinfo;
  elf.for_each_note([&](const ElfNote& note) {
    const ByteReader reader(note.content);
    if (note.type == note_cuinfo && note.content.size() >= 6 &&
        reader.read_at<std::uint16_t>(0) >= first_cuinfo_version) {
      cuinfo = version_of_ten(reader.read_at<std::uint16_t>(4));
    }
    if (note.type == note_tkinfo && note.content.size() >= 4) tkinfo = toolkit_of_tkinfo(note.content);
  });
  return cuinfo.empty() ? tkinfo : cuinfo;
}

bool is_data(const ElfSection& section) {
  if ((section.flags & elf::shf_alloc) == 0 || (section.flags & elf::shf_exec) != 0) return false;
  // What the compiler sets aside for itself, in empty images too; and copies of other sections.
  return !section.name.starts_with(".nv.shared.reserved") && !section.name.starts_with(".nv.merc.") &&
         !section.name.starts_with(".nv.capmerc.");
}

std::string_view first_word(std::string_view text) {
  text = trim(text);
  return text.substr(0, text.find_first_of(" \t,;"));
}

bool has_word(std::string_view line, std::string_view word) {
  for (std::size_t at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
    const std::size_t after = at + word.size();
    const bool starts = at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t';
    if (starts && (after == line.size() || line[after] == ' ' || line[after] == '\t')) return true;
  }
  return false;
}

}  // namespace

CubinInfo read_cubin(ByteSpan image) {
  const Elf elf = Elf::parse(image, "cubin");
  if (elf.machine() != elf::em_cuda)
    throw Error({.what = "an image that should be a cubin is for another machine"});
  CubinInfo info;
  const bool old = elf.abi_version() < first_abi_of_second_generation;
  const std::uint32_t arch = old ? elf.flags() & 0xff : elf.flags() >> 8 & 0xffff;
  if (arch != 0) {
    info.capability = split_arch(arch, old ? (elf.flags() & old_flag_specific) != 0 : says_specific(elf));
  }
  info.toolkit = toolkit_of(elf);
  info.relocatable = elf.type() == ElfType::relocatable;
  elf.for_each_symbol(ElfSymbols::full, [&](std::uint32_t, const ElfSymbol& symbol) {
    if (symbol.type != elf::stt_func || symbol.section == elf::shn_undef) return;
    ++(symbol.other & symbol_is_kernel ? info.kernels : info.functions);
  });
  for (const ElfSection& section : elf.sections()) {
    if (is_data(section)) info.data_bytes += section.size;
  }
  return info;
}

PtxInfo read_ptx(std::string_view text) {
  PtxInfo info;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with("//")) {
      if (info.toolkit.empty()) info.toolkit = release_in(line);
    } else if (line.starts_with(".version") && info.version.empty()) {
      info.version = first_word(line.substr(8));
    } else if (line.starts_with(".target") && info.target.empty()) {
      info.target = first_word(line.substr(7));
      if (const auto spelled = parse_capability(info.target)) info.capability = spelled->capability;
    } else if (has_word(line, ".entry")) {
      ++info.kernels;
      info.holds_nothing = false;
    } else if (has_word(line, ".func") || has_word(line, ".global") || has_word(line, ".const")) {
      info.holds_nothing = false;
    }
  }
  return info;
}

bool looks_like_ptx(ByteSpan start) {
  std::string_view text = as_text(start);
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    if (!text.starts_with("//") && !text.starts_with("/*")) break;
    const std::string_view end = text[1] == '/' ? "\n" : "*/";
    text.remove_prefix(std::min(text.find(end, 2), text.size()));
    if (text.starts_with("*/")) text.remove_prefix(2);
  }
  return text.starts_with(".version ") || text.starts_with(".version\t");
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "formats/elf.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "formats/elf_headers.h"

namespace lathe {
namespace {

// Limits on what a header may claim. Real files stay far below: g++ with one section a function writes some
// 100,000.
constexpr std::uint64_t most_sections = 1'000'000;
constexpr std::uint64_t most_segments = 100'000;
constexpr std::uint64_t most_dynamic_tags = 100'000;

using elf::header_size, elf::segment_size, elf::section_size;

bool lies_in(std::uint64_t offset, std::uint64_t size, ByteSpan file) {
  return offset <= file.size() && size <= file.size() - offset;
}

}  // namespace

//   0  7f 'E' 'L' 'F'  class  data  version  ABI  ABI version  (padding)
//  16  type(2) machine(2) version(4) entry(8) program headers at(8) section headers at(8) flags(4)
//  52 header size(2) | program header size(2), count(2) | section header size(2), count(2), index of the
//  names(2)
class ElfParser {
 public:
  explicit ElfParser(Elf& elf) : elf_(elf), reader_(elf.file_, "ELF file") {}

  void parse() {
    read_header();
    read_first_section();
    read_segments();
    read_sections();
    read_dynamic();
  }

 private:
  void warn(std::string what, std::string rule = "elf-damaged") {
    elf_.findings_.add({.rule = std::move(rule),
                        .severity = Severity::warning,
                        .where = {.file = elf_.name_},
                        .what = std::move(what),
                        .fix = "fetch or build the file again"});
  }

  void read_header() {
    if (!Elf::looks_like(elf_.file_)) {
      throw Error({.what = "not a 64-bit little-endian ELF file",
                   .where = {.file = elf_.name_},
                   .next = "give a shared object, an executable, an object file or an archive of them"});
    }
    elf_.abi_version_ = reader_.read_at<std::uint8_t>(elf::file_field::abi_version);
    reader_.seek(elf::file_field::type);
    elf_.type_ = static_cast<ElfType>(reader_.u16());
    elf_.machine_ = reader_.u16();
    elf_.file_version_ = reader_.u32();
    reader_.skip(8);  // entry
    elf_.program_headers_at_ = reader_.u64();
    elf_.section_headers_at_ = reader_.u64();
    elf_.flags_ = reader_.u32();
    reader_.skip(2);
    program_header_size_ = reader_.u16();
    segment_count_ = reader_.u16();
    section_header_size_ = reader_.u16();
    section_count_ = reader_.u16();
    names_index_ = reader_.u16();
  }

  // Counts that do not fit the header stand in section 0: 0 sections, 0xffff segments, name index 0xffff.
  void read_first_section() {
    if (elf_.section_headers_at_ == 0) {
      section_count_ = 0;
      return;
    }
    if (section_header_size_ != section_size ||
        !lies_in(elf_.section_headers_at_, section_size, elf_.file_)) {
      warn("the section headers lie outside the file; reading it without them");
      section_count_ = 0;
      return;
    }
    const ElfSection first = section_at(elf_.section_headers_at_).first;
    if (section_count_ == 0) section_count_ = first.size;
    if (names_index_ == elf::shn_xindex) names_index_ = first.link;
    if (segment_count_ == 0xffff && first.info != 0) segment_count_ = first.info;
  }

  void read_segments() {
    if (segment_count_ == 0) return;
    if (program_header_size_ != segment_size || segment_count_ > most_segments ||
        !lies_in(elf_.program_headers_at_, segment_count_ * segment_size, elf_.file_)) {
      warn("the program headers lie outside the file; reading it without them");
      return;
    }
    reader_.seek(elf_.program_headers_at_);
    elf_.segments_.reserve(segment_count_);
    for (std::uint64_t i = 0; i < segment_count_; ++i) elf_.segments_.push_back(read_segment());
    for (const ElfSegment& segment : elf_.segments_) note_load(segment);
    std::ranges::stable_sort(elf_.loads_, {}, &ElfSegment::address);
    for (std::size_t i = 1; i < elf_.loads_.size(); ++i) {
      const ElfSegment& before = elf_.loads_[i - 1];
      if (elf_.loads_[i].address - before.address < before.file_size)
        return warn("its segments overlap in memory");
    }
  }

  ElfSegment read_segment() {
    ElfSegment segment;
    segment.type = reader_.u32();
    segment.flags = reader_.u32();
    segment.offset = reader_.u64();
    segment.address = reader_.u64();
    reader_.skip(8);  // physical address
    segment.file_size = reader_.u64();
    segment.memory_size = reader_.u64();
    segment.align = reader_.u64();
    return segment;
  }

  void note_load(ElfSegment segment) {
    if (segment.type != elf::pt_load || segment.file_size == 0) return;
    if (!lies_in(segment.offset, segment.file_size, elf_.file_)) {
      warn(fmt::format("the file ends at {}, inside the segment at {:#x} of {} bytes", elf_.file_.size(),
                       segment.offset, segment.file_size));
      if (segment.offset >= elf_.file_.size()) return;
      segment.file_size = elf_.file_.size() - segment.offset;
    }
    if (segment.address + segment.file_size < segment.address)
      return warn("a segment wraps around in memory");
    elf_.loads_.push_back(segment);
  }

  void read_sections() {
    if (section_count_ == 0) return;
    if (section_count_ > most_sections ||
        !lies_in(elf_.section_headers_at_, section_count_ * section_size, elf_.file_)) {
      return warn(fmt::format(
          "the file cannot hold the {} section headers it claims; reading it without them", section_count_));
    }
    std::vector<std::uint32_t> names;
    elf_.sections_.reserve(section_count_);
    for (std::uint64_t i = 0; i < section_count_; ++i) {
      const auto [section, name] = section_at(elf_.section_headers_at_ + i * section_size);
      elf_.sections_.push_back(section);
      names.push_back(name);
    }
    name_sections(names);
    for (const ElfSection& section : elf_.sections_) check_extent(section);
  }

  std::pair<ElfSection, std::uint32_t> section_at(std::uint64_t offset) {
    reader_.seek(offset);
    const std::uint32_t name = reader_.u32();
    ElfSection section;
    section.type = reader_.u32();
    section.flags = reader_.u64();
    section.address = reader_.u64();
    section.offset = reader_.u64();
    section.size = reader_.u64();
    section.link = reader_.u32();
    section.info = reader_.u32();
    section.align = reader_.u64();
    section.entry_size = reader_.u64();
    return {section, name};
  }

  void name_sections(const std::vector<std::uint32_t>& names) {
    if (names_index_ == 0) return;
    const bool known =
        names_index_ < elf_.sections_.size() &&
        lies_in(elf_.sections_[names_index_].offset, elf_.sections_[names_index_].size, elf_.file_);
    if (!known) return warn("the table of section names is missing");
    const std::string_view text = as_text(elf_.contents(elf_.sections_[names_index_]));
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] >= text.size()) continue;
      const std::string_view rest = text.substr(names[i], 4096);
      elf_.sections_[i].name = rest.substr(0, rest.find('\0'));
    }
  }

  void check_extent(const ElfSection& section) {
    if (section.type == elf::sht_null || section.type == elf::sht_nobits) return;
    if (lies_in(section.offset, section.size, elf_.file_)) return;
    if (elf_.findings_.size() < 20) warn(fmt::format("section {} leaves the file", printable(section.name)));
  }

  static std::string printable(std::string_view name) {
    std::string text(name.substr(0, 80));
    std::ranges::replace_if(
        text, [](char c) { return c < ' ' || c > '~'; }, '?');
    return text;
  }

  void read_dynamic() {
    const auto it = std::ranges::find(elf_.segments_, elf::pt_dynamic, &ElfSegment::type);
    if (it == elf_.segments_.end()) return;
    if (!lies_in(it->offset, it->file_size, elf_.file_)) return warn("the dynamic section leaves the file");
    ByteReader reader(elf_.contents(*it), "dynamic section");
    while (reader.left() >= 16 && elf_.dynamic_.size() < most_dynamic_tags) {
      const std::uint64_t tag = reader.u64();
      if (tag == 0) break;
      elf_.dynamic_.push_back({.tag = tag, .value = reader.u64()});
    }
  }

  Elf& elf_;
  ByteReader reader_;
  std::uint16_t program_header_size_ = 0;
  std::uint16_t section_header_size_ = 0;
  std::uint64_t segment_count_ = 0;
  std::uint64_t section_count_ = 0;
  std::uint32_t names_index_ = 0;
};

bool Elf::looks_like(ByteSpan file) {
  constexpr std::string_view magic{
      "\x7f"
      "ELF\x02\x01\x01",
      7};
  return file.size() >= header_size && as_text(file).substr(0, magic.size()) == magic;
}

Elf Elf::parse(ByteSpan file, std::string name) {
  Elf elf(file, std::move(name));
  ElfParser(elf).parse();
  return elf;
}

const ElfSection* Elf::find_section(std::string_view name) const {
  const auto it = std::ranges::find(sections_, name, &ElfSection::name);
  return it == sections_.end() ? nullptr : &*it;
}

ByteSpan Elf::contents(const ElfSection& section) const {
  if (section.type == elf::sht_nobits || section.type == elf::sht_null) return {};
  return ByteReader(file_, "ELF section").at(section.offset, section.size);
}

ByteSpan Elf::contents(const ElfSegment& segment) const {
  return ByteReader(file_, "ELF segment").at(segment.offset, segment.file_size);
}

ByteSpan Elf::from_address(std::uint64_t address) const {
  auto it = std::ranges::upper_bound(loads_, address, {}, &ElfSegment::address);
  if (it == loads_.begin()) return {};
  --it;
  if (address - it->address >= it->file_size) return {};
  return contents(*it).subspan(address - it->address);
}

std::optional<std::uint64_t> Elf::offset_of(std::uint64_t address) const {
  const ByteSpan bytes = from_address(address);
  if (bytes.empty()) return std::nullopt;
  return static_cast<std::uint64_t>(bytes.data() - file_.data());
}

std::optional<std::uint64_t> Elf::address_of(std::uint64_t offset) const {
  for (const ElfSegment& segment : loads_) {
    if (offset >= segment.offset && offset - segment.offset < segment.file_size) {
      return segment.address + (offset - segment.offset);
    }
  }
  return std::nullopt;
}

// What the door of formats (object_file.h) asks of any.
namespace {

bool has_bytes(const ElfSection& section) {
  return section.type != elf::sht_null && section.type != elf::sht_nobits;
}

SectionUse unloaded_use(const ElfSection& section) {
  switch (section.type) {
    case elf::sht_symtab:
    case elf::sht_strtab:
    case elf::sht_symtab_shndx: return SectionUse::symbols;
    case elf::sht_rela: return SectionUse::linking;
    default: return SectionUse::rest;
  }
}

SectionUse use_of(const ElfSection& section) {
  const std::string_view name = section.name;
  if (name.starts_with(".debug_") || name.starts_with(".zdebug_") || name == ".gdb_index")
    return SectionUse::debug;
  if (name.starts_with(".eh_frame") || name.starts_with(".gcc_except_table")) return SectionUse::unwind;
  if ((section.flags & elf::shf_alloc) == 0) return unloaded_use(section);
  if (section.flags & elf::shf_exec) return SectionUse::code;
  if (section.flags & elf::shf_write) return SectionUse::data;
  return section.type == elf::sht_progbits ? SectionUse::constants : SectionUse::linking;
}

SectionUse use_of(const ElfSegment& segment) {
  if (segment.flags & elf::pf_x) return SectionUse::code;
  return segment.flags & elf::pf_w ? SectionUse::data : SectionUse::constants;
}

}  // namespace

std::string Elf::kind_words() const {
  switch (type_) {
    case ElfType::relocatable: return "object file";
    case ElfType::executable: return "executable";
    case ElfType::core: return "core dump";
    case ElfType::shared: {
      constexpr std::uint32_t pt_interp = 3;
      const bool starts = std::ranges::find(segments_, pt_interp, &ElfSegment::type) != segments_.end();
      return starts && soname().empty() ? "executable" : "shared object";
    }
    case ElfType::none: break;
  }
  return "ELF file";
}

std::string Elf::machine_words() const {
  switch (machine_) {
    case elf::em_x86_64: return "x86_64";
    case elf::em_aarch64: return "aarch64";
    default: return fmt::format("machine {}", machine_);
  }
}

ByteSpan Elf::exported_names() const {
  const auto address = dynamic(elf::dt_strtab);
  const auto size = dynamic(elf::dt_strsz);
  if (!address || !size) return {};
  const ByteSpan names = from_address(*address);
  return names.first(std::min<std::uint64_t>(*size, names.size()));
}

void Elf::for_each_section(const VisitSection& visit) const {
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    const ElfSection& section = sections_[i];
    visit({.index = {i},
           .name = section.name,
           .offset = section.offset,
           .size = has_bytes(section) ? section.size : 0,
           .address = section.address,
           .use = use_of(section),
           .loaded = (section.flags & elf::shf_alloc) != 0,
           .writable = (section.flags & elf::shf_write) != 0});
  }
}

void Elf::for_each_loaded_part(const VisitSection& visit) const {
  for (const ElfSegment& segment : segments_) {
    if (segment.type != elf::pt_load) continue;
    visit({.name = {},
           .offset = segment.offset,
           .size = segment.file_size,
           .address = segment.address,
           .use = use_of(segment),
           .loaded = true,
           .writable = (segment.flags & elf::pf_w) != 0});
  }
}

std::vector<ObjectRange> Elf::own_ranges() const {
  return {{.offset = 0, .size = elf::header_size},
          {.offset = program_headers_at_, .size = segments_.size() * elf::segment_size},
          {.offset = section_headers_at_, .size = sections_.size() * elf::section_size}};
}

void Elf::for_each_pointer(std::uint64_t begin, std::uint64_t end, const VisitPointer& visit) const {
  for_each_relocation(begin, end, [&](const ElfRelocation& relocation) {
    ObjectPointer pointer{
        .place = relocation.place, .stored_at = relocation.addend_at, .packed = relocation.packed};
    if (relocation.symbol == 0) pointer.target = static_cast<std::uint64_t>(relocation.addend);
    visit(pointer);
  });
}

// A section's symbol plus an addend.
void Elf::for_each_pointer_in(const ObjectSection& section, const VisitPointer& visit) const {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> bases;  // symbol -> file offset
  for_each_symbol(ElfSymbols::full, [&](std::uint32_t index, const ElfSymbol& symbol) {
    if (symbol.section == 0 || symbol.section >= sections_.size()) return;
    bases.emplace_back(index, sections_[symbol.section].offset + symbol.value);
  });
  for_each_relocation_of(sections_.at(section.index.value), [&](const ElfRelocation& relocation) {
    ObjectPointer pointer{.place = section.offset + relocation.place, .stored_at = relocation.addend_at};
    const auto base =
        std::ranges::lower_bound(bases, relocation.symbol, {}, [](const auto& b) { return b.first; });
    if (base != bases.end() && base->first == relocation.symbol)
      pointer.target = base->second + static_cast<std::uint64_t>(relocation.addend);
    visit(pointer);
  });
}

}  // namespace lathe

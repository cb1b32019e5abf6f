// SPDX-License-Identifier: MIT
#include "formats/pe.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "base/error.h"

namespace lathe {
namespace {

using namespace std::string_view_literals;

// Places in the headers, from their start.
namespace field {
constexpr std::uint64_t header_pointer = 0x3c;  // in the DOS header
// COFF header, behind "PE\0\0"
constexpr std::uint64_t machine = 4, section_count = 6, optional_size = 20, flags = 22, coff_end = 24;
// optional header
constexpr std::uint64_t entry = 16, base = 24, headers_size = 60, checksum = 64, directory_count = 108,
                        directories = 112;
}  // namespace field

constexpr std::uint16_t pe32_plus = 0x20b;
constexpr std::uint16_t is_dll = 0x2000;
constexpr std::uint64_t section_header_size = 40;

enum Flag : std::uint32_t {
  holds_code = 0x20,
  uninitialised = 0x80,
  discardable = 0x2000000,
  executable = 0x20000000,
  writable = 0x80000000
};

// Limits against hostile files: torch_cuda.dll imports and exports some 40,000 names.
constexpr std::size_t most_imports = 1'000'000, most_libraries = 10'000, most_exports = 1'000'000;
constexpr std::size_t longest_text = 64 << 10;

bool known_machine(std::uint16_t machine) { return machine == pe::x86_64 || machine == pe::aarch64; }

SectionUse use_of_section(const PeSection& section) {
  if (section.flags & (holds_code | executable)) return SectionUse::code;
  if (section.name == ".pdata" || section.name == ".xdata") return SectionUse::unwind;
  if (section.name == ".reloc" || section.name == ".idata" || section.name == ".edata")
    return SectionUse::linking;
  if (section.name.starts_with(".debug")) return SectionUse::debug;
  if (section.name == ".rsrc") return SectionUse::rest;
  return section.flags & writable ? SectionUse::data : SectionUse::constants;
}

}  // namespace

//  0  "MZ" ... 60 offset of: "PE\0\0", COFF header(20), optional header, section headers(40 each)
class PeParser {
 public:
  explicit PeParser(Pe& file) : pe_(file), reader_(file.file_, "PE file") {}

  void parse() {
    if (!Pe::looks_like(pe_.file_)) {
      throw Error({.what = "not a 64-bit PE file for x86-64 or ARM64",
                   .where = {.file = pe_.name_},
                   .next = "give a DLL, a .pyd or a program for 64-bit Windows"});
    }
    header_ = reader_.read_at<std::uint32_t>(field::header_pointer);
    pe_.machine_ = reader_.read_at<std::uint16_t>(header_ + field::machine);
    pe_.library_ = reader_.read_at<std::uint16_t>(header_ + field::flags) & is_dll;
    read_optional_header();
    read_sections();
    index_sections();
  }

 private:
  void warn(std::string what) {
    pe_.findings_.add({.rule = "pe-damaged",
                       .severity = Severity::warning,
                       .where = {.file = pe_.name_},
                       .what = std::move(what),
                       .fix = "fetch or build the file again"});
  }

  void read_optional_header() {
    const std::uint64_t at = header_ + field::coff_end;
    pe_.base_ = reader_.read_at<std::uint64_t>(at + field::base);
    const auto entry = reader_.read_at<std::uint32_t>(at + field::entry);
    pe_.entry_ = entry == 0 ? 0 : pe_.base_ + entry;
    pe_.headers_size_ = reader_.read_at<std::uint32_t>(at + field::headers_size);
    pe_.checksum_at_ = at + field::checksum;
    const auto count = reader_.read_at<std::uint32_t>(at + field::directory_count);
    const std::size_t kept = std::min<std::size_t>(count, pe_.directories_.size());
    for (std::size_t i = 0; i < kept; ++i) {
      pe_.directories_[i] = {.address = reader_.read_at<std::uint32_t>(at + field::directories + 8 * i),
                             .size = reader_.read_at<std::uint32_t>(at + field::directories + 8 * i + 4)};
    }
  }

  void read_sections() {
    const auto count = reader_.read_at<std::uint16_t>(header_ + field::section_count);
    const std::uint64_t optional_size = reader_.read_at<std::uint16_t>(header_ + field::optional_size);
    std::uint64_t at = header_ + field::coff_end + optional_size;
    for (std::uint16_t i = 0; i < count; ++i, at += section_header_size) {
      if (at + section_header_size > reader_.size()) return warn("its section headers leave the file");
      read_section(at);
    }
  }

  // name(8) | memory size(4) address(4) | file size(4) offset(4) | ... | flags(4)
  void read_section(std::uint64_t at) {
    const std::string_view name = as_text(reader_.at(at, 8));
    PeSection section{.name = name.substr(0, name.find('\0'))};
    reader_.seek(at + 8);
    section.memory_size = reader_.u32();
    section.address = pe_.base_ + reader_.u32();
    section.size = reader_.u32();
    section.offset = reader_.u32();
    section.flags = reader_.read_at<std::uint32_t>(at + 36);
    if (section.memory_size == 0) section.memory_size = section.size;
    section.size = std::min(section.size, section.memory_size);
    if (section.offset == 0 || section.flags & uninitialised) section.size = 0;
    if (section.size > 0 &&
        (section.offset > reader_.size() || section.size > reader_.size() - section.offset)) {
      warn(fmt::format("section {} leaves the file", section.name));
      section.size = section.offset > reader_.size() ? 0 : reader_.size() - section.offset;
    }
    pe_.sections_.push_back(section);
  }

  void index_sections() {
    for (std::size_t i = 0; i < pe_.sections_.size(); ++i) {
      if (pe_.sections_[i].size > 0) pe_.by_address_.push_back(i);
    }
    const auto address = [&](std::size_t i) { return pe_.sections_[i].address; };
    std::ranges::stable_sort(pe_.by_address_, {}, address);
    for (std::size_t i = 1; i < pe_.by_address_.size(); ++i) {
      const PeSection& before = pe_.sections_[pe_.by_address_[i - 1]];
      if (address(pe_.by_address_[i]) - before.address < before.size)
        return warn("its sections overlap in memory");
    }
  }

  Pe& pe_;
  ByteReader reader_;
  std::uint64_t header_ = 0;
};

bool Pe::looks_like(ByteSpan start) {
  if (!as_text(start).starts_with("MZ"sv) || start.size() < field::header_pointer + 4) return false;
  const ByteReader reader(start);
  const std::uint64_t header = reader.read_at<std::uint32_t>(field::header_pointer);
  // The magic of the optional header is the last of it that is needed to tell.
  if (header + field::coff_end + 2 > start.size()) return false;
  return as_text(start.subspan(header, 4)) == "PE\0\0"sv &&
         known_machine(reader.read_at<std::uint16_t>(header + field::machine)) &&
         reader.read_at<std::uint16_t>(header + field::coff_end) == pe32_plus;
}

Pe Pe::parse(ByteSpan file, std::string name) {
  Pe result(file, std::move(name));
  PeParser(result).parse();
  return result;
}

Pe::Table Pe::directory(pe::Directory index) const {
  Table table = directories_[index];
  if (table.address != 0) table.address += base_;
  return table;
}

// Empty when there is none; what leaves its section is cut off.
ByteSpan Pe::directory_bytes(pe::Directory index) const {
  const Table table = directory(index);
  if (table.address == 0) return {};
  const ByteSpan found = from_address(table.address);
  return found.first(std::min<std::uint64_t>(found.size(), table.size));
}

bool Pe::is_signed() const {
  return directories_[pe::certificates].address != 0 && directories_[pe::certificates].size != 0;
}

std::optional<std::uint64_t> Pe::offset_of(std::uint64_t address) const {
  const auto past =
      std::ranges::upper_bound(by_address_, address, {}, [&](std::size_t i) { return sections_[i].address; });
  if (past == by_address_.begin()) return std::nullopt;
  const PeSection& section = sections_[*std::prev(past)];
  const std::uint64_t inside = address - section.address;
  return inside < section.size ? std::optional(section.offset + inside) : std::nullopt;
}

std::optional<std::uint64_t> Pe::address_of(std::uint64_t offset) const {
  for (const std::size_t i : by_address_) {
    if (offset - sections_[i].offset < sections_[i].size)
      return sections_[i].address + (offset - sections_[i].offset);
  }
  return std::nullopt;
}

ByteSpan Pe::from_address(std::uint64_t address) const {
  const auto past =
      std::ranges::upper_bound(by_address_, address, {}, [&](std::size_t i) { return sections_[i].address; });
  if (past == by_address_.begin()) return {};
  const PeSection& section = sections_[*std::prev(past)];
  const std::uint64_t inside = address - section.address;
  return inside < section.size ? file_.subspan(section.offset + inside, section.size - inside) : ByteSpan{};
}

std::optional<std::uint32_t> Pe::word_at(std::uint64_t address) const {
  const ByteSpan found = from_address(address);
  return found.size() < 4 ? std::nullopt : std::optional(ByteReader(found).read_at<std::uint32_t>(0));
}

std::string_view Pe::text_at(std::uint64_t address) const {
  std::string_view text = as_text(from_address(address)).substr(0, longest_text);
  const std::size_t end = text.find('\0');
  return end == std::string_view::npos ? std::string_view{} : text.substr(0, end);
}

void Pe::for_each_section(const VisitSection& visit) const {
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    const PeSection& section = sections_[i];
    visit({.index = {i},
           .name = section.name,
           .offset = section.offset,
           .size = section.size,
           .address = section.address,
           .use = use_of_section(section),
           .loaded = !section.name.starts_with(".debug"),
           .writable = (section.flags & writable) != 0});
  }
}

std::vector<ObjectRange> Pe::own_ranges() const {
  std::vector<ObjectRange> ranges{
      {.offset = 0, .size = std::min<std::uint64_t>(headers_size_, file_.size())}};
  for (const pe::Directory index : {pe::functions, pe::relocations}) {
    const Table table = directory(index);
    if (const auto offset = offset_of(table.address); table.address != 0 && offset)
      ranges.push_back({.offset = *offset, .size = directory_bytes(index).size()});
  }
  return ranges;
}

// page RVA(4) | size of the block(4) | 2 bytes each: type in the upper 4 bits, offset in the page
void Pe::for_each_pointer(std::uint64_t begin, std::uint64_t end, const VisitPointer& visit) const {
  constexpr std::uint16_t none = 0, address_of_64_bits = 10;
  constexpr std::uint64_t page = 4096;
  const ByteSpan table = directory_bytes(pe::relocations);
  const ByteReader reader(table, "base relocations");
  for (std::uint64_t at = 0; at + 8 <= table.size();) {
    const std::uint64_t start = address_of_rva(reader.read_at<std::uint32_t>(at));
    const std::uint64_t size = reader.read_at<std::uint32_t>(at + 4);
    if (size < 8 || size > table.size() - at) return;  // the padding behind the last one, or damage
    const std::uint64_t stop = at + size;
    const bool wanted = start < end && start + page > begin;
    for (std::uint64_t entry = at + 8; wanted && entry + 2 <= stop; entry += 2) {
      const auto word = reader.read_at<std::uint16_t>(entry);
      const std::uint64_t place = start + (word & 0xfff);
      if (word >> 12 == none || word >> 12 != address_of_64_bits || place < begin || place >= end) continue;
      const auto offset = offset_of(place);
      if (!offset || *offset + 8 > file_.size()) continue;
      visit({.place = place,
             .target = ByteReader(file_).read_at<std::uint64_t>(*offset),
             .stored_at = *offset,
             .packed = true});
    }
    at = stop;
  }
}

//  0 flags time version | 12 name | 16 first number | 20 count of functions | 24 count of names
// 28 functions | 32 names | 36 numbers: RVAs of tables
void Pe::for_each_export(const std::function<void(const PeExport&)>& visit) const {
  const Table table = directory(pe::exports);
  const ByteSpan header = directory_bytes(pe::exports);
  if (header.size() < 40) return;
  const ByteReader reader(header, "exports");
  const auto functions = reader.read_at<std::uint32_t>(20), names = reader.read_at<std::uint32_t>(24);
  const std::uint64_t function_table = address_of_rva(reader.read_at<std::uint32_t>(28));
  const ByteSpan name_table = from_address(address_of_rva(reader.read_at<std::uint32_t>(32)));
  const ByteSpan number_table = from_address(address_of_rva(reader.read_at<std::uint32_t>(36)));
  const std::size_t count =
      std::min({std::size_t{names}, most_exports, name_table.size() / 4, number_table.size() / 2});
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = ByteReader(number_table).read_at<std::uint16_t>(2 * i);
    if (number >= functions) continue;
    const auto rva = word_at(function_table + 4 * std::uint64_t{number});
    if (!rva) continue;
    const std::uint64_t address = address_of_rva(*rva);
    if (address - table.address < table.size) continue;  // "OTHER.name": passed on to another file
    visit({.name = text_at(address_of_rva(ByteReader(name_table).read_at<std::uint32_t>(4 * i))),
           .address = address});
  }
}

// Eight bytes each until a zero: the RVA of number(2) and name, or with the top bit set a number.
void Pe::visit_slots(const ImportTable& table, std::size_t& left,
                     const std::function<void(const PeImport&)>& visit) const {
  const ByteSpan names = from_address(table.names);
  const ByteReader reader(names, "imports");
  for (std::uint64_t at = 0; at + 8 <= names.size() && left > 0; at += 8, --left) {
    const auto value = reader.read_at<std::uint64_t>(at);
    if (value == 0) return;
    const bool by_number = value >> 63 != 0;
    visit({.library = table.library,
           .name = by_number ? std::string_view{}
                             : text_at(address_of_rva(static_cast<std::uint32_t>(value)) + 2),
           .slot = table.slots + at});
  }
}

//  names(4) time(4) chain(4) library(4) slots(4); delayed: flags library handle slots names ...(32 bytes)
void Pe::for_each_import(const std::function<void(const PeImport&)>& visit) const {
  std::size_t left = most_imports;
  const auto tables_of = [&](pe::Directory index, std::uint64_t size, std::uint64_t library_at,
                             std::uint64_t names_at, std::uint64_t slots_at) {
    const ByteSpan bytes = directory_bytes(index);
    const ByteReader reader(bytes, "imports");
    for (std::uint64_t i = 0; i < most_libraries && (i + 1) * size <= bytes.size(); ++i) {
      const auto library = reader.read_at<std::uint32_t>(i * size + library_at);
      const auto slots = reader.read_at<std::uint32_t>(i * size + slots_at);
      auto names = reader.read_at<std::uint32_t>(i * size + names_at);
      if (library == 0) return;
      if (names == 0) names = slots;  // old linkers: the slots hold the names until they are bound
      visit_slots({.names = address_of_rva(names),
                   .slots = address_of_rva(slots),
                   .library = text_at(address_of_rva(library))},
                  left, visit);
    }
  };
  tables_of(pe::imports, 20, 12, 0, 16);
  tables_of(pe::delayed_imports, 32, 4, 16, 12);
}

// x86-64: begin(4) end(4) unwind(4), RVAs. ARM64: begin(4), then 2 bits: 0 leads to a record whose lowest 18
// bits are the length in words, else bits 2 to 12 are the length.
void Pe::for_each_function(const std::function<void(const PeFunction&)>& visit) const {
  const ByteSpan table = directory_bytes(pe::functions);
  const ByteReader reader(table, "function table");
  const std::uint64_t row = machine_ == pe::x86_64 ? 12 : 8;
  for (std::uint64_t at = 0; at + row <= table.size(); at += row) {
    const auto begin = reader.read_at<std::uint32_t>(at), second = reader.read_at<std::uint32_t>(at + 4);
    std::uint64_t size = 0;
    if (machine_ == pe::x86_64) {
      if (second <= begin) continue;
      size = second - begin;
    } else if ((second & 3) != 0) {
      size = std::uint64_t{second >> 2 & 0x7ff} * 4;
    } else {
      size = std::uint64_t{word_at(address_of_rva(second)).value_or(0) & 0x3ffff} * 4;
    }
    if (begin != 0 && size != 0) visit({.address = address_of_rva(begin), .size = size});
  }
}

// The fourth of the directory's addresses leads to a list of addresses that ends with a zero.
std::vector<std::uint64_t> Pe::thread_callbacks() const {
  constexpr std::uint64_t list_at = 24;
  constexpr std::size_t most = 1000;
  std::vector<std::uint64_t> all;
  const ByteSpan header = directory_bytes(pe::thread_storage);
  if (header.size() < list_at + 8) return all;
  const ByteSpan list = from_address(ByteReader(header).read_at<std::uint64_t>(list_at));
  for (std::uint64_t at = 0; at + 8 <= list.size() && all.size() < most; at += 8) {
    const auto address = ByteReader(list).read_at<std::uint64_t>(at);
    if (address == 0) break;
    all.push_back(address);
  }
  return all;
}

std::string_view Pe::soname() const {
  const ByteSpan header = directory_bytes(pe::exports);
  if (header.size() < 40) return {};
  return text_at(address_of_rva(ByteReader(header).read_at<std::uint32_t>(12)));
}

ByteSpan Pe::exported_names() const { return directory_bytes(pe::exports); }

// Rows of 28 bytes: ... type(4) at 12, size(4), RVA(4), offset(4). A row of type 2 leads to "RSDS", a GUID
// (4, 2, 2, 8 bytes) and an age(4).
std::string Pe::build_id() const {
  constexpr std::uint32_t symbol_file = 2;
  const ByteSpan table = directory_bytes(pe::debug);
  const ByteReader reader(table, "debug directory");
  for (std::uint64_t at = 0; at + 28 <= table.size(); at += 28) {
    if (reader.read_at<std::uint32_t>(at + 12) != symbol_file) continue;
    const ByteSpan record = from_address(address_of_rva(reader.read_at<std::uint32_t>(at + 20)));
    if (record.size() < 24 || !as_text(record).starts_with("RSDS")) continue;
    const ByteReader guid(record);
    std::string text = fmt::format("{:08x}{:04x}{:04x}", guid.read_at<std::uint32_t>(4),
                                   guid.read_at<std::uint16_t>(8), guid.read_at<std::uint16_t>(10));
    for (std::uint64_t i = 12; i < 20; ++i) text += fmt::format("{:02x}", guid.read_at<std::uint8_t>(i));
    return text + fmt::format("{:x}", guid.read_at<std::uint32_t>(20));
  }
  return "";
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "cpu/isa/isa_arm64.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "base/embedded.h"
#include "base/error.h"
#include "base/text.h"

namespace lathe::isa_data {
std::span<const EmbeddedFile> tables();
}

namespace lathe {
namespace {

using Kind = CodeEvent::Kind;

enum class Meaning : std::uint8_t { use, branch, adrp, adr, identify };

struct CodeRow {
  std::uint32_t mask = 0, value = 0;
  Meaning meaning = Meaning::use;
  std::uint8_t needs = 0;
};

// What is reported besides extensions.
constexpr CodeRow flow_rows[] = {
    {0x7c000000, 0x14000000, Meaning::branch, 0},    // B, BL
    {0x9f000000, 0x90000000, Meaning::adrp, 0},      // ADRP
    {0x9f000000, 0x10000000, Meaning::adr, 0},       // ADR
    {0xfffff000, 0xd5380000, Meaning::identify, 0},  // MRS of an ID register
};

std::uint32_t hexadecimal(std::string_view text, const Place& where) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Error({.what = "not a number: " + std::string(text), .where = where, .kind = ErrorKind::fault});
  }
  return value;
}

// Bits 31 to 21 tell which rows can match at all: for most words none.
class CodeTable {
 public:
  explicit CodeTable(const EmbeddedFile& file) {
    needs_.emplace_back();
    Place where{.file = std::string(file.name)};
    for (const std::string_view line : split(file.text, '\n')) {
      ++where.line;
      if (!line.empty() && line.front() != '#') rows_.push_back(parse(line, where));
    }
    rows_.insert(rows_.end(), std::begin(flow_rows), std::end(flow_rows));
    for (std::uint32_t top = 0; top < tops; ++top) {
      first_[top] = static_cast<std::uint16_t>(candidates_.size());
      for (const CodeRow& row : rows_) {
        if (((top << 21 ^ row.value) & row.mask & ~low_bits) == 0) candidates_.push_back(row);
      }
    }
    first_[tops] = static_cast<std::uint16_t>(candidates_.size());
  }

  const CodeRow* find(std::uint32_t word) const {
    const std::uint32_t top = word >> 21;
    for (std::size_t i = first_[top]; i < first_[top + 1]; ++i) {
      if ((word & candidates_[i].mask) == candidates_[i].value) return &candidates_[i];
    }
    return nullptr;
  }

  const ExtensionSet& needs(std::uint8_t number) const { return needs_[number]; }

 private:
  static constexpr std::uint32_t tops = 1 << 11, low_bits = (1 << 21) - 1;

  CodeRow parse(std::string_view line, const Place& where) {
    const auto columns = split(line, '\t');
    const auto needs = columns.size() == 4 ? parse_extensions(columns[2], Machine::aarch64) : std::nullopt;
    if (!needs)
      throw Error(
          {.what = "a row has four columns and known extensions", .where = where, .kind = ErrorKind::fault});
    const CodeRow row{.mask = hexadecimal(columns[0], where),
                      .value = hexadecimal(columns[1], where),
                      .needs = number_of(*needs)};
    if (row.value & ~row.mask)
      throw Error({.what = "the value has bits outside the mask", .where = where, .kind = ErrorKind::fault});
    return row;
  }

  std::uint8_t number_of(const ExtensionSet& set) {
    const auto found = std::ranges::find(needs_, set);
    if (found != needs_.end()) return static_cast<std::uint8_t>(found - needs_.begin());
    needs_.push_back(set);
    return static_cast<std::uint8_t>(needs_.size() - 1);
  }

  std::vector<CodeRow> rows_, candidates_;
  std::array<std::uint16_t, tops + 1> first_{};
  std::vector<ExtensionSet> needs_;
};

const CodeTable& code_table() {
  static const CodeTable instance = [] {
    const auto files = isa_data::tables();
    return CodeTable(*std::ranges::find(files, "arm64_instructions.txt", &EmbeddedFile::name));
  }();
  return instance;
}

std::uint64_t extend(std::uint64_t value, unsigned bits) {
  const std::uint64_t sign = std::uint64_t{1} << (bits - 1);
  return (value ^ sign) - sign;
}

class Sweep {
 public:
  Sweep(ByteSpan section, std::uint64_t address, std::size_t end, std::vector<CodeEvent>& events)
      : section_(section), address_(address), end_(end), events_(events) {}

  void visit(std::size_t at, std::uint32_t word) {
    const CodeRow* row = table_.find(word);
    if (!row) return;
    switch (row->meaning) {
      case Meaning::use:
        if (row->needs) report({.kind = Kind::use, .needs = row->needs}, at);
        break;
      case Meaning::branch:
        report({.target = address_ + at + extend((word & 0x3ffffff) << 2, 28),
                .kind = word >> 31 ? Kind::call : Kind::jump},
               at);
        break;
      case Meaning::adrp:
        follow(at, word & 31, ((address_ + at) & ~std::uint64_t{0xfff}) + (distance(word) << 12));
        break;
      case Meaning::adr:
        report({.target = address_ + at + distance(word), .kind = Kind::reference}, at);
        break;
      case Meaning::identify: report({.kind = Kind::guard}, at); break;
    }
  }

 private:
  static std::uint64_t distance(std::uint32_t word) {
    return extend((word >> 5 & 0x7ffff) << 2 | (word >> 29 & 3), 21);
  }

  std::uint32_t word_at(std::size_t at) const {
    std::uint32_t word;
    std::memcpy(&word, section_.data() + at, 4);
    return word;
  }

  // ADRP put `page` into a register: ADD completes an address, LDR loads from one, BR or BLR may call what
  // was loaded.
  void follow(std::size_t at, std::uint32_t page_register, std::uint64_t page) {
    std::uint32_t loaded = 32;
    std::uint64_t slot = 0;
    for (std::size_t i = at + 4; i + 4 <= end_ && i <= at + 32; i += 4) {
      const std::uint32_t word = word_at(i), n = word >> 5 & 31;
      if ((word & 0xff800000) == 0x91000000 && n == page_register) {  // ADD Xd, Xn, #imm12 (shifted or not)
        const std::uint64_t imm = word >> 10 & 0xfff;
        report({.target = page + (word & 1u << 22 ? imm << 12 : imm), .kind = Kind::reference}, i);
      } else if ((word & 0xffc00000) == 0xf9400000 && n == page_register) {  // LDR Xt, [Xn, #imm12 * 8]
        slot = page + (word >> 10 & 0xfff) * 8;
        loaded = word & 31;
        report({.target = slot, .kind = Kind::slot_load}, i);
      } else if ((word & 0xffdffc1f) == 0xd61f0000 && n == loaded) {  // BR, BLR
        report({.target = slot, .kind = Kind::slot_call}, i);
      }
      if (ends_block(word)) return;
      const bool writes_page_register = (word & 31) == page_register && (word & 0x0a000000) != 0x08000000;
      if (writes_page_register && n != page_register) return;
    }
  }
  // branches and system
  static bool ends_block(std::uint32_t word) { return (word & 0x1c000000) == 0x14000000; }

  void report(CodeEvent event, std::size_t at) {
    event.at = static_cast<std::uint32_t>(at);
    events_.push_back(event);
  }

  const CodeTable& table_ = code_table();
  ByteSpan section_;
  std::uint64_t address_;
  std::size_t end_;
  std::vector<CodeEvent>& events_;
};

}  // namespace

std::uint8_t classify_arm64(std::uint32_t word) {
  const CodeRow* row = code_table().find(word);
  return row && row->meaning == Meaning::use ? row->needs : std::uint8_t{0};
}

const ExtensionSet& arm64_needs(std::uint8_t needs) { return code_table().needs(needs); }

std::size_t sweep_arm64(ByteSpan section, std::uint64_t address, std::size_t begin, std::size_t end,
                        std::vector<CodeEvent>& events) {
  Sweep sweep(section, address, end, events);
  std::size_t count = 0;
  for (std::size_t at = begin; at + 4 <= end; at += 4, ++count) {
    std::uint32_t word;
    std::memcpy(&word, section.data() + at, 4);
    sweep.visit(at, word);
  }
  return count;
}

}  // namespace lathe

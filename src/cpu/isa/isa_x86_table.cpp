// SPDX-License-Identifier: MIT
#include "cpu/isa/isa_x86_table.h"

#include <algorithm>
#include <bitset>
#include <charconv>
#include <initializer_list>
#include <map>
#include <span>
#include <system_error>
#include <utility>

#include "base/embedded.h"
#include "base/error.h"
#include "base/text.h"

namespace lathe::isa_data {
std::span<const EmbeddedFile> tables();
}

namespace lathe::x86 {
namespace {

using Modrms = std::bitset<256>;

[[noreturn]] void fail(const Place& where, std::string what) {
  throw Error({.what = std::move(what), .where = where, .kind = ErrorKind::fault});
}

unsigned number(std::string_view text, int base, const Place& where) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || value > 255)
    fail(where, "not a number: " + std::string(text));
  return value;
}

// "58-59,5c"
std::vector<unsigned> parse_opcodes(std::string_view text, const Place& where) {
  std::vector<unsigned> opcodes;
  for (const std::string_view run : split(text, ',')) {
    const auto ends = split(run, '-');
    for (unsigned opcode = number(ends.front(), 16, where); opcode <= number(ends.back(), 16, where);
         ++opcode) {
      opcodes.push_back(opcode);
    }
  }
  return opcodes;
}

// "*" or a list out of `names`; the numbers of those named.
std::vector<unsigned> parse_choice(std::string_view text, std::initializer_list<std::string_view> names,
                                   const Place& where) {
  std::vector<unsigned> chosen;
  if (text == "*") {
    for (unsigned i = 0; i < names.size(); ++i) chosen.push_back(i);
    return chosen;
  }
  for (const std::string_view name : split(text, ',')) {
    const auto* const found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) fail(where, "not one of the choices: " + std::string(name));
    chosen.push_back(static_cast<unsigned>(found - names.begin()));
  }
  return chosen;
}

bool in_modrm_class(char kind, char qualifier, unsigned modrm) {
  const bool is_register = modrm >= 0xc0;
  if (kind == 'r') return is_register;
  if (is_register) return false;
  if (qualifier == 's') return (modrm & 7) == 4;
  if (qualifier == 'n') return (modrm & 0xc7) != 5;
  return true;
}

// "m037+r": see the table's head and docs/formats/isa-scan.md.
Modrms parse_modrm_part(std::string_view part, const Place& where) {
  Modrms set;
  if (part.front() == '=') {
    for (const std::string_view byte : split(part.substr(1), ',')) set.set(number(byte, 16, where));
    return set;
  }
  // 'u' (two different registers) is 'r' with a rule that the decoder checks on the whole register numbers.
  const char kind = part.front() == 'u' ? 'r' : part.front();
  if (kind != 'm' && kind != 'r') fail(where, "not a ModRM class: " + std::string(part));
  part.remove_prefix(1);
  const char qualifier = !part.empty() && (part.front() == 's' || part.front() == 'n') ? part.front() : '\0';
  if (qualifier) part.remove_prefix(1);
  for (unsigned modrm = 0; modrm < 256; ++modrm) {
    const char reg = static_cast<char>('0' + (modrm >> 3 & 7));
    if (in_modrm_class(kind, qualifier, modrm) && (part.empty() || part.find(reg) != part.npos))
      set.set(modrm);
  }
  return set;
}

Modrms parse_modrm(std::string_view text, const Place& where) {
  if (text == "-") return Modrms().set();
  Modrms set;
  for (const std::string_view part : split(text, '+')) set |= parse_modrm_part(part, where);
  return set;
}

std::uint8_t parse_imm(std::string_view text, const Place& where) {
  if (text == "z") return imm_z;
  if (text == "a") return imm_a;
  return static_cast<std::uint8_t>(number(text, 10, where));
}

constexpr std::pair<std::string_view, Rule> rule_names[] = {
    {"lock", lock},
    {"no-r", no_r},
    {"no-b", no_b},
    {"no-r2", no_r2},
    {"mod-ignored", mod_ignored},
    {"two-operands", two_operands},
    {"third-below-8", third_below_8},
    {"unlike-destination", unlike_destination},
    {"gather", gather},
    {"tiles", tiles},
    {"v2-is-index", v2_is_index},
    {"unlike-index", unlike_index},
    {"vl", vl},
};

// "len=7/f": lengths without and with EVEX.b.
std::uint8_t parse_lengths(std::string_view digits, const Place& where) {
  if (digits.size() != 3 || digits[1] != '/') fail(where, "lengths are two digits: " + std::string(digits));
  return static_cast<std::uint8_t>(number(digits.substr(0, 1), 16, where) |
                                   number(digits.substr(2), 16, where) << 4);
}

void parse_rules(std::string_view text, Form& form, const Place& where) {
  bool mask = false, zero = false, must = false;
  for (const std::string_view rule : split(text, ',')) {
    if (rule == "-") continue;
    if (rule.starts_with("len=")) {
      form.lengths = parse_lengths(rule.substr(4), where);
    } else if (rule == "mask") {
      mask = true;
    } else if (rule == "zero") {
      zero = true;
    } else if (rule == "must-mask") {
      must = true;
    } else {
      const auto* const found =
          std::ranges::find(rule_names, rule, [](const auto& row) { return row.first; });
      if (found == std::end(rule_names)) fail(where, "no such rule: " + std::string(rule));
      form.rules = static_cast<std::uint16_t>(form.rules | found->second);
    }
  }
  form.masks = static_cast<std::uint8_t>((must ? 0 : 1) | (mask ? 2 : 0) | (zero ? 8 : 0));
}

}  // namespace

// Collects the rows' forms per cell, then stores equal cells and equal patterns once.
class TableBuilder {
 public:
  explicit TableBuilder(Table& table) : table_(table) { needs_number(ExtensionSet{}); }

  void add_row(std::string_view line, const Place& where) {
    const auto columns = split(line, '\t');
    if (columns.size() != 10) fail(where, "a row has ten columns");
    const std::string_view space = columns[0];
    const Form form = parse_form(columns, where);
    if (space == "3dnow") return add_3dnow(columns[2], form, where);
    const unsigned map = number(columns[1], 10, where);
    const Modrms modrms = parse_modrm(columns[9], where);
    for (const unsigned opcode : parse_opcodes(columns[2], where))
      for (const unsigned prefix : parse_choice(columns[3], {"-", "66", "f3", "f2"}, where))
        for (const unsigned wide : parse_choice(columns[4], {"0", "1"}, where))
          for (const unsigned length : lengths_of(space, columns[5], where))
            add_to(cell_at(space, map, prefix, wide, length, opcode, where), form, modrms, columns[9] != "-");
  }

  void finish() {
    table_.index_.assign(Table::index_size, 0);
    Pattern nothing;
    nothing.fill(no_form);
    table_.patterns_.push_back(nothing);
    table_.cells_.push_back({});
    std::map<std::vector<std::uint64_t>, std::uint16_t> known;
    for (const auto& [at, draft] : drafts_) {
      const auto [entry, is_new] =
          known.try_emplace(draft.key(), static_cast<std::uint16_t>(table_.cells_.size()));
      if (is_new) store(draft);
      table_.index_[at] = entry->second;
    }
  }

 private:
  struct Draft {
    Pattern pattern;
    std::vector<Form> forms;
    bool has_modrm = true;

    std::vector<std::uint64_t> key() const {
      std::vector<std::uint64_t> words = {has_modrm};
      for (const Form& f : forms)
        words.push_back(std::uint64_t{f.rules} << 40 | std::uint64_t{f.needs} << 32 |
                        std::uint64_t{f.needs_with_vl} << 24 | std::uint64_t{f.imm} << 16 |
                        std::uint64_t{f.lengths} << 8 | f.masks);
      words.insert(words.end(), pattern.begin(), pattern.end());
      return words;
    }
  };

  static std::vector<unsigned> lengths_of(std::string_view space, std::string_view text, const Place& where) {
    if (space == "vex" || space == "xop") return parse_choice(text, {"0", "1"}, where);
    if (text != "-") fail(where, "only VEX and XOP rows have a length");
    return {0};
  }

  static std::size_t cell_at(std::string_view space, unsigned map, unsigned prefix, unsigned wide,
                             unsigned length, unsigned opcode, const Place& where) {
    if (space == "legacy" && map < 4) return Table::legacy_at(map, prefix, wide, opcode);
    if ((space == "vex" || space == "xop") && map < Table::vex_maps)
      return Table::vex_at(map, prefix, wide, length, opcode);
    if (space == "evex" && map < Table::evex_maps) return Table::evex_at(map, prefix, wide, opcode);
    fail(where, "no such encoding or opcode map");
  }

  Form parse_form(const std::vector<std::string_view>& columns, const Place& where) {
    Form form{.imm = parse_imm(columns[7], where)};
    parse_rules(columns[8], form, where);
    auto needs = parse_extensions(columns[6], Machine::x86_64);
    if (!needs) fail(where, "no such extension: " + std::string(columns[6]));
    form.needs = needs_number(*needs);
    needs->set(static_cast<std::size_t>(Extension::avx512vl));
    form.needs_with_vl = form.rules & vl ? needs_number(*needs) : form.needs;
    return form;
  }

  std::uint8_t needs_number(const ExtensionSet& set) {
    auto& all = table_.needs_;
    const auto found = std::ranges::find(all, set);
    if (found != all.end()) return static_cast<std::uint8_t>(found - all.begin());
    all.push_back(set);
    return static_cast<std::uint8_t>(all.size() - 1);
  }

  void add_3dnow(std::string_view opcodes, const Form& form, const Place& where) {
    for (const unsigned opcode : parse_opcodes(opcodes, where)) table_.threednow_[opcode] = true;
    table_.threednow_needs_ = form.needs;
  }

  void add_to(std::size_t at, const Form& form, const Modrms& modrms, bool has_modrm) {
    const auto [entry, is_new] = drafts_.try_emplace(at);
    Draft& draft = entry->second;
    if (is_new) draft.pattern.fill(no_form);
    draft.has_modrm = has_modrm;
    for (std::size_t modrm = 0; modrm < 256; ++modrm) {
      if (modrms.test(modrm)) draft.pattern[modrm] = static_cast<std::uint8_t>(draft.forms.size());
    }
    draft.forms.push_back(form);
  }

  void store(const Draft& draft) {
    auto& patterns = table_.patterns_;
    const auto found = std::ranges::find(patterns, draft.pattern);
    table_.cells_.push_back({.pattern = static_cast<std::uint16_t>(found - patterns.begin()),
                             .first_form = static_cast<std::uint16_t>(table_.forms_.size()),
                             .has_modrm = draft.has_modrm});
    if (found == patterns.end()) patterns.push_back(draft.pattern);
    table_.forms_.insert(table_.forms_.end(), draft.forms.begin(), draft.forms.end());
  }

  Table& table_;
  std::map<std::size_t, Draft> drafts_;
};

Table::Table(std::vector<std::pair<std::string, std::string_view>> texts) {
  TableBuilder builder(*this);
  for (const auto& [file, text] : texts) {
    Place where{.file = file};
    for (const std::string_view line : split(text, '\n')) {
      ++where.line;
      if (!line.empty() && line.front() != '#') builder.add_row(line, where);
    }
  }
  builder.finish();
}

const Table& table() {
  static const Table instance = [] {
    std::vector<std::pair<std::string, std::string_view>> texts;
    for (const EmbeddedFile& file : isa_data::tables()) {
      if (file.name.starts_with("x86_")) texts.emplace_back(file.name, file.text);
    }
    return Table(std::move(texts));
  }();
  return instance;
}

}  // namespace lathe::x86

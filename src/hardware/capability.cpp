// SPDX-License-Identifier: MIT
#include "hardware/capability.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace lathe {
namespace {

constexpr std::string_view ptx_mark = "+PTX";

struct DialectRow {
  Dialect dialect;
  std::string_view name;
  std::string_view prefix;
  std::string_view wanted_by;  // starts a sentence: who takes this dialect
};

constexpr std::array<DialectRow, 5> dialects = {{
    {Dialect::dotted, "dotted", "", "gpuTargets and TORCH_CUDA_ARCH_LIST want"},
    {Dialect::cmake, "cmake", "", "CMAKE_CUDA_ARCHITECTURES wants"},
    {Dialect::sm, "sm", "sm_", "nvcc -code and torch.cuda.get_arch_list() want"},
    {Dialect::compute, "compute", "compute_", "nvcc -arch for PTX wants"},
    {Dialect::name, "name", "sm", "variant and file names want"},
}};

const DialectRow& row_of(Dialect dialect) {
  return *std::ranges::find(dialects, dialect, &DialectRow::dialect);
}

// The names that PyTorch's select_compute_arch.cmake takes for sets of capabilities. Known here for hints
// only.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> pytorch_names = {{
    {"kepler", "3.5"},
    {"maxwell", "5.0 and 5.2"},
    {"pascal", "6.0 and 6.1"},
    {"volta", "7.0"},
    {"turing", "7.5"},
    {"ampere", "8.0 and 8.6"},
    {"ada", "8.9"},
    {"hopper", "9.0"},
    {"blackwell", "10.0 and 12.0"},
    {"blackwell+tegra", "10.1"},
}};

// Takes `prefix` off `text`, letter case ignored.
bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (lower_case(std::string(text.substr(0, prefix.size()))) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Takes one 'a' or 'f' off the end of `text`; 0 when there is none.
char take_suffix(std::string_view& text) {
  if (text.empty() || (text.back() != 'a' && text.back() != 'f')) return 0;
  const char suffix = text.back();
  text.remove_suffix(1);
  return suffix;
}

// A major of one or two digits (no leading zero) and a minor of one: no toolkit has ever known another shape.
std::optional<Capability> from_digits(std::string_view major, std::string_view minor, char suffix) {
  if (major.empty() || major.size() > 2 || minor.size() != 1 || major.front() == '0') return std::nullopt;
  if (!std::ranges::all_of(major, is_digit) || !is_digit(minor.front())) return std::nullopt;
  int number = 0;
  for (const char digit : major) number = number * 10 + (digit - '0');
  return Capability{number, minor.front() - '0', suffix};
}

std::optional<Capability> parse_run_together(std::string_view text) {
  const char suffix = take_suffix(text);
  if (text.empty()) return std::nullopt;
  return from_digits(text.substr(0, text.size() - 1), text.substr(text.size() - 1), suffix);
}

std::optional<Capability> parse_dotted(std::string_view text) {
  const char suffix = take_suffix(text);
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  return from_digits(text.substr(0, dot), text.substr(dot + 1), suffix);
}

// Longest text that any dialect can make is "compute_120a": more than this is never quoted whole.
std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 40;
  if (text.size() <= longest) return fmt::format("\"{}\"", printable(text));
  return fmt::format("\"{}...\"", printable(text.substr(0, longest)));
}

// The slips that people make, each undone: the first that gives a capability is what was probably meant.
std::optional<SpelledCapability> nearest(std::string_view text) {
  const std::string plain = lower_case(std::string(trim(text)));
  if (plain.empty() || plain.size() > 40) return std::nullopt;
  const std::string without_last = plain.substr(0, plain.size() - 1);
  std::string with_points = replace_all(replace_all(plain, "-real", ""), "-virtual", "");
  std::ranges::replace(with_points, ',', '.');
  std::string with_underscores = plain;
  std::ranges::replace(with_underscores, '-', '_');
  for (const std::string& attempt : {plain, replace_all(plain, "+ptx", std::string(ptx_mark)), with_points,
                                     with_underscores, without_last, plain + "0", plain + ".0"}) {
    if (const auto parsed = parse_capability(attempt)) return parsed;
  }
  return std::nullopt;
}

std::string hint_for(std::string_view text, Dialect wanted) {
  const std::string name = lower_case(std::string(trim(text)));
  for (const auto& [known, stands_for] : pytorch_names) {
    if (name == known) return fmt::format("this is PyTorch's name for {}: write the number", stands_for);
  }
  if (trim(text).find_first_of("; ") != std::string_view::npos) {
    return "this looks like a list: write each capability as a value of its own";
  }
  if (const auto near = nearest(text)) {
    const bool ptx = near->ptx && wanted == Dialect::dotted;
    return fmt::format("did you mean \"{}\"?", spell(SpelledCapability{near->capability, wanted, ptx}));
  }
  return fmt::format("in the {} dialect one looks like \"{}\"", to_string(wanted), spell({9, 0}, wanted));
}

}  // namespace

std::string_view to_string(Dialect dialect) { return row_of(dialect).name; }

std::string spell(Capability capability, Dialect dialect) {
  const std::string_view point = dialect == Dialect::dotted ? "." : "";
  const std::string_view suffix(&capability.suffix, capability.suffix ? 1 : 0);
  return fmt::format("{}{}{}{}{}", row_of(dialect).prefix, capability.major, point, capability.minor, suffix);
}

std::string spell(const SpelledCapability& spelled) {
  return spell(spelled.capability, spelled.dialect) + std::string(spelled.ptx ? ptx_mark : "");
}

std::optional<SpelledCapability> parse_capability(std::string_view text) {
  const bool ptx = text.ends_with(ptx_mark);
  if (const auto dotted = parse_dotted(ptx ? text.substr(0, text.size() - ptx_mark.size()) : text)) {
    return SpelledCapability{*dotted, Dialect::dotted, ptx};
  }
  Dialect dialect = Dialect::cmake;
  for (const Dialect prefixed : {Dialect::sm, Dialect::compute, Dialect::name}) {  // "sm_" before "sm"
    if (!take_prefix(text, row_of(prefixed).prefix)) continue;
    dialect = prefixed;
    break;
  }
  const auto capability = parse_run_together(text);
  return capability ? std::optional(SpelledCapability{*capability, dialect}) : std::nullopt;
}

SpelledCapability parse_capability_as(std::string_view text, Dialect wanted) {
  const auto parsed = parse_capability(text);
  if (!parsed) {
    throw Error({.what = fmt::format("{} is not a compute capability", quoted(text)),
                 .next = hint_for(text, wanted)});
  }
  if (parsed->dialect == wanted) return *parsed;
  const std::string right = spell(parsed->capability, wanted);
  // What "compute_90" names is PTX; only the dotted dialect can ask for that, and then for both.
  const bool loses_ptx = parsed->dialect == Dialect::compute && wanted == Dialect::dotted;
  throw Error(
      {.what = fmt::format("{} is the {} dialect; {} the {} dialect: \"{}\"", quoted(text),
                           to_string(parsed->dialect), row_of(wanted).wanted_by, to_string(wanted), right),
       .next = loses_ptx ? fmt::format("write \"{}\", or \"{}+PTX\" to keep PTX", right, right)
                         : fmt::format("write \"{}\"", right)});
}

}  // namespace lathe

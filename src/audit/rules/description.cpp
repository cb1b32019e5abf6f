// SPDX-License-Identifier: MIT
// What a recipe tells people: GPUs and CPUs that cannot run it, drivers that are too old. Text is all there
// is to read here.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "audit/rules/rule.h"
#include "base/finding.h"
#include "base/json.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "nix/record.h"

namespace lathe {
namespace {

// Rows of a table by each of their names, in lower case.
template <typename Row>
std::unordered_map<std::string, const Row*> by_name(const std::vector<Row>& rows) {
  std::unordered_map<std::string, const Row*> names;
  for (const Row& row : rows) {
    names.emplace(lower_case(row.name), &row);
    for (const std::string& alias : row.aliases) names.emplace(lower_case(alias), &row);
  }
  return names;
}

std::string description(const Case& recipe) {
  const RecordedPackage* package = recipe.package();
  if (!package) return "";
  const Json* meta = package->attributes.find("meta");
  std::string text = package->description;
  if (meta) text += " " + meta->text_of("longDescription");
  return text.substr(0, 16384);
}

bool word_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-'; }

// Every run of one to four words that names a row; the longest at each place ("RTX 6000 Ada", not "RTX
// 6000").
template <typename Row>
std::vector<std::pair<std::string, const Row*>> mentioned(
    const std::string& text, const std::unordered_map<std::string, const Row*>& names) {
  const std::string folded = lower_case(std::string(text));
  std::vector<std::pair<std::size_t, std::size_t>> words;
  for (std::size_t i = 0; i < folded.size();) {
    if (!word_character(folded[i])) {
      ++i;
      continue;
    }
    const std::size_t start = i;
    while (i < folded.size() && word_character(folded[i])) ++i;
    words.emplace_back(start, i);
  }
  std::vector<std::pair<std::string, const Row*>> found;
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (std::size_t count = std::min<std::size_t>(4, words.size() - i); count > 0; --count) {
      const std::size_t start = words[i].first, end = words[i + count - 1].second;
      const auto row = names.find(folded.substr(start, end - start));
      if (row == names.end()) continue;
      found.emplace_back(text.substr(start, end - start), row->second);
      i += count - 1;
      break;
    }
  }
  return found;
}

// The numbers behind each `word` of `text`: "cuda 13.0", "cuda toolkit: v13.0", "cuda13_0". None for "cuda
// 12.8 or newer", which says what is needed and not what is inside.
std::vector<std::string> numbers_after(const std::string& text, std::string_view word) {
  std::vector<std::string> numbers;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    if (at > 0 && (word_character(text[at - 1]) || text[at - 1] == '_' || text[at - 1] == '.')) continue;
    if (std::string_view(text).substr(0, at).ends_with("before ")) continue;  // "Jetson Thor before CUDA 13"
    std::size_t start = at + word.size();
    for (std::string_view between : {" toolkit", " version", " release"}) {
      if (std::string_view(text).substr(start).starts_with(between)) start += between.size();
    }
    start = std::min(text.find_first_not_of(" :v", start), text.size());
    std::size_t end = start;
    while (end < text.size() && (is_digit(text[end]) || ((text[end] == '.' || text[end] == '_') &&
                                                         end + 1 < text.size() && is_digit(text[end + 1]))))
      ++end;
    const std::string_view rest = std::string_view(text).substr(end);
    const bool at_least = rest.starts_with("+") || rest.starts_with(" or ") || rest.starts_with(" and newer");
    if (end > start && !at_least) numbers.push_back(replace_all(text.substr(start, end - start), "_", "."));
  }
  return numbers;
}

void add_once(std::vector<std::string>& list, std::string text) {
  if (std::ranges::find(list, text) == list.end()) list.push_back(std::move(text));
}

// The version behind "driver" in `text`, from `from` on: "Driver: 570+", "NVIDIA driver 580.65.06 or newer".
std::optional<Version> driver_in(const std::string& folded) {
  const std::size_t word = folded.find("driver");
  if (word == std::string::npos) return std::nullopt;
  const std::size_t digit = folded.find_first_of("0123456789", word);
  if (digit == std::string::npos || digit - word > 24) return std::nullopt;
  const std::string number = folded.substr(digit, folded.find_first_not_of("0123456789.", digit) - digit);
  const auto version = Version::parse(number.ends_with('.') ? number.substr(0, number.size() - 1) : number);
  return version && version->parts.front() >= 300 && version->parts.front() < 1000 ? version : std::nullopt;
}

// What the device code of the build is to be.
std::vector<DeviceCode> promised_code(const Case& recipe) {
  std::vector<DeviceCode> codes;
  for (const Capability gpu : recipe.promise->gpus) codes.push_back({gpu, CodeKind::cubin});
  if (recipe.want && recipe.want->settings->ptx)
    codes.push_back({recipe.promise->gpus.back(), CodeKind::ptx});
  return codes;
}

void rule_description_gpu(const Case& recipe, Report& report) {
  if (!recipe.promise || !recipe.promise->is_gpu() || !recipe.package()) return;
  static const auto names = by_name(catalog().gpus);
  const std::vector<DeviceCode> codes = promised_code(recipe);
  std::vector<std::string> wrong;
  for (const auto& mention : mentioned(description(recipe), names)) {
    const auto& word = mention.first;
    const auto* gpu = mention.second;
    // Thor is 11.0 today, and what a build for 10.1 is for.
    const bool renamed = std::ranges::any_of(recipe.promise->gpus, [&](Capability promised) {
      const CapabilityRow* row = catalog().find(promised);
      return row && row->now_called == gpu->capability;
    });
    if (!renamed && !pick(codes, gpu->capability))
      add_once(wrong,
               fmt::format("{} (compute capability {})", word, spell(gpu->capability, Dialect::dotted)));
  }
  // its note names what can't run
  const bool impossible = recipe.want && recipe.want->cell->status == PairStatus::impossible;
  if (!wrong.empty() && !impossible)
    report.add(recipe.at("meta.description"),
               fmt::format("its description names {}, which cannot run it", fmt::join(wrong, ", ")));
}

void rule_description_cuda(const Case& recipe, Report& report) {
  if (!recipe.promise || !recipe.package()) return;
  const RecordedPackage* torch = recipe.torch();
  if (!torch) return;
  const bool gpu = torch->cuda_support.value_or(false);
  const auto built = gpu && torch->cuda ? Version::parse(torch->cuda->version) : std::nullopt;
  // The note on a variant that is not valid is part of the text, and names other releases.
  const std::vector<std::string> noted =
      recipe.want ? numbers_after(lower_case(recipe.want->cell->reason), "cuda") : std::vector<std::string>{};
  std::vector<std::string> wrong;
  for (const std::string& number : numbers_after(lower_case(description(recipe)), "cuda")) {
    if (std::ranges::find(noted, number) != noted.end()) continue;
    const auto said = Version::parse(number);
    // "CUDA 8.6" is a compute capability
    if (!said || said->parts.front() < 9 || said->parts.front() > 99) continue;
    const std::size_t length = built ? std::min(said->parts.size(), built->parts.size()) : 0;
    const bool same =
        built && std::equal(said->parts.begin(), said->parts.begin() + static_cast<std::ptrdiff_t>(length),
                            built->parts.begin());
    if ((built || !gpu) && !same) add_once(wrong, number);
  }
  if (!wrong.empty()) {
    report.add(recipe.at("meta.description"),
               fmt::format("its description names CUDA {}, it is built with {}", fmt::join(wrong, ", "),
                           built ? built->text() : "none"));
  }
}

void rule_description_python(const Case& recipe, Report& report) {
  if (!recipe.promise || !recipe.package() || recipe.promise->python.empty()) return;
  std::vector<std::string> wrong;
  const std::string text = lower_case(description(recipe));
  for (const char* word : {"python", "cpython"}) {
    for (const std::string& number : numbers_after(text, word)) {
      const std::size_t dot = number.find('.');
      // 3.13.1 is 3.13
      const std::string said =
          digits_of(number.substr(0, number.find('.', dot == std::string::npos ? dot : dot + 1)));
      if (said != digits_of(recipe.promise->python) && said != "3") add_once(wrong, number);
    }
  }
  if (!wrong.empty())
    report.add(recipe.at("meta.description"),
               fmt::format("its description names Python {}, it is built for {}", fmt::join(wrong, ", "),
                           recipe.promise->python));
}

void rule_description_arch(const Case& recipe, Report& report) {
  if (!recipe.promise || !recipe.promise->is_gpu() || !recipe.package()) return;
  const std::vector<DeviceCode> codes = promised_code(recipe);
  std::vector<std::string> wrong;
  const std::string text = lower_case(description(recipe));
  for (const char* word : {"sm_", "sm", "compute capability", "compute_"}) {
    for (const std::string& number : numbers_after(text, word)) {
      const auto spelled = parse_capability(number.find('.') != std::string::npos ? number : "sm_" + number);
      if (!spelled || pick(codes, spelled->capability)) continue;
      const bool promised = std::ranges::any_of(recipe.promise->gpus, [&](Capability gpu) {
        return gpu.major == spelled->capability.major && gpu.minor == spelled->capability.minor;
      });
      if (!promised) add_once(wrong, spell(spelled->capability, Dialect::dotted));
    }
  }
  // a note names other GPUs
  const bool noted = recipe.want && recipe.want->cell->status != PairStatus::valid;
  if (!wrong.empty() && !noted)
    report.add(recipe.at("meta.description"),
               fmt::format("its description names compute capability {}, for which there is no code in it",
                           fmt::join(wrong, ", ")));
}

void rule_description_cpu(const Case& recipe, Report& report) {
  if (!recipe.promise || !recipe.promise->isa || !recipe.package()) return;
  static const auto names = by_name(catalog().cpus);
  const Isa& isa = *recipe.promise->isa;
  // a note names better CPUs
  const bool noted = recipe.want && recipe.want->cell->status != PairStatus::valid;
  std::vector<std::string> wrong;
  for (const auto& [word, cpu] : mentioned(description(recipe), names)) {
    if (std::ranges::find(cpu->isas, isa.name) == cpu->isas.end()) add_once(wrong, word);
  }
  if (!wrong.empty() && !noted)
    report.add(recipe.at("meta.description"), fmt::format("its description names {}, which does not have {}",
                                                          fmt::join(wrong, ", "), isa.name));
}

void rule_driver_floor(const Case& recipe, Report& report) {
  if (!recipe.promise || !recipe.promise->is_gpu() || !recipe.package()) return;
  const auto said = driver_in(lower_case(description(recipe)));
  if (!said || !catalog().find_toolkit(*recipe.promise->cuda)) return;
  std::optional<Version> floor;
  for (const Capability gpu : recipe.promise->gpus) {
    const Version each = minimum_driver(gpu, *recipe.promise->cuda, false);
    if (!floor || each < *floor) floor = each;
  }
  if (floor && said->parts.front() < floor->parts.front()) {
    report.add(recipe.at("meta.description"),
               fmt::format("its description asks for driver {}, it needs {}", said->text(), floor->text()));
  }
}

}  // namespace

std::span<const Rule> description_rules() {
  static constexpr Rule table[] = {
      {"description-cuda", Severity::error,
       "The description names another CUDA release than the one that the recipe builds with.", write_anew,
       rule_description_cuda},
      {"description-python", Severity::error,
       "The description names another Python than the one that the recipe builds for.", write_anew,
       rule_description_python},
      {"description-arch", Severity::error,
       "The description names a compute capability that the build has no code for.", write_anew,
       rule_description_arch},
      {"description-gpu", Severity::warning,
       "The description offers the package for a GPU that cannot run it.", write_anew, rule_description_gpu},
      {"description-cpu", Severity::warning,
       "The description offers the package for a CPU that lacks the instruction set: Graviton3 has no SVE2, "
       "Skylake-SP no VNNI.",
       write_anew, rule_description_cpu},
      {"driver-floor", Severity::warning,
       "The description asks for an older driver than this CUDA release runs on.", write_anew,
       rule_driver_floor},
  };
  return table;
}

}  // namespace lathe

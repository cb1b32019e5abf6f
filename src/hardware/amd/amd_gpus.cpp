// SPDX-License-Identifier: MIT
#include "hardware/amd/amd_gpus.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/embedded.h"
#include "base/toml.h"

namespace lathe::amd_data {
std::span<const EmbeddedFile> gpus();
}

namespace lathe {
namespace {

std::vector<std::string> texts_of(const Toml& row, std::string_view key) {
  const Toml* found = row.find(key);
  return found ? found->texts() : std::vector<std::string>{};
}

AmdProcessor read_row(const Toml& row, bool generic) {
  row.allow_only({"name", "number", "features", "generic", "gpus", "source", "confidence"});
  return {.name = row.at("name").text(),
          .number = static_cast<std::uint32_t>(row.at("number").integer()),
          .generic = generic,
          .features = texts_of(row, "features"),
          .generic_name = row.text_or("generic", ""),
          .gpus = texts_of(row, "gpus"),
          .source = row.at("source").text()};
}

std::vector<AmdProcessor> read_all() {
  const Toml file = Toml::parse(amd_data::gpus().front().text, "amd_gpus.toml");
  file.allow_only({"processor", "generic"});
  std::vector<AmdProcessor> all;
  for (const Toml& row : file.at("processor").array()) all.push_back(read_row(row, false));
  for (const Toml& row : file.at("generic").array()) all.push_back(read_row(row, true));
  return all;
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& letter : lower) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return lower;
}

template <typename Member, typename Value>
const AmdProcessor* find(Member member, const Value& value) {
  const auto& all = amd_processors();
  const auto found = std::ranges::find(all, value, member);
  return found == all.end() ? nullptr : &*found;
}

// "Instinct MI300X" of "mi300x" too: what the product is called without the name of its line.
bool is_called(const std::string& product, const std::string& wanted) {
  const std::string lower = to_lower(product);
  return lower == wanted || (lower.ends_with(wanted) && lower[lower.size() - wanted.size() - 1] == ' ');
}

}  // namespace

const std::vector<AmdProcessor>& amd_processors() {
  static const std::vector<AmdProcessor> all = read_all();
  return all;
}

const AmdProcessor* amd_processor(std::string_view name) { return find(&AmdProcessor::name, name); }

const AmdProcessor* amd_processor(std::uint32_t number) { return find(&AmdProcessor::number, number); }

const AmdProcessor* amd_processor_of(std::string_view product) {
  const std::string wanted = to_lower(product);
  if (wanted.empty()) return nullptr;
  const auto& all = amd_processors();
  const auto found = std::ranges::find_if(all, [&](const AmdProcessor& one) {
    return std::ranges::any_of(one.gpus, [&](const std::string& gpu) { return is_called(gpu, wanted); });
  });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace lathe

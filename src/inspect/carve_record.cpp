// SPDX-License-Identifier: MIT
#include "inspect/carve_record.h"

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

namespace lathe {
namespace {

constexpr std::size_t longest_text = 1000;

std::string text_of(const Json& json, std::string_view name) {
  return printable(json.text_of(name).substr(0, longest_text));
}

std::uint64_t number_of(const Json& json, std::string_view name) {
  const Json* member = json.find(name);
  const auto* number = member ? member->get<std::int64_t>() : nullptr;
  return number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

template <typename Take>
void each(const Json& json, std::string_view name, Take take) {
  const Json* member = json.find(name);
  if (!member || !member->array()) return;
  for (const Json& item : *member->array()) take(item);
}

}  // namespace

std::optional<CarveRecord> read_carve_record(std::string_view text, const std::string& path) {
  Json json;
  try {
    json = parse_json(text, path, {.bytes = largest_carve_record, .depth = 100});
  } catch (const Error&) {
    return std::nullopt;
  }
  if (json.text_of("made_by") != "carve") return std::nullopt;
  CarveRecord record{.path = path, .tool = text_of(json, "tool"), .gpus = {}, .files = {}};
  each(json, "gpus", [&](const Json& gpu) {
    if (gpu.text()) record.gpus.push_back(printable(*gpu.text()));
  });
  each(json, "files", [&](const Json& file) {
    record.files.push_back({.path = text_of(file, "path"),
                            .outcome = text_of(file, "outcome"),
                            .sha256_before = text_of(file, "sha256_before"),
                            .size_before = number_of(file, "size_before"),
                            .size_after = number_of(file, "size_after"),
                            .code_before = text_of(file, "code_before"),
                            .code_after = text_of(file, "code_after")});
  });
  for (const Json* earlier = json.find("earlier"); earlier; earlier = earlier->find("earlier"))
    ++record.earlier;
  return record;
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "simple/renamed_wheel.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "carve/wheel_variant.h"
#include "hardware/catalog.h"
#include "inspect/carve_record.h"
#include "inspect/inspect.h"
#include "package/kinds.h"
#include "package/package.h"
#include "package/wheel_names.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// That made the code of the libraries that were carved: an older driver may not take it.
std::string newest_toolkit(const Package& package, const std::string& record) {
  std::set<std::string> carved;
  if (const auto read = read_carve_record(record, package.name())) {
    for (const CarveRecord::File& file : read->files) {
      if (file.outcome == "carved") carved.insert(file.path);
    }
  }
  std::optional<Version> newest;
  for (std::size_t i = 0; i < package.members().size(); ++i) {
    const std::string path = package.members()[i].path();
    if (!carved.contains(path)) continue;
    const MemberContent content = package.open(i);
    const auto inspection = inspect_bytes(content.bytes(), path, {.embedded = false});
    for (const std::string& toolkit : inspection ? inspection->toolkits : std::vector<std::string>{})
      newest = std::max(newest, Version::parse(toolkit));
  }
  return newest ? newest->text() : "";
}

}  // namespace

WrittenPackage write_renamed(const fs::path& wheel, const fs::path& folder, const CarveTarget& target,
                             Naming naming) {
  PathLook look(wheel);
  const PackageKind* kind = package_kind(look);
  const auto name = parse_wheel_name(wheel.filename().string());
  if (!kind || !kind->has_variants || !name)
    throw Error({.what = "this is not a wheel", .where = {.file = wheel.string()}, .kind = ErrorKind::fault});
  const auto package = kind->open(std::move(look));
  const auto writer = kind->write(*package, {.to = folder, .done = "renamed", .to_be_kept = true});
  const WheelName renamed = carved_name(*name, target, naming);
  writer->relabel({.version = renamed.version, .variant = renamed.variant});
  writer->begin();
  if (naming == Naming::variant) {
    const std::string toolkit = newest_toolkit(*package, writer->description(carve_record_name));
    writer->describe(variant_file_name, wheel_variant_json(renamed.variant, std::span(&target, 1), toolkit,
                                                           writer->description(variant_file_name)));
  }
  return writer->finish();
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "carve/trial.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "carve/carve.h"
#include "carve/carve_package.h"
#include "package/kinds.h"

namespace lathe {
namespace {

CarvedPackage plan_of(const std::filesystem::path& path, const CarveOptions& options) {
  PathLook look(path);
  const PackageKind* kind = package_kind(look);
  if (kind && kind->write)
    return carve_package(path, kind->named_by_content || !kind->in_place ? "." : path, {.carve = options});
  if (kind) throw Error({.what = "is only read: carve takes libraries, folders and wheels"});
  CarvedPackage one;
  one.files.push_back(plan_file(path, options));
  one.old_size = one.files[0].old_size;
  one.new_size = one.files[0].new_size;
  return one;
}

// Why nothing is dropped: what holds most containers back, else what is said of a file that is left alone.
std::string why_nothing(const CarvedPackage& carved) {
  std::map<Untouched, std::size_t> counts;
  std::string left_alone;
  for (const CarvedFile& file : carved.files) {
    for (const auto& [why, count] : file.untouched) counts[why] += count;
    for (const Finding& note : file.notes) {
      if (note.rule == "carve-left-alone") left_alone = note.what;
    }
  }
  const auto most = std::ranges::max_element(
      counts, [](const auto& one, const auto& other) { return one.second < other.second; });
  if (most != counts.end()) return std::string(to_string(most->first));
  return left_alone.empty() ? "there is nothing to drop" : left_alone;
}

}  // namespace

CarveTrial try_carve(const std::filesystem::path& path, const std::vector<CarveTarget>& targets) {
  try {
    const CarvedPackage carved = plan_of(path, {.targets = targets, .dry_run = true});
    if (!carved.failures.empty()) return {.refused = carved.failures[0].what};
    CarveTrial trial = {.before = carved.old_size, .after = carved.new_size};
    if (carved.count(Outcome::carved) == 0) trial.refused = why_nothing(carved);
    return trial;
  } catch (const Error& error) {
    return {.refused = error.parts().what};
  }
}

}  // namespace lathe

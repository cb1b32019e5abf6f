// SPDX-License-Identifier: MIT
#include "jobs/check_result.h"

#include <filesystem>

#include "inspect/inspect.h"
#include "verify/verify.h"

namespace lathe {

std::vector<Finding> broken_promises(const Variant& variant, const std::vector<std::string>& outputs) {
  // nixpkgs keeps the wheel that a Python package was installed from in an output of its own: the same once
  // more.
  std::vector<std::filesystem::path> paths(outputs.begin(), outputs.end());
  if (paths.size() > 1)
    std::erase_if(paths, [](const std::filesystem::path& path) { return path.string().ends_with("-dist"); });
  const Verification verification = verify(promise_of(variant), inspect(paths, {.cpu = true}));
  std::vector<Finding> broken;
  for (const Breach& breach : verification.breaches) {
    if (breach.severity != Severity::error) continue;
    broken.push_back({.rule = breach.rule,
                      .severity = breach.severity,
                      .where = {.file = breach.evidence.empty() ? "" : breach.evidence.front().file},
                      .what = breach.what,
                      .fix = breach.fix});
  }
  return broken;
}

}  // namespace lathe

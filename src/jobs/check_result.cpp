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
  for (const Finding& finding : verification.findings) {
    if (finding.severity == Severity::error) broken.push_back(finding);
  }
  return broken;
}

}  // namespace lathe

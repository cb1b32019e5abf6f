// SPDX-License-Identifier: MIT
#include "build/check_result.h"

#include <fmt/format.h>

#include <filesystem>

#include "binary/inspect.h"

namespace lathe {

std::vector<Finding> broken_promises(const Variant& variant, const std::vector<std::string>& outputs) {
  const std::vector<std::filesystem::path> paths(outputs.begin(), outputs.end());
  const Inspection inspection = inspect(paths, {});
  std::vector<Finding> broken;
  if (!variant.is_gpu()) return broken;
  if (inspection.shapes().empty()) {
    broken.push_back({.rule = "cpu-only", .severity = Severity::error, .where = {.file = outputs.empty() ? "" : outputs.front()},
                      .what = "holds no device code at all: it was built for CPUs only", .fix = "torch.override { cudaSupport = true; }"});
    return broken;
  }
  for (const Capability& gpu : variant.cell->gpus) {
    const Coverage coverage = cover(inspection.shapes(), gpu);
    if (coverage.serves()) continue;
    broken.push_back({.rule = "gpu-missing", .severity = Severity::error, .where = {.file = outputs.front()},
                      .what = fmt::format("does not serve {}: {}", spell(gpu, Dialect::dotted), coverage.text()),
                      .fix = "look at gpuTargets in its recipe (torchlathe audit)"});
  }
  return broken;
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
// Which variants a row or a filter means.
#include <algorithm>

#include "base/text.h"
#include "matrix/expand.h"

namespace lathe {
namespace {

bool any_glob(const std::vector<std::string>& globs, std::string_view text) {
  return std::ranges::any_of(globs, [&](const std::string& glob) { return glob_match(glob, text); });
}

// A GPU can be meant by its capability in any dialect ("12.0", "sm120", "12.*"), or by a product's name.
bool gpu_matches(const std::vector<std::string>& globs, const Cell& cell) {
  if (cell.gpus.empty()) return any_glob(globs, "cpu");
  return std::ranges::any_of(cell.gpus, [&](Capability gpu) {
    if (any_glob(globs, spell(gpu, Dialect::dotted)) || any_glob(globs, spell(gpu, Dialect::name)) ||
        any_glob(globs, spell(gpu, Dialect::sm))) {
      return true;
    }
    return std::ranges::any_of(globs, [&](const std::string& glob) {
      const Gpu* product = catalog().find_gpu(glob);
      return product && product->capability == gpu.portable();
    });
  });
}

}  // namespace

bool matches(const Match& match, const Variant& variant) {
  for (const auto& [key, globs] : match.globs) {
    const Cell& cell = *variant.cell;
    const bool hit = key == "gpu"       ? gpu_matches(globs, cell)
                     : key == "isa"     ? any_glob(globs, cell.isa->name)
                     : key == "cuda"    ? any_glob(globs, cell.cuda ? cell.cuda->text() : "none")
                     : key == "python"  ? any_glob(globs, variant.python)
                     : key == "pytorch" ? any_glob(globs, variant.pytorch->version)
                     : key == "status"  ? any_glob(globs, to_string(cell.status))
                     : key == "package" ? any_glob(globs, variant.package)
                     : key == "kind"    ? any_glob(globs, cell.cuda ? "gpu" : "cpu")
                                        : any_glob(globs, variant.name);
    if (!hit) return false;
  }
  return true;
}

}  // namespace lathe

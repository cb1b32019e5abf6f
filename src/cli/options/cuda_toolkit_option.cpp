// SPDX-License-Identifier: MIT
#include "cli/options/cuda_toolkit_option.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "recipe/redist.h"

namespace lathe {
namespace {

constexpr const char* variable = "CUDA_TOOLKIT_REPO";

void check_folder(const std::filesystem::path& repository, const CudaPackages& packages) {
  const std::filesystem::path folder = repository / packages.folder;
  for (const RedistPackage& package : shipped_redist(packages.cuda).packages) {
    if (std::filesystem::exists(folder / (package.name + ".nix"))) continue;
    throw Error({.what = fmt::format("{} not found: there is no {}.nix", package.name, package.name),
                 .where = {.file = folder.string()},
                 .next = fmt::format("write it with: torchlathe toolkit --output {}", folder.string())});
  }
}

}  // namespace

void CudaToolkitOption::declare(OptionSet& set) {
  set.text("--cuda-toolkit", folder, "DIR",
           "checkout of CUDA's packages instead of the fetched one [$CUDA_TOOLKIT_REPO]", ValueKind::folder);
}

std::string CudaToolkitOption::named() const { return or_environment(folder, variable); }

std::string CudaToolkitOption::checked(const MatrixSpec& spec) const {
  const bool fetches = spec.cuda_packages && spec.cuda_packages->from == CudaPackages::From::fetch;
  if (!folder.empty() && !fetches) {
    throw Error({.what = "this matrix fetches no CUDA packages that --cuda-toolkit could replace",
                 .where = {.file = spec.file},
                 .next = "a [cuda_packages] table with from = \"fetch\" does"});
  }
  if (named().empty() || !fetches) return "";
  if (printable(named()) != named()) {
    throw Error({.what = "this name holds characters that a recipe cannot spell",
                 .where = {.file = named()},
                 .next = "rename the folder, or link to it"});
  }
  check_folder(named(), *spec.cuda_packages);
  return std::filesystem::absolute(named()).lexically_normal().string();
}

}  // namespace lathe

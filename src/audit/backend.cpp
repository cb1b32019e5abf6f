// SPDX-License-Identifier: MIT
#include "audit/backend.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace lathe {
namespace {

std::string_view backend_of_name(std::string_view stem) {
  static constexpr std::pair<std::string_view, std::string_view> words[] = {
      {"rocm", "ROCm"}, {"hip", "ROCm"}, {"gfx", "ROCm"}, {"xpu", "XPU"}, {"mps", "Apple's GPUs"}, {"darwin", "Darwin"}, {"macos", "Darwin"}};
  for (const std::string_view part : split(stem, '-')) {
    for (const auto& [word, backend] : words) {
      if (part.starts_with(word)) return backend;
    }
  }
  return "";
}

std::string_view backend_of_package(const RecordedPackage& package) {
  const Json* rocm = package.passthru("rocmSupport");
  const auto on = [&](const char* name) {
    const auto found = package.environment.find(name);
    return found != package.environment.end() && found->second == "1";
  };
  if ((rocm && rocm->get<bool>() && *rocm->get<bool>()) || on("USE_ROCM")) return "ROCm";
  if (on("USE_XPU")) return "XPU";
  if (on("USE_MPS")) return "Apple's GPUs";
  const auto darwin = [](const std::string& platform) { return platform.ends_with("-darwin"); };
  return !package.platforms.empty() && std::ranges::all_of(package.platforms, darwin) ? "Darwin" : "";
}

}  // namespace

std::string_view other_backend(std::string_view stem, const RecordedPackage* package) {
  const std::string_view named = backend_of_name(stem);
  return named.empty() && package ? backend_of_package(*package) : named;
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "audit/import/backend.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/json.h"
#include "base/text.h"

namespace lathe {
namespace {

std::string_view backend_of_name(std::string_view stem) {
  static constexpr std::pair<std::string_view, std::string_view> words[] = {
      {"rocm", "ROCm"}, {"hip", "ROCm"},         {"gfx", "ROCm"},      {"amdgpu", "ROCm"},
      {"xpu", "XPU"},   {"mps", "Apple's GPUs"}, {"darwin", "Darwin"}, {"macos", "Darwin"}};
  for (const std::string_view part : split(stem, '-')) {
    for (const auto& [word, backend] : words) {
      if (part.starts_with(word)) return backend;
    }
  }
  return "";
}

bool is_on(std::string_view value) {
  static constexpr std::string_view words[] = {"1",    "ON",  "On",  "on",  "TRUE", "True",
                                               "true", "YES", "Yes", "yes", "Y",    "y"};
  return std::ranges::find(words, value) != std::end(words);
}

// By a variable or, what does nothing in torch but says what is meant, by a flag of CMake.
bool switched_on(const RecordedPackage& package, const std::string& name) {
  if (is_on(package.variable(name))) return true;
  return std::ranges::any_of(package.cmake_flags, [&](const std::string& flag) {
    const std::size_t equals = flag.find('=');
    const std::string_view left = std::string_view(flag).substr(0, equals);
    const bool named = left == "-D" + name || left.starts_with("-D" + name + ":");
    return named && equals != std::string::npos && is_on(std::string_view(flag).substr(equals + 1));
  });
}

bool is_set(const RecordedPackage& package, const char* name) { return !package.variable(name).empty(); }

std::string_view backend_of_package(const RecordedPackage& package) {
  const Json* rocm = package.passthru("rocmSupport");
  if ((rocm && rocm->get<bool>() && *rocm->get<bool>()) || switched_on(package, "USE_ROCM") ||
      is_set(package, "PYTORCH_ROCM_ARCH"))
    return "ROCm";
  if (switched_on(package, "USE_XPU") || is_set(package, "TORCH_XPU_ARCH_LIST")) return "XPU";
  if (switched_on(package, "USE_MPS")) return "Apple's GPUs";
  const auto darwin = [](const std::string& platform) { return platform.ends_with("-darwin"); };
  const bool for_darwin = !package.platforms.empty() && std::ranges::all_of(package.platforms, darwin);
  return for_darwin || is_set(package, "MACOSX_DEPLOYMENT_TARGET") ? "Darwin" : "";
}

std::string_view backend_of_recipe(const Recorded& recorded) {
  if (recorded.package) {
    if (const std::string_view backend = backend_of_package(*recorded.package); !backend.empty())
      return backend;
  }
  const auto darwin = [](const RecordedNixpkgs& used) { return used.system.ends_with("-darwin"); };
  return !recorded.nixpkgs.empty() && std::ranges::all_of(recorded.nixpkgs, darwin) ? "Darwin" : "";
}

}  // namespace

std::string_view other_backend(std::string_view stem, const Recorded& recorded) {
  const std::string_view named = backend_of_name(stem);
  return named.empty() ? backend_of_recipe(recorded) : named;
}

}  // namespace lathe

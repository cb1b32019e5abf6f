// SPDX-License-Identifier: MIT
#include "audit/import/own_torch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "base/json.h"

namespace lathe {
namespace {

// They let packages through, and change none.
bool changes_nothing(std::string_view key) {
  return key == "allowUnfree" || key == "allowBroken" || key == "allowUnfreePredicate";
}

std::string why_not_plain(const RecordedNixpkgs& used) {
  if (used.overlays > 0) return "its package set has overlays";
  if (!used.machine_flags.empty())
    return fmt::format("its package set is compiled with {}", fmt::join(used.machine_flags, " "));
  if (const Json::Object* given = used.arguments.object(); given && !given->empty())
    return fmt::format("its package set is given {}", given->front().first);
  const Json::Object* config = used.config.object();
  if (!config) return "";
  for (const auto& [key, value] : *config) {
    if (key == "cudaSupport" ? !used.config_flag(key) : !changes_nothing(key))
      return fmt::format("its package set is configured with {}", key);
  }
  return "";
}

}  // namespace

std::string why_not_own(const Recorded& got) {
  const RecordedNixpkgs* pin = got.pin();
  const std::string why = pin ? why_not_plain(*pin) : "its package set comes from the caller";
  return why.empty() ? "" : fmt::format("is not cut out of the torch that caches have: {}", why);
}

}  // namespace lathe

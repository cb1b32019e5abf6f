// SPDX-License-Identifier: MIT
#include "inspect/user_python.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "base/text.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::string_view value_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value ? value : "";
}

bool can_start(const fs::path& program) { return ::access(program.c_str(), X_OK) == 0; }

// uv names itself in UV to all that it starts.
bool is_made_by_uvx(const fs::path& folder) {
  return !value_of("UV").empty() && can_start(folder / "torchlathe");
}

}  // namespace

std::optional<fs::path> user_python() {
  const fs::path active = value_of("VIRTUAL_ENV");
  if (active.is_absolute() && can_start(active / "bin/python3")) return active / "bin/python3";
  for (const std::string_view entry : split(value_of("PATH"), ':')) {
    const fs::path folder = entry;
    if (!folder.is_absolute()) continue;  // it would run what a foreign folder holds
    if (can_start(folder / "python3") && !is_made_by_uvx(folder)) return folder / "python3";
  }
  return std::nullopt;
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "cli/parts/inspect_files.h"

#include <fmt/format.h>

#include <mutex>
#include <string_view>

namespace lathe {

Inspection inspect_files(const std::vector<std::filesystem::path>& paths, InspectOptions how,
                         Terminal& terminal) {
  Progress progress(terminal);
  std::mutex mutex;  // on_file is called from any thread
  how.on_file = [&](std::string_view path, unsigned percent) {
    const std::lock_guard lock(mutex);
    progress.show(fmt::format("inspecting {:2} % {}", percent, path));
  };
  return inspect(paths, how);
}

}  // namespace lathe

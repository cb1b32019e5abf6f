// SPDX-License-Identifier: MIT
#include "build/compile_cache.h"

#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

namespace lathe {

std::vector<std::string> compile_caches(const std::vector<Job>& jobs) {
  std::set<std::string> folders;
  for (const Job& job : jobs) {
    if (job.variant && job.state == JobState::waiting && !job.variant->settings->compile_cache.empty()) folders.insert(job.variant->settings->compile_cache);
  }
  return {folders.begin(), folders.end()};
}

std::string prepare_compile_cache(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return "";
  std::filesystem::create_directories(folder, error);
  if (error) {
    return fmt::format("no compile cache: {} cannot be made ({}); as root: install -d -m 2770 -g nixbld {}", folder.string(), error.message(), folder.string());
  }
  // Several users write there, each of that group; new files shall belong to it too.
  const group* builders = ::geteuid() == 0 ? ::getgrnam("nixbld") : nullptr;
  const bool given = !builders || ::chown(folder.c_str(), static_cast<uid_t>(-1), builders->gr_gid) == 0;
  return given && ::chmod(folder.c_str(), 02770) == 0 ? "" : fmt::format("the compile cache {} may not be writable by the users that build", folder.string());
}

std::string sandbox_setting(const std::vector<std::string>& folders) {
  std::string text = "extra-sandbox-paths=";
  for (const std::string& folder : folders) text += fmt::format("{}{}?", text.ends_with('=') ? "" : " ", folder);
  return text;
}

}  // namespace lathe

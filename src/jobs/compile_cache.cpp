// SPDX-License-Identifier: MIT
#include "jobs/compile_cache.h"

#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <system_error>

namespace lathe {
namespace {

// Where Nix has a daemon, users of the group nixbld build. "" when they may write there, or there is no such
// group.
std::string closed_to_builders(const std::filesystem::path& folder) {
  const group* builders = ::getgrnam("nixbld");
  struct stat status {};
  if (!builders || ::stat(folder.c_str(), &status) != 0) return "";
  const bool theirs = status.st_gid == builders->gr_gid && (status.st_mode & S_IRWXG) == S_IRWXG;
  if (theirs || (status.st_mode & S_IRWXO) == S_IRWXO) return "";
  return fmt::format(
      "the compile cache {0} is closed to the group nixbld, whose users build where Nix has a daemon; as "
      "root: chgrp -R nixbld {0} && chmod 2770 {0}",
      folder.string());
}

}  // namespace

std::vector<std::string> compile_caches(const std::vector<Job>& jobs) {
  std::set<std::string> folders;
  for (const Job& job : jobs) {
    if (job.variant && job.state == JobState::waiting && !job.variant->settings->compile_cache.empty())
      folders.insert(job.variant->settings->compile_cache);
  }
  return {folders.begin(), folders.end()};
}

std::string prepare_compile_cache(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return closed_to_builders(folder);
  std::filesystem::create_directories(folder, error);
  if (error) {
    return fmt::format("no compile cache: {} cannot be made ({}); as root: install -d -m 2770 -g nixbld {}",
                       folder.string(), error.message(), folder.string());
  }
  // Several users write there, each of that group; new files shall belong to it too.
  const group* builders = ::geteuid() == 0 ? ::getgrnam("nixbld") : nullptr;
  const bool given = !builders || ::chown(folder.c_str(), static_cast<uid_t>(-1), builders->gr_gid) == 0;
  if (!given || ::chmod(folder.c_str(), 02770) != 0)
    return fmt::format("the compile cache {} may not be writable by the users that build", folder.string());
  return closed_to_builders(folder);
}

std::string sandbox_setting(const std::vector<std::string>& folders) {
  std::string text = "extra-sandbox-paths=";
  for (const std::string& folder : folders)
    text += fmt::format("{}{}?", text.ends_with('=') ? "" : " ", folder);
  return text;
}

}  // namespace lathe

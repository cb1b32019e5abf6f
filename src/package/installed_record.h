// SPDX-License-Identifier: MIT
// What an installer wrote down of the files that it put into an environment: the RECORD of each .dist-info.
// Where some of these files change and one is added, their lines follow, so that checking the files and
// uninstalling them still work.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace lathe {

bool is_installed_record(const std::filesystem::path& file);  // torch-2.11.0.dist-info/RECORD

// Those beside `folder` or beside one above it, as torch-2.11.0.dist-info lies beside torch.
std::vector<std::filesystem::path> records_beside(const std::filesystem::path& folder);

// What became of files, by their paths relative to one folder.
struct RecordChanges {
  std::vector<std::string> changed = {};            // that have new content, by their new paths
  std::vector<std::string> added = {};              // that may be new
  std::map<std::string, std::string> renamed = {};  // old path to new one; "": gone

  bool empty() const { return changed.empty() && renamed.empty(); }
};

// Lines of what changed follow; of `records` those that list none of it are not touched. What was added is
// listed by the package most of whose files changed.
void update_installed_records(const std::filesystem::path& folder, const RecordChanges& changes,
                              const std::vector<std::filesystem::path>& records);

}  // namespace lathe

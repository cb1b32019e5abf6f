// SPDX-License-Identifier: MIT
// What an installer wrote down of the files that it put into an environment: the RECORD of each .dist-info.
// A carve changes some of these files and adds its manifest: their lines follow, so that checking the files
// and uninstalling them still work.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lathe {

bool is_installed_record(const std::filesystem::path& file);  // torch-2.11.0.dist-info/RECORD

// Those beside `folder` or beside one above it, as torch-2.11.0.dist-info lies beside torch.
std::vector<std::filesystem::path> records_beside(const std::filesystem::path& folder);

// `changed`: files relative to `folder` that have new content; `added`: one that may be new, listed by the
// package most of whose files changed. Of `records` those that list none of them are not touched.
void update_installed_records(const std::filesystem::path& folder, const std::vector<std::string>& changed,
                              const std::string& added, const std::vector<std::filesystem::path>& records);

}  // namespace lathe

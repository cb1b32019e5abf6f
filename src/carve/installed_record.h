// SPDX-License-Identifier: MIT
// What an installer wrote down of the files that it put into an environment: the RECORD of each .dist-info. A carve changes some
// of these files and adds its manifest: their lines follow, so that checking the files and uninstalling them still work.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lathe {

// Where the RECORDs are looked for: inside the carved folder, or also beside it, as torch-2.11.0.dist-info lies beside torch.
enum class RecordPlaces { inside, inside_and_beside };

// `changed`: files relative to `folder` that have new content; `added`: one that may be new, listed by the package most of
// whose files changed. RECORDs that list none of them are not touched.
void update_installed_records(const std::filesystem::path& folder, const std::vector<std::string>& changed,
                              const std::string& added, RecordPlaces places);

}  // namespace lathe

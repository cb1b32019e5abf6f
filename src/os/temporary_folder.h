// SPDX-License-Identifier: MIT
// A folder below $TMPDIR for what another program has to read from files. It goes with its content.
#pragma once

#include <filesystem>

namespace lathe {

class TemporaryFolder {
 public:
  TemporaryFolder();  // an Error when it cannot be made
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace lathe

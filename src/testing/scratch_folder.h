// SPDX-License-Identifier: MIT
// For tests: a folder for a moment, and real input in it that the system's programs make. Not part of the
// library.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace lathe::testing {

// A folder that is removed with its content at the end.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(std::string_view name, std::string_view text) const;

  // Runs a shell command in this folder; its standard output. A command that fails, fails the test.
  std::string run(const std::string& command) const;

 private:
  std::filesystem::path path_;
};

bool have_program(const std::string& name);
bool have_nvcc();  // on PATH

}  // namespace lathe::testing

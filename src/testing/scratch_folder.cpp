// SPDX-License-Identifier: MIT
#include "testing/scratch_folder.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace lathe::testing {

ScratchFolder::ScratchFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "lathe-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a scratch folder");
  path_ = std::filesystem::canonical(name);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path ScratchFolder::write(std::string_view name, std::string_view text) const {
  const std::filesystem::path file = path_ / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
  return file;
}

std::string ScratchFolder::run(const std::string& command) const {
  // The sanitizers of this process are not for the programs it starts.
  const std::string line = "cd '" + path_.string() + "' && { " + command + "; } 2>errors.txt";
  FILE* pipe = popen(line.c_str(), "r");
  std::string output;
  char buffer[4096];
  while (const std::size_t count = fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, count);
  const int status = pclose(pipe);
  if (status != 0) {
    std::ifstream errors(path_ / "errors.txt");
    ADD_FAILURE() << command << "\n" << std::string(std::istreambuf_iterator<char>(errors), {});
  }
  return output;
}

bool have_program(const std::string& name) {
  return std::system(("command -v '" + name + "' >/dev/null 2>&1").c_str()) == 0;
}

bool have_nvcc() { return have_program("nvcc"); }

}  // namespace lathe::testing

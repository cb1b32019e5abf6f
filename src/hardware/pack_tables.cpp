// SPDX-License-Identifier: MIT
// pack_tables OUTPUT TABLE...: a part of the build. Reads the tables and writes them packed; a mistake in
// one stops the build with its file, line and column.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/embedded.h"
#include "base/error.h"
#include "hardware/catalog_pack.h"

namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) return 2;
  std::vector<std::string> names, texts;
  for (int i = 2; i < count; ++i) {
    names.push_back(std::filesystem::path(words[i]).filename().string());
    texts.push_back(text_of(words[i]));
  }
  std::vector<lathe::EmbeddedFile> files;
  for (std::size_t i = 0; i < names.size(); ++i) files.push_back({.name = names[i], .text = texts[i]});
  try {
    const std::string packed = lathe::pack(lathe::read_catalog(files));
    std::ofstream out(words[1], std::ios::binary);
    out << packed << std::flush;
    return out ? 0 : 3;
  } catch (const lathe::Error& error) {
    std::fprintf(stderr, "%s\n", error.text().c_str());
    return error.exit_code();
  }
}

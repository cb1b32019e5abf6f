// SPDX-License-Identifier: MIT
#include "matrix/shipped/shipped.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "os/file.h"

namespace lathe {
namespace {

const EmbeddedFile* find_shipped(const std::string& name) {
  for (const EmbeddedFile& file : shipped::matrices()) {
    if (file.name == name || file.name == name + ".toml") return &file;
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> shipped_matrices() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : shipped::matrices())
    names.emplace_back(file.name.substr(0, file.name.rfind('.')));
  return names;
}

MatrixSpec load_matrix(const std::string& name) {
  if (name == "-" || std::filesystem::exists(name)) {
    return parse_matrix(read_file(name), name == "-" ? "standard input" : name);
  }
  if (const EmbeddedFile* file = find_shipped(name)) return parse_matrix(file->text, std::string(file->name));
  const std::vector<std::string> known = shipped_matrices();
  throw Error(
      {.what = "there is no such matrix file",
       .where = {.file = name},
       .next = did_you_mean_text(name, known, fmt::format("use a shipped one: {}", fmt::join(known, ", ")))});
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "recipe/extra_files.h"

#include <algorithm>
#include <string_view>
#include <system_error>

#include "matrix/extra.h"
#include "os/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

bool in_path(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._-+/").find(c) != std::string_view::npos;
}

// "./a.patch", "./patches/b.patch". What leads out of the folder is not beside the recipes.
void add_paths(std::string_view text, std::vector<std::string>& paths) {
  for (std::size_t at = text.find("./"); at != std::string_view::npos; at = text.find("./", at + 1)) {
    if (at > 0 && in_path(text[at - 1])) continue;
    std::size_t end = at;
    while (end < text.size() && in_path(text[end])) ++end;
    const std::string path(text.substr(at + 2, end - at - 2));
    if (!path.empty() && path.find("..") == std::string::npos) paths.push_back(path);
  }
}

void add_files(const Extra& extra, std::vector<std::string>& files) {
  for (const std::string& text : extra.attributes) add_paths(text, files);
  for (const auto* values : {&extra.override_arguments, &extra.config, &extra.nixpkgs, &extra.packages,
                             &extra.python, &extra.cuda}) {
    for (const auto& [name, value] : *values) add_paths(value, files);
  }
}

// A path that is not a link out of its folder.
bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(fs::symlink_status(path, error));
}

}  // namespace

std::vector<std::string> extra_files(const MatrixSpec& spec) {
  std::vector<std::string> files;
  add_files(spec.settings.extra, files);
  for (const Override& row : spec.overrides) add_files(row.settings.extra, files);
  std::ranges::sort(files);
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

std::vector<SharedRecipe> read_extra_files(const MatrixSpec& spec) {
  std::vector<SharedRecipe> read;
  for (const std::string& file : extra_files(spec)) {
    const fs::path path = fs::path(spec.file).parent_path() / file;
    if (is_file(path)) read.push_back({.file = file, .text = read_file(path)});
  }
  return read;
}

std::vector<std::string> missing_extra_files(const MatrixSpec& spec, const fs::path& folder) {
  std::vector<std::string> missing = extra_files(spec);
  std::error_code error;
  std::erase_if(missing, [&](const std::string& file) {
    return fs::exists(fs::path(spec.file).parent_path() / file, error) || fs::exists(folder / file, error);
  });
  return missing;
}

std::vector<std::string> copy_extra_files(const MatrixSpec& spec, const fs::path& from, const fs::path& to) {
  std::vector<std::string> copied;
  std::error_code error;
  for (const std::string& file : extra_files(spec)) {
    if (!is_file(from / file) || fs::exists(fs::symlink_status(to / file, error))) continue;
    create_folders((to / file).parent_path());
    write_file_atomically(to / file, read_file(from / file));
    copied.push_back(file);
  }
  return copied;
}

}  // namespace lathe

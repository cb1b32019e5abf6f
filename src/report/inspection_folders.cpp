// SPDX-License-Identifier: MIT
#include "report/inspection_folders.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lathe {
namespace {

constexpr std::size_t most_folders = 40;

// "a/b/c.so" to depth 1: "a/"; to depth 3: "a/b/". Of a file at the top: "".
std::string folder_of(std::string_view path, std::size_t depth) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < depth; ++i) {
    const std::size_t slash = path.find('/', end);
    if (slash == std::string_view::npos) break;
    end = slash + 1;
  }
  return std::string(path.substr(0, end));
}

std::string_view below(const FileInspection& file, std::size_t folder_length) {
  return std::string_view(file.path).substr(std::min(folder_length, file.path.size()));
}

std::size_t depth_for(const std::vector<FileInspection>& files, std::size_t folder_length) {
  std::size_t depth = 0;
  for (const FileInspection& file : files) {
    depth = std::max(depth, static_cast<std::size_t>(std::ranges::count(below(file, folder_length), '/')));
  }
  for (; depth > 0; --depth) {
    std::set<std::string> folders;
    for (const FileInspection& file : files) folders.insert(folder_of(below(file, folder_length), depth));
    if (folders.size() <= most_folders) break;
  }
  return depth;
}

// "shared objects", "fat binaries"
std::string many(const std::string& format) {
  return format.ends_with('y') ? format.substr(0, format.size() - 1) + "ies" : format + "s";
}

void add_file(FileInspection& folder, const FileInspection& file) {
  if (folder.format != file.format) folder.format = "file";
  if (folder.machine != file.machine) folder.machine.clear();
  const std::string machine = folder.machine;
  add_inspection(folder, file);
  folder.machine = machine;
  folder.size += file.size;
}

}  // namespace

Inspection by_folder(const Inspection& inspection, std::size_t folder_length) {
  const std::size_t depth = depth_for(inspection.files, folder_length);
  std::map<std::string, std::vector<const FileInspection*>> folders;
  for (const FileInspection& file : inspection.files)
    folders[folder_of(below(file, folder_length), depth)].push_back(&file);
  Inspection summed{.other_files = inspection.other_files, .other_bytes = inspection.other_bytes};
  for (const auto& [folder, files] : folders) {
    FileInspection sum = *files[0];
    for (std::size_t i = 1; i < files.size(); ++i) add_file(sum, *files[i]);
    if (files.size() > 1) {
      sum.path = files[0]->path.substr(0, folder_length) + (folder.empty() ? "./" : folder);
      sum.format = fmt::format("{} {}", files.size(), many(sum.format));
    }
    summed.files.push_back(std::move(sum));
  }
  return summed;
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
// Source: "Recording installed projects" of the Python packaging specifications.
#include "package/installed_record.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "package/wheel_names.h"
#include "os/file.h"
#include "os/mapped_file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// .../site-packages/torch/lib is three folders below one with .dist-info folders, a namespace package a
// little more.
constexpr int highest_search = 4;

RecordedFile recorded(const fs::path& path) {
  const MappedFile file = MappedFile::open(path);
  RecordedFile result{.hash = sha256(file.bytes()), .size = file.bytes().size()};
  file.expect_whole();
  return result;
}

// One RECORD and the changed files that it lists.
struct Affected {
  fs::path record;
  std::string text;
  std::map<std::string, RecordedFile> written = {};
  std::map<std::string, std::string, std::less<>> renamed = {};

  fs::path base() const { return fs::canonical(record.parent_path().parent_path()); }
  std::string own_name() const {
    return (record.parent_path().filename() / record.filename()).generic_string();
  }
  void write() const {
    write_file_atomically(record, rewrite_record(text, own_name(), written, [&](std::string_view name) {
                            const auto now = renamed.find(name);
                            return now == renamed.end() ? std::string(name) : now->second;
                          }));
  }
};

}  // namespace

bool is_installed_record(const fs::path& file) {
  return file.filename() == "RECORD" && file.parent_path().extension() == ".dist-info";
}

std::vector<fs::path> records_beside(const fs::path& folder) {
  std::vector<fs::path> found;
  fs::path above = fs::canonical(folder).parent_path();
  for (int i = 0; i < highest_search && found.empty() && above.has_relative_path();
       ++i, above = above.parent_path()) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(above, ignored)) {
      const fs::path record = entry.path() / "RECORD";
      if (is_installed_record(record) && fs::is_regular_file(record, ignored)) found.push_back(record);
    }
  }
  std::ranges::sort(found);
  return found;
}

void update_installed_records(const fs::path& folder, const RecordChanges& changes,
                              const std::vector<fs::path>& records) {
  const fs::path root = fs::canonical(folder);
  std::vector<Affected> all;
  for (const fs::path& record : records) {
    Affected affected{.record = record, .text = read_file(record)};
    const fs::path base = affected.base();
    const auto name_of = [&](const std::string& file) {
      return (root / file).lexically_relative(base).generic_string();
    };
    const std::set<std::string> listed = recorded_paths(affected.text);
    for (const auto& [before, now] : changes.renamed) {
      if (listed.contains(name_of(before)))
        affected.renamed[name_of(before)] = now.empty() ? "" : name_of(now);
    }
    for (const std::string& file : changes.changed) {
      const std::string name = name_of(file);
      const bool moved =
          std::ranges::any_of(affected.renamed, [&](const auto& one) { return one.second == name; });
      if (moved || listed.contains(name)) affected.written[name] = recorded(root / file);
    }
    if (!affected.written.empty() || !affected.renamed.empty()) all.push_back(std::move(affected));
  }
  if (all.empty()) return;
  const auto owner =
      std::ranges::max_element(all, {}, [](const Affected& affected) { return affected.written.size(); });
  for (const std::string& file : changes.added)
    owner->written[(root / file).lexically_relative(owner->base()).generic_string()] = recorded(root / file);
  for (const Affected& affected : all) affected.write();
}

}  // namespace lathe

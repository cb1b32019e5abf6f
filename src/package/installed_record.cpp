// SPDX-License-Identifier: MIT
// Source: "Recording installed projects" of the Python packaging specifications.
#include "package/installed_record.h"

#include <algorithm>
#include <map>
#include <set>

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

// One RECORD and the files of this carve that it lists.
struct Affected {
  fs::path record;
  std::string text;
  std::map<std::string, RecordedFile> written = {};

  fs::path base() const { return fs::canonical(record.parent_path().parent_path()); }
  std::string own_name() const {
    return (record.parent_path().filename() / record.filename()).generic_string();
  }
  void write() const {
    write_file_atomically(record, rewrite_record(text, own_name(), written,
                                                 [](std::string_view name) { return std::string(name); }));
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

void update_installed_records(const fs::path& folder, const std::vector<std::string>& changed,
                              const std::string& added, const std::vector<fs::path>& records) {
  const fs::path root = fs::canonical(folder);
  std::vector<Affected> all;
  for (const fs::path& record : records) {
    Affected affected{.record = record, .text = read_file(record)};
    const std::set<std::string> listed = recorded_paths(affected.text);
    for (const std::string& file : changed) {
      const std::string name = (root / file).lexically_relative(affected.base()).generic_string();
      if (listed.contains(name)) affected.written[name] = recorded(root / file);
    }
    if (!affected.written.empty()) all.push_back(std::move(affected));
  }
  if (all.empty()) return;
  const auto owner =
      std::ranges::max_element(all, {}, [](const Affected& affected) { return affected.written.size(); });
  owner->written[(root / added).lexically_relative(owner->base()).generic_string()] = recorded(root / added);
  for (const Affected& affected : all) affected.write();
}

}  // namespace lathe

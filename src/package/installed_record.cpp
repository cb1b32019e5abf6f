// SPDX-License-Identifier: MIT
// Source: "Recording installed projects" of the Python packaging specifications.
#include "package/installed_record.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "package/place_journal.h"
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

// What became of files, as the RECORDs beside one folder spell their names.
struct NamesFromBase {
  std::unordered_map<std::string, std::string> changed = {};  // the name now, and the file below the root
  std::unordered_map<std::string, std::string> renamed = {};  // the name before and now; "": gone

  NamesFromBase(const fs::path& root, const fs::path& base, const RecordChanges& changes) {
    const std::string start = base.native() + "/";
    const auto name_of = [&](const std::string& file) {
      const fs::path whole = root / file;
      if (whole.native().starts_with(start)) return whole.native().substr(start.size());
      return whole.lexically_relative(base).generic_string();
    };
    for (const std::string& file : changes.changed) changed.emplace(name_of(file), file);
    for (const auto& [before, now] : changes.renamed)
      renamed.emplace(name_of(before), now.empty() ? "" : name_of(now));
  }
};

// One RECORD and the changed files that it lists.
struct Affected {
  fs::path record;
  std::string text;
  std::map<std::string, std::string> changed = {};  // name now, and the file below the root
  std::map<std::string, RecordedFile> written = {};
  std::map<std::string, std::string, std::less<>> renamed = {};

  fs::path base() const { return fs::canonical(record.parent_path().parent_path()); }
  std::string own_name() const {
    return (record.parent_path().filename() / record.filename()).generic_string();
  }
  void find(const NamesFromBase& names) {
    for (const std::string& name : recorded_paths(text)) {
      const auto moved = names.renamed.find(name);
      if (moved != names.renamed.end()) renamed.insert(*moved);
      const auto same = names.changed.find(moved == names.renamed.end() ? name : moved->second);
      if (same != names.changed.end()) changed.insert(*same);
    }
  }
  void write() const {
    replace_whole(record, rewrite_record(text, own_name(), written, [&](std::string_view name) {
                    const auto now = renamed.find(name);
                    return now == renamed.end() ? std::string(name) : now->second;
                  }));
  }
};

void hash_changed(const fs::path& root, std::vector<Affected>& all) {
  std::vector<std::pair<Affected*, std::map<std::string, std::string>::const_iterator>> files;
  for (Affected& affected : all) {
    for (auto it = affected.changed.cbegin(); it != affected.changed.cend(); ++it)
      files.emplace_back(&affected, it);
  }
  std::vector<RecordedFile> hashed(files.size());
  parallel_for_all(files.size(),
                   [&](std::size_t i) { hashed[i] = recorded(root / files[i].second->second); });
  for (std::size_t i = 0; i < files.size(); ++i) files[i].first->written[files[i].second->first] = hashed[i];
}

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
  std::map<fs::path, NamesFromBase> names;
  std::vector<Affected> all;
  for (const fs::path& record : records) {
    Affected affected{.record = record, .text = read_file(record)};
    const fs::path base = affected.base();
    const auto known = names.try_emplace(base, root, base, changes).first;
    affected.find(known->second);
    if (!affected.changed.empty() || !affected.renamed.empty()) all.push_back(std::move(affected));
  }
  if (all.empty()) return;
  const auto owner =
      std::ranges::max_element(all, {}, [](const Affected& affected) { return affected.changed.size(); });
  for (const std::string& file : changes.added)
    owner->changed[(root / file).lexically_relative(owner->base()).generic_string()] = file;
  hash_changed(root, all);
  for (const Affected& affected : all) affected.write();
}

}  // namespace lathe

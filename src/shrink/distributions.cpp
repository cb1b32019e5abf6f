// SPDX-License-Identifier: MIT
// Source: "Recording installed projects" of the Python packaging specifications.
#include "shrink/distributions.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "base/bytes.h"
#include "base/text.h"
#include "package/installed_record.h"
#include "package/wheel_names.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// The version stands behind the last dash: neither has one inside.
Distribution from_stem(std::string_view stem) {
  const std::size_t dash = stem.rfind('-');
  if (dash == std::string_view::npos) return {.name = std::string(stem), .version = ""};
  return {.name = std::string(stem.substr(0, dash)), .version = std::string(stem.substr(dash + 1))};
}

std::string text_of(const Package& folder, std::size_t member) {
  return std::string(as_text(folder.open(member).bytes()));
}

// As METADATA spells it: the folder's name has underscores for dashes.
std::string spelled_name(const Package& folder, std::size_t metadata) {
  const auto names = field_values(text_of(folder, metadata), "Name:");
  return names.empty() ? "" : printable(names.front());
}

}  // namespace

Distributions::Distributions(const Package& folder) {
  std::vector<std::pair<std::string, std::size_t>> records;
  std::map<std::string, std::size_t> metadata;  // by its folder
  for (std::size_t i = 0; i < folder.members().size(); ++i) {
    if (folder.members()[i].kind != PackageMember::Kind::file) continue;
    const fs::path path = folder.members()[i].path();
    if (path.parent_path().extension() != ".dist-info") continue;
    if (is_installed_record(path)) records.emplace_back(path.generic_string(), i);
    if (path.filename() == "METADATA") metadata[path.parent_path().generic_string()] = i;
  }
  std::ranges::sort(records);
  for (const auto& [path, i] : records) {
    add(folder, i, path);
    const auto own = metadata.find(fs::path(path).parent_path().generic_string());
    const std::string name = own == metadata.end() ? "" : spelled_name(folder, own->second);
    if (!name.empty()) all_.back().name = name;
  }
}

void Distributions::add(const Package& folder, std::size_t record, const std::string& path) {
  const fs::path info = fs::path(path).parent_path();
  all_.push_back(from_stem(info.stem().string()));
  const std::string base = info.parent_path().generic_string();
  for (const std::string& name : recorded_paths(text_of(folder, record))) {
    if (name.starts_with('/')) continue;
    const std::string whole = base.empty() ? name : base + "/" + name;
    const bool plain = whole.find("./") == std::string::npos;
    owners_.emplace(plain ? whole : fs::path(whole).lexically_normal().generic_string(), all_.size() - 1);
  }
}

std::optional<std::size_t> Distributions::owner(const std::string& path) const {
  const auto found = owners_.find(path);
  return found == owners_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace lathe

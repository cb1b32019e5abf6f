// SPDX-License-Identifier: MIT
#include "simple/package_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "carve/plan/plan.h"
#include "carve/wheel_variant.h"
#include "http/address.h"
#include "package/wheel_names.h"
#include "simple/source_wheel.h"
#include "simple/variants_json.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view metadata_ending = ".metadata";

const SourceWheel* wheel_named(const std::vector<SourceWheel>& wheels, std::string_view file_name) {
  const auto found = std::ranges::find(wheels, file_name, &SourceWheel::file_name);
  return found == wheels.end() ? nullptr : &*found;
}

// By the project that its name begins with: which '-' ends that is not said.
const SourceWheel* source_named(const FolderWheels& wheels, std::string_view file) {
  for (std::size_t dash = file.find('-'); dash != std::string_view::npos; dash = file.find('-', dash + 1)) {
    const auto found = wheels.projects.find(normal_project_name(file.substr(0, dash)));
    if (found == wheels.projects.end()) continue;
    if (const SourceWheel* wheel = wheel_named(found->second, file)) return wheel;
  }
  return nullptr;
}

PageFile original(const Root& root, const SourceWheel& wheel) {
  PageFile file = known_file(root, wheel.file_name(), wheel.sha256, wheel.size);
  file.requires_python = wheel.requires_python;
  file.has_metadata = wheel.archive.empty();
  file.metadata_sha256 = wheel.metadata_sha256;
  return file;
}

// Neither a source archive nor a variant that somebody made already.
bool is_carvable(const SourceWheel& wheel) { return wheel.archive.empty() && wheel.name.variant.empty(); }

OfferedFile as_it_is(const SourceWheel& wheel, std::string note) {
  return {.file = wheel.path, .sha256 = wheel.sha256, .note = std::move(note)};
}

OfferedFile of_text(std::string text) {
  OfferedFile out{.text = std::move(text)};
  out.sha256 = to_hex(sha256(as_byte_span(out.text)));
  return out;
}

}  // namespace

std::pair<std::string, bool> without_metadata_ending(const std::string& name) {
  if (!name.ends_with(metadata_ending)) return {name, false};
  return {name.substr(0, name.size() - metadata_ending.size()), true};
}

std::string variants_file_of(const WheelName& name) {
  return name.distribution + "-" + name.version + std::string(variants_ending);
}

std::string way_up(const Root& root) { return root.path.empty() ? "../../" : "../../../"; }

PageFile known_file(const Root& root, const std::string& name, const std::string& sha256,
                    std::uint64_t size) {
  return {.name = name,
          .url = fmt::format("{}files/{}/{}", way_up(root), sha256, url_part(name)),
          .sha256 = sha256,
          .size = size};
}

std::optional<OfferedFile> PackageIndex::glance(const Root&, const std::string&, const std::string&) {
  return std::nullopt;
}

FolderIndex::FolderIndex(WheelFolder& folder, CarvedWheels& kept, std::vector<CarveTarget> targets)
    : folder_(folder), kept_(kept), targets_(std::move(targets)), roots_(roots_for(targets_)) {}

std::vector<std::string> FolderIndex::projects() {
  std::vector<std::string> names;
  for (const auto& [project, wheels] : folder_.wheels()->projects) names.push_back(project);
  return names;
}

std::optional<ProjectPage> FolderIndex::page(const Root& root, const std::string& project) {
  const auto now = folder_.wheels();
  const auto found = now->projects.find(project);
  if (found == now->projects.end()) return std::nullopt;
  ProjectPage page{.name = project};
  for (const SourceWheel& wheel : found->second) {
    if (!wheel.archive.empty()) {
      page.files.push_back(original(root, wheel));
      continue;
    }
    const bool is_variant = !wheel.name.variant.empty();
    if (is_variant && root.naming != Naming::variant) continue;
    if (root.target) {
      add_carved(root, *root.target, wheel, page);
      continue;
    }
    page.files.push_back(original(root, wheel));
    if (is_variant) continue;
    for (const CarveTarget& target : targets_) {
      if (kept_.would_carve(wheel, target)) add_carved(root, target, wheel, page);
    }
  }
  if (root.naming == Naming::variant) add_variants_json(found->second, page);
  return page;
}

void FolderIndex::add_carved(const Root& root, const CarveTarget& target, const SourceWheel& wheel,
                             ProjectPage& page) {
  const auto record = kept_.known(wheel, {.target = target, .naming = root.naming});
  if (record && !record->carved()) {
    if (root.target) page.files.push_back(original(root, wheel));
    return;
  }
  PageFile file;
  if (record) {
    file = known_file(root, record->name, record->sha256, record->size);
    file.metadata_sha256 = record->metadata_sha256;
  } else {
    file.name = carved_name(wheel.name, target, root.naming).file_name();
    file.url = fmt::format("../../wheels/{}/{}", wheel.project, url_part(file.name));
    file.metadata_sha256 =
        root.naming == Naming::local ? local_metadata_sum(wheel, target) : wheel.metadata_sha256;
  }
  file.requires_python = wheel.requires_python;
  file.has_metadata = true;
  page.files.push_back(std::move(file));
}

// A page that lists variants lists what tells an installer of all of them.
void FolderIndex::add_variants_json(const std::vector<SourceWheel>& wheels, ProjectPage& page) const {
  std::set<std::string> names;
  for (const PageFile& file : page.files) {
    const auto name = parse_wheel_name(file.name);
    if (name && !name->variant.empty()) names.insert(variants_file_of(*name));
  }
  for (const std::string& name : names) {
    page.files.push_back(
        {.name = name, .url = fmt::format("../../wheels/{}/{}", wheels[0].project, url_part(name))});
  }
}

std::string FolderIndex::local_metadata_sum(const SourceWheel& wheel, const CarveTarget& target) {
  const std::lock_guard lock(lock_);
  std::string& sum = metadata_sums_[{wheel.sha256, gpu_name(target)}];
  if (!sum.empty()) return sum;
  const std::string version = carved_name(wheel.name, target, Naming::local).version;
  const auto text = metadata_with_version(dist_info_text(wheel.path, "METADATA"), version);
  return sum = text ? to_hex(sha256(as_byte_span(*text))) : "";
}

std::vector<FolderIndex::Order> FolderIndex::orders(const FolderWheels& wheels) const {
  std::vector<Order> all;
  for (const auto& [project, list] : wheels.projects) {
    for (const SourceWheel& wheel : list) {
      if (!is_carvable(wheel)) continue;
      for (const CarveTarget& target : targets_) {
        for (const Naming naming : {Naming::same, Naming::local, Naming::variant})
          all.push_back({.wheel = &wheel, .how = {.target = target, .naming = naming}});
      }
    }
  }
  return all;
}

std::optional<OfferedFile> FolderIndex::carve(const SourceWheel& wheel, const CarveOrder& how) {
  try {
    const WheelRecord record = kept_.carve(wheel, how);
    if (record.carved())
      return OfferedFile{.file = kept_.file(record), .sha256 = record.sha256, .final = false};
    if (how.naming != Naming::same) return std::nullopt;
    OfferedFile out = as_it_is(wheel, record.because);
    out.final = false;
    return out;
  } catch (const Error& error) {
    // Other bytes under a hash that a page has told would be a lie; under another version too.
    const bool promised = kept_.known(wheel, how).has_value();
    if (how.naming != Naming::same || promised || stamp_of(wheel.path) != wheel.stamp) throw;
    OfferedFile out = as_it_is(wheel, "not carved: " + error.parts().what);
    out.final = false;
    return out;
  }
}

std::optional<OfferedFile> FolderIndex::wheel(const Root& root, const std::string& project,
                                              const std::string& name) {
  const auto now = folder_.wheels();
  const auto found = now->projects.find(project);
  if (found == now->projects.end()) return std::nullopt;
  const auto [file, wants_metadata] = without_metadata_ending(name);
  if (root.naming == Naming::variant && file.ends_with(variants_ending) && !wants_metadata) {
    for (const SourceWheel& wheel : found->second) {
      if (!wheel.archive.empty() || variants_file_of(wheel.name) != file) continue;
      OfferedFile out = of_text(variants_json(*now, project, wheel.name.version));
      out.final = false;
      return out.text.empty() ? std::nullopt : std::optional(std::move(out));
    }
    return std::nullopt;
  }
  for (const SourceWheel& wheel : found->second) {
    for (const CarveTarget& target : targets_) {
      if (root.target && *root.target != target) continue;
      if (!is_carvable(wheel)) continue;
      const WheelName carved = carved_name(wheel.name, target, root.naming);
      if (carved.file_name() != file) continue;
      if (!wants_metadata) return carve(wheel, {.target = target, .naming = root.naming});
      const std::string text = kept_.metadata_of(wheel.path, wheel.sha256);
      if (root.naming != Naming::local) return of_text(text);
      const auto local = metadata_with_version(text, carved.version);
      return local ? std::optional(of_text(*local)) : std::nullopt;
    }
  }
  return std::nullopt;
}

// Carved wheels that the cache had to let go: the same bytes again.
fs::path FolderIndex::carved_again(const FolderWheels& wheels, const std::string& sha256,
                                   const std::string& file) {
  for (const Order& order : orders(wheels)) {
    if (carved_name(order.wheel->name, order.how.target, order.how.naming).file_name() != file) continue;
    const auto record = kept_.known(*order.wheel, order.how);
    if (!record || record->sha256 != sha256) continue;
    const WheelRecord again = kept_.carve(*order.wheel, order.how);
    if (again.sha256 == sha256) return kept_.file(again);
  }
  return {};
}

std::optional<OfferedFile> FolderIndex::content(const std::string& sha256, const std::string& name) {
  const auto [file, wants_metadata] = without_metadata_ending(name);
  fs::path path = kept_.find(sha256, file);
  if (path.empty()) {
    const auto now = folder_.wheels();
    const SourceWheel* wheel = source_named(*now, file);
    const bool as_it_came = wheel && wheel->sha256 == sha256 && stamp_of(wheel->path) == wheel->stamp;
    if (as_it_came && wants_metadata && !wheel->archive.empty()) return std::nullopt;
    path = as_it_came ? wheel->path : carved_again(*now, sha256, file);
  }
  if (path.empty()) return std::nullopt;
  if (wants_metadata) return of_text(kept_.metadata_of(path, sha256));
  return OfferedFile{.file = path, .sha256 = sha256};
}

std::string FolderIndex::variants_json(const FolderWheels& wheels, const std::string& project,
                                       const std::string& version) {
  std::vector<std::string> texts;
  const auto found = wheels.projects.find(project);
  if (found == wheels.projects.end()) return "";
  for (const SourceWheel& wheel : found->second) {
    if (wheel.name.version != version || !wheel.archive.empty()) continue;
    if (!wheel.name.variant.empty()) {
      texts.push_back(dist_info_text(wheel.path, variant_file_name));
      continue;
    }
    for (const CarveTarget& target : targets_) {
      if (!kept_.would_carve(wheel, target)) continue;
      const WheelRecord record = kept_.carve(wheel, {.target = target, .naming = Naming::variant});
      if (record.carved()) texts.push_back(dist_info_text(kept_.file(record), variant_file_name));
    }
  }
  return joined_variants_json(texts);
}

}  // namespace lathe

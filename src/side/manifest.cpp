// SPDX-License-Identifier: MIT
#include "side/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

namespace lathe {
namespace {

constexpr std::int64_t newest_version = 1;
constexpr std::array<std::pair<SideManifest::Kind, std::string_view>, 3> kind_names = {{
    {SideManifest::Kind::file, "file"},
    {SideManifest::Kind::folder, "folder"},
    {SideManifest::Kind::wheel, "wheel"},
}};
constexpr std::array<std::pair<SideFile::Kind, std::string_view>, 4> file_kind_names = {{
    {SideFile::Kind::file, "file"},
    {SideFile::Kind::link, "link"},
    {SideFile::Kind::second_name, "second-name"},
    {SideFile::Kind::folder, "folder"},
}};

template <typename Names, typename Kind>
std::string_view name_of(const Names& names, Kind kind) {
  return std::ranges::find(names, kind, [](const auto& one) { return one.first; })->second;
}

void write_file(JsonWriter& json, const SideFile& file) {
  json.begin_object().member("path", file.path);
  if (file.above > 0) json.member("above", file.above);
  if (file.kind != SideFile::Kind::file) json.member("kind", name_of(file_kind_names, file.kind));
  if (!file.target.empty()) json.member("target", file.target);
  json.member("mode", file.mode);
  if (file.kind == SideFile::Kind::file) {
    json.member("modified", file.modified).member("size", file.size).member("sha256", file.sha256);
    json.member("recipe_at", file.recipe.at).member("recipe_size", file.recipe.size);
    if (!file.dropped) json.member("slim_size", file.slim_size).member("slim_sha256", file.slim_sha256);
  }
  json.end_object();
}

void write_member(JsonWriter& json, const SideMember& member) {
  json.begin_object().member("path", member.path).member("slim_path", member.slim_path);
  json.member("size", member.size).member("slim_size", member.slim_size);
  json.member("packed_size", member.packed_size);
  json.member("zlib_level", member.settings.level).member("zlib_memory", member.settings.memory);
  json.member("recipe_at", member.recipe.at).member("recipe_size", member.recipe.size).end_object();
}

void write_added(JsonWriter& json, const SideFile& file) {
  json.begin_object().member("path", file.path);
  json.member("slim_size", file.slim_size).member("slim_sha256", file.slim_sha256).end_object();
}

// Reads one manifest; what is wrong names the file.
class Reader {
 public:
  Reader(const std::string& file, const Json& json) : file_(file), json_(json) {}

  SideManifest read() const {
    const std::uint64_t version = number(json_, "schema_version");
    if (version == 0) fail("its manifest names no version");
    if (version > newest_version) {
      throw Error({.what = fmt::format("the side file is of version {}, this program reads up to {}", version,
                                       newest_version),
                   .where = {.file = file_},
                   .next = "use a newer torchlathe"});
    }
    SideManifest manifest;
    manifest.kind = kind(kind_names, json_.text_of("kind"));
    manifest.name = plain_name(json_.text_of("name"));
    each("files", [&](const Json& one) { manifest.files.push_back(file(one)); });
    each("members", [&](const Json& one) { manifest.members.push_back(member(one)); });
    each("added", [&](const Json& one) { manifest.added.push_back(added(one)); });
    if (const Json* how = json_.find("carve"); how && how->object()) {
      for (const auto& [key, value] : *how->object()) {
        if (value.text()) manifest.how[key] = *value.text();
      }
    }
    if (manifest.kind != SideManifest::Kind::folder && manifest.files.size() != 1)
      fail("its manifest lists not one file");
    return manifest;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(
        {.what = "the side file is damaged: " + what, .where = {.file = file_}, .next = "fetch it again"});
  }

  std::uint64_t number(const Json& json, std::string_view name, std::uint64_t otherwise = 0) const {
    const Json* found = json.find(name);
    if (!found) return otherwise;
    const auto* value = found->get<std::int64_t>();
    if (!value || *value < 0) fail(fmt::format("\"{}\" is not a number", name));
    return static_cast<std::uint64_t>(*value);
  }

  template <typename Kind, std::size_t count>
  Kind kind(const std::array<std::pair<Kind, std::string_view>, count>& names,
            const std::string& name) const {
    const auto found = std::ranges::find(names, name, [](const auto& one) { return one.second; });
    if (found == names.end()) fail(fmt::format("{} is not a known kind", printable(name)));
    return found->first;
  }

  template <typename Take>
  void each(std::string_view name, const Take& take) const {
    const Json* list = json_.find(name);
    if (!list) return;
    if (!list->array()) fail(fmt::format("\"{}\" is not a list", name));
    for (const Json& one : *list->array()) take(one);
  }

  // Relative, without "..", and the same however it is read.
  std::string inner_path(std::string path) const {
    const bool odd = path.empty() || path.find('\0') != std::string::npos;
    for (const std::string_view part : split(path, '/')) {
      if (odd || part.empty() || part == "." || part == "..")
        fail(fmt::format("the path {} leads out of the folder", printable(path)));
    }
    return path;
  }

  std::string plain_name(std::string name) const {
    if (name.find('/') != std::string::npos) fail("its name is a path");
    return inner_path(std::move(name));
  }

  std::string hash(const Json& json, std::string_view name) const {
    std::string text = json.text_of(name);
    const bool hexadecimal =
        text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!hexadecimal) fail(fmt::format("\"{}\" is not a SHA-256", name));
    return text;
  }

  StoreRange recipe(const Json& json) const {
    return {.at = number(json, "recipe_at"), .size = number(json, "recipe_size")};
  }

  // Beside a folder only what an installer wrote down of it: NAME.dist-info/RECORD.
  std::uint32_t above(const Json& json, const std::string& path) const {
    constexpr std::uint64_t highest = 64;
    const std::uint64_t count = number(json, "above");
    const bool record = std::ranges::count(path, '/') == 1 && path.ends_with(".dist-info/RECORD");
    if (count > highest || (count > 0 && !record))
      fail(fmt::format("the path {} leads out of the folder", printable(path)));
    return static_cast<std::uint32_t>(count);
  }

  SideFile file(const Json& json) const {
    SideFile file;
    const std::string kind_name = json.text_of("kind");
    if (!kind_name.empty()) file.kind = kind(file_kind_names, kind_name);
    file.path = inner_path(json.text_of("path"));
    file.above = above(json, file.path);
    file.target = json.text_of("target");
    file.mode = static_cast<std::uint32_t>(number(json, "mode") & 07777);
    if (file.kind == SideFile::Kind::second_name) file.target = inner_path(file.target);
    if (file.kind == SideFile::Kind::link &&
        (file.target.empty() || file.target.find('\0') != std::string::npos))
      fail("a link leads nowhere");
    if (file.kind != SideFile::Kind::file) return file;
    const Json* modified = json.find("modified");
    if (modified && modified->get<std::int64_t>()) file.modified = *modified->get<std::int64_t>();
    file.size = number(json, "size");
    file.sha256 = hash(json, "sha256");
    file.recipe = recipe(json);
    file.dropped = json.find("slim_size") == nullptr;
    if (file.dropped) return file;
    file.slim_size = number(json, "slim_size");
    file.slim_sha256 = hash(json, "slim_sha256");
    return file;
  }

  SideMember member(const Json& json) const {
    SideMember member{.path = json.text_of("path"), .slim_path = json.text_of("slim_path")};
    member.size = number(json, "size");
    member.slim_size = number(json, "slim_size");
    member.packed_size = number(json, "packed_size");
    member.settings.level = static_cast<int>(std::min<std::uint64_t>(number(json, "zlib_level"), 99));
    member.settings.memory = static_cast<int>(std::min<std::uint64_t>(number(json, "zlib_memory"), 99));
    member.recipe = recipe(json);
    return member;
  }

  SideFile added(const Json& json) const {
    SideFile file;
    file.path = inner_path(json.text_of("path"));
    file.slim_size = number(json, "slim_size");
    file.slim_sha256 = hash(json, "slim_sha256");
    return file;
  }

  const std::string& file_;
  const Json& json_;
};

}  // namespace

std::string_view to_string(SideManifest::Kind kind) { return name_of(kind_names, kind); }

std::string to_json(const SideManifest& manifest) {
  JsonWriter json(JsonWriter::Layout::compact);
  json.begin_object().member("schema_version", newest_version).member("tool", "torchlathe " LATHE_VERSION);
  json.member("kind", to_string(manifest.kind)).member("name", manifest.name);
  json.key("carve").begin_object();
  for (const auto& [key, value] : manifest.how) json.member(key, value);
  json.end_object();
  json.key("files").begin_array();
  for (const SideFile& file : manifest.files) write_file(json, file);
  json.end_array();
  if (!manifest.members.empty()) {
    json.key("members").begin_array();
    for (const SideMember& member : manifest.members) write_member(json, member);
    json.end_array();
  }
  if (!manifest.added.empty()) {
    json.key("added").begin_array();
    for (const SideFile& file : manifest.added) write_added(json, file);
    json.end_array();
  }
  json.end_object();
  return json.take();
}

SideManifest read_side_manifest(std::string_view text, const std::string& file) {
  constexpr std::size_t deepest = 8;
  const Json json = parse_json(text, file, {.depth = deepest});
  return Reader(file, json).read();
}

}  // namespace lathe

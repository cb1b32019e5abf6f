// SPDX-License-Identifier: MIT
// Sources: TensorRT 10's wheels (its builder opens libnvinfer_builder_resource_smNN.so.VERSION for the GPU,
// or ..._ptx.so.VERSION); triton/runtime/cache.py (put_group, get_group) and compiler.py of Triton 3.
#include "carve/one_gpu.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "device/vendor.h"

namespace lathe {
namespace {

constexpr std::string_view resource = "libnvinfer_builder_resource_";
constexpr std::string_view index_start = "__grp__", index_end = ".json";
constexpr std::uint64_t largest_index = 1 << 20;  // bytes; real ones have less than two thousand

// "sm90" of "libnvinfer_builder_resource_sm90.so.10.13.3"; "": another file.
std::string_view resource_for(std::string_view name) {
  if (!name.starts_with(resource)) return {};
  name.remove_prefix(resource.size());
  const std::size_t end = name.find(".so");
  if (end == std::string_view::npos) return {};
  const std::string_view rest = name.substr(end + std::string_view(".so").size());
  return rest.empty() || rest.starts_with('.') ? name.substr(0, end) : std::string_view();
}

std::pair<std::string, std::string> folder_and_name(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// One folder with machine code that goes: its members by name.
using Folder = std::map<std::string, std::size_t>;

bool is_index(std::string_view name) { return name.starts_with(index_start) && name.ends_with(index_end); }

// The names that an index lists; none where it is not one of Triton's.
std::vector<std::string> names_in_index(const Package& package, std::size_t member) {
  std::vector<std::string> names;
  if (package.members()[member].size > largest_index) return names;
  try {
    const MemberContent content = package.open(member);
    const Json index = parse_json(as_text(content.bytes()), package.shown(member));
    const Json* children = index.find("child_paths");
    if (!children || !children->object()) return names;
    for (const auto& [name, path] : *children->object()) names.push_back(name);
  } catch (const Error&) {
    names.clear();
  }
  return names;
}

struct Entry {
  std::vector<std::size_t> files;  // the index is one of them
  bool loses_code = false, keeps_code = false;
};

Entry read_entry(const Package& package, const Folder& folder, std::size_t index,
                 const std::set<std::size_t>& gone) {
  Entry entry{.files = {index}};
  for (const std::string& name : names_in_index(package, index)) {
    const auto file = folder.find(name);
    if (file == folder.end()) continue;
    const bool goes = gone.contains(file->second);
    entry.loses_code = entry.loses_code || goes;
    entry.keeps_code = entry.keeps_code || (!goes && name.ends_with(".cubin"));
    entry.files.push_back(file->second);
  }
  return entry;
}

std::set<std::size_t> files_that_go(const Package& package, const Folder& folder,
                                    const std::set<std::size_t>& gone) {
  std::set<std::size_t> go, stay;
  for (const auto& [name, member] : folder) {
    if (!is_index(name)) continue;
    const Entry entry = read_entry(package, folder, member, gone);
    auto& where = entry.loses_code && !entry.keeps_code ? go : stay;
    where.insert(entry.files.begin(), entry.files.end());
  }
  std::erase_if(go, [&](std::size_t member) { return stay.contains(member) || gone.contains(member); });
  return go;
}

}  // namespace

std::optional<Target> target_in_name(std::string_view file_name) {
  const std::string_view name = resource_for(file_name);
  if (!name.starts_with("sm")) return std::nullopt;
  const std::string spelled = "sm_" + std::string(name.substr(2));
  for (const Vendor* vendor : vendors()) {
    if (const auto parsed = vendor->parse(spelled)) return parsed->target;
  }
  return std::nullopt;
}

bool is_for_other_gpus(std::string_view file_name) { return resource_for(file_name) == "ptx"; }

LeftAlone left_of_triton(const Package& package, const std::set<std::size_t>& gone) {
  std::map<std::string, Folder> folders;
  for (const std::size_t member : gone) folders[folder_and_name(package.members()[member].path()).first];
  std::map<std::string, std::size_t> own;  // of the folders themselves
  for (std::size_t i = 0; i < package.members().size() && !folders.empty(); ++i) {
    const std::string path = package.members()[i].path();
    const auto [folder, name] = folder_and_name(path);
    if (const auto found = folders.find(folder); found != folders.end()) found->second.emplace(name, i);
    if (folders.contains(path)) own.emplace(path, i);
  }
  LeftAlone left;
  for (const auto& [path, folder] : folders) {
    const std::set<std::size_t> go = files_that_go(package, folder, gone);
    for (const bool indexes : {false, true}) {
      for (const auto& [name, member] : folder) {
        if (is_index(name) == indexes && go.contains(member)) left.files.push_back(member);
      }
    }
    const bool empty = !go.empty() && std::ranges::all_of(folder, [&](const auto& one) {
      return go.contains(one.second) || gone.contains(one.second);
    });
    if (empty && own.contains(path)) left.folders.push_back(own.at(path));
  }
  return left;
}

}  // namespace lathe

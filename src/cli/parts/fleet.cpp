// SPDX-License-Identifier: MIT
#include "cli/parts/fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "host/host_json.h"
#include "os/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

void add_file(const fs::path& file, std::vector<NamedHost>& fleet) {
  std::vector<HostInfo> hosts = read_hosts(read_file(file), file.string());
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    hosts[i].elsewhere = true;
    const std::string name = file.stem().string();
    fleet.push_back({hosts.size() == 1 ? name : fmt::format("{} {}", name, i + 1), std::move(hosts[i])});
  }
}

}  // namespace

std::vector<NamedHost> read_fleet(const std::vector<std::string>& paths) {
  std::vector<NamedHost> fleet;
  for (const std::string& path : paths) {
    for (const fs::path& file : files_of(path)) add_file(file, fleet);
  }
  if (fleet.empty() && !paths.empty()) {
    throw Error({.what = "there is no recorded machine",
                 .where = {.file = paths.front()},
                 .next = "record one on it: torchlathe detect --format json > machine.json"});
  }
  return fleet;
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
// Recorded machines, as `detect --format json` writes them.
#pragma once

#include <string>
#include <vector>

#include "host/host_info.h"

namespace lathe {

struct NamedHost {
  std::string name;  // of its file, without ".json"; with a number where the file has several
  HostInfo host;
};

// `paths`: files with one machine or an array of them, folders whose *.json are such. An Error for what is
// none, and where there is no machine at all.
std::vector<NamedHost> read_fleet(const std::vector<std::string>& paths);

}  // namespace lathe

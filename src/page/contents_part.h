// SPDX-License-Identifier: MIT
// What files hold: bytes by use, device code by GPU, a map by package or file; several paths side by side at
// one scale, as before and after a carve.
#pragma once

#include <string>
#include <vector>

#include "inspect/inspect.h"
#include "page/html.h"

namespace lathe {

struct PathContents {
  std::string path;  // as given
  Inspection inspection;
  // of each file of the inspection the package that installed it, "torch 2.15.0"; empty: packages are not
  // known
  std::vector<std::string> packages = {};
};

void write_contents_part(Html& html, const std::vector<PathContents>& all);

}  // namespace lathe

// SPDX-License-Identifier: MIT
// `torchlathe report`: one page about a matrix, its recipes, builds, machines, and what files hold. Pure
// text out of what others found; all of it may be somebody else's words and is escaped. The same input makes
// the same bytes: no clock, no name of this machine.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "audit/audit.h"
#include "matrix/variant.h"
#include "page/builds_part.h"
#include "page/contents_part.h"
#include "page/fleet_part.h"
#include "page/frame.h"

namespace lathe {

struct PageMatrix {
  std::string argument;  // what -m takes for this matrix; "": it is found without
  std::vector<Variant> variants;
};

// What there is to report; a part that is not there has no section.
struct PageContent {
  std::string title;
  std::string description = {};
  std::optional<PageMatrix> matrix = {};
  std::optional<Audit> recipes = {};
  std::optional<BuildsPart> builds = {};
  std::vector<FleetMachine> fleet = {};
  std::vector<PathContents> contents = {};
};

std::string report_page(const PageContent& content, PageUse use = PageUse::file);

}  // namespace lathe

// SPDX-License-Identifier: MIT
// `torchlathe report`: one page about a matrix, its recipes, builds, machines, and what files hold. Pure
// text out of what others found; all of it may be somebody else's words and is escaped. The same input makes
// the same bytes: no clock, no machine.
#pragma once

#include <optional>
#include <string>

#include "page/matrix_part.h"

namespace lathe {

// What there is to report; a part that is not there has no section.
struct PageContent {
  std::string title;
  std::string description = {};
  std::optional<MatrixPart> matrix = {};
};

std::string report_page(const PageContent& report);

}  // namespace lathe

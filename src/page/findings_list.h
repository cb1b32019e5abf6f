// SPDX-License-Identifier: MIT
// Findings on a page, and names of variants that lead to their tiles.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/finding.h"
#include "page/html.h"
#include "page/matrix_part.h"

namespace lathe {

// A list: sign and word of the severity, what, where, cause, fix, lines of evidence. Nothing for none.
void write_findings(Html& html, const Findings& findings);

// The name, as a link where the grid has its tile.
void write_variant_link(Html& html, const std::string& variant, const VariantPlaces& places);

}  // namespace lathe

// SPDX-License-Identifier: MIT
// What an audit says of a folder of recipes, recipe by recipe.
#pragma once

#include "audit/audit.h"
#include "page/html.h"
#include "page/matrix_part.h"

namespace lathe {

void write_recipes_part(Html& html, const Audit& audit, const VariantPlaces& places);

}  // namespace lathe

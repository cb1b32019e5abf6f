// SPDX-License-Identifier: MIT
// What the filter asks of a row that is about one variant, told by its name.
#pragma once

#include <string>
#include <string_view>

#include "page/html.h"

namespace lathe {

// Opens `tag` as an item of the filter. A name that is not a variant's has no values to filter by. `status`:
// one of the words in state.h, or "".
void open_item(Html& html, std::string_view tag, std::string_view variant, std::string_view status = "");

}  // namespace lathe

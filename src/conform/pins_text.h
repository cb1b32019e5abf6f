// SPDX-License-Identifier: MIT
// pins.toml with what was seen of a revision: its row changed where it differs, or a new one at the end. All
// other lines, comments too, stay byte for byte.
#pragma once

#include <string>
#include <string_view>

#include "hardware/nixpkgs_columns.h"

namespace lathe {

struct PinUpdate {
  std::string rev;
  std::string like;        // of a new row: the row of nixpkgs.toml that it is nearest to
  NixpkgsColumns columns;  // what is to be said of it
};

// An Error when the text is not a table of pins, or its row cannot be changed line by line.
std::string update_pins(std::string_view text, const std::string& file, const PinUpdate& update);

}  // namespace lathe

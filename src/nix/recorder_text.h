// SPDX-License-Identifier: MIT
// What Nix is given to evaluate: the recorder (recording_*.nix) as one text, and what is known of nixpkgs.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace lathe {

// What the parts of the recorder write `_recorded`, ‹ and ›: chosen anew for each process, so that no recipe
// can make or look for a recorded value. The brackets show people what a path stands for; the other face
// writes them as Nix's own store would, and they are put back into what it reports.
struct Marks {
  std::string recorded, open = "<", close = ">";
};
Marks make_marks(bool other_face);

// 32 hex digits that nobody can guess.
std::string random_token();

// An expression that is whole with a text of JSON, the request, and "; }" behind it.
std::string recorder_text(const Marks& marks);

// A Nix string: the same escapes as JSON's but for `${`.
std::string nix_string(std::string_view text);

// The members of a request that are the same for all recipes: toolkits, pins, what is assumed of others.
void write_facts(JsonWriter& json);

}  // namespace lathe

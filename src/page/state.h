// SPDX-License-Identifier: MIT
// What a variant can be, from what a matrix says and how its last build ended: one table of words, signs and
// meanings for the whole page, so that colour is never all that tells two apart.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "page/html.h"

namespace lathe {

struct State {
  std::string_view word;  // "valid"; also its class in style.css
  std::string_view sign;
  std::string_view meaning;
};

// The worst first: of several variants behind one tile the first that one of them has is shown.
std::span<const State> states();
// Of a status of the matrix, of the history, or one of the words above. Words that it does not know are
// builds that came to nothing.
const State& state_named(std::string_view word);

// Its sign and word; `label`: another word beside the sign.
void write_state(Html& html, const State& state, std::string_view label = "");

}  // namespace lathe

// SPDX-License-Identifier: MIT
// JSON values with some members changed; all others stay as they were read, in their order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"

namespace lathe {

Json json_text(std::string_view text);
Json json_number(std::uint64_t number);
// A copy of an object (or of nothing) in which `name` is `value`.
Json json_with(const Json& object, std::string_view name, Json value);
Json json_without(const Json& object, std::string_view name);
// In one line, without blanks.
std::string json_line(const Json& json);

}  // namespace lathe

// SPDX-License-Identifier: MIT
// fmt::format for what people read: every text among the arguments goes through printable(), so that no name
// of a file, a member or a variant can begin a line of its own or move the cursor. Terminal::print and the
// writers of reports use it; what JSON is made of goes to JsonWriter as it is.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <string_view>
#include <type_traits>

#include "base/text.h"

namespace lathe {

template <typename T>
decltype(auto) safe_argument(const T& argument) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return printable(argument);
  } else {
    return (argument);
  }
}
// fmt::join of texts: as one text.
template <typename Begin, typename End>
std::string safe_argument(const fmt::join_view<Begin, End, char>& joined) {
  return printable(fmt::vformat("{}", fmt::make_format_args(joined)));
}

template <typename... T>
std::string safe_format(fmt::format_string<T...> form, T&&... arguments) {
  return [&](const auto&... safe) {
    return fmt::vformat(form, fmt::make_format_args(safe...));
  }(safe_argument(arguments)...);
}

}  // namespace lathe

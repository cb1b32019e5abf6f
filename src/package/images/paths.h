// SPDX-License-Identifier: MIT
// Paths of entries of a layer.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lathe {

// "./usr//lib/../bin/" as "usr/bin"; "" for the root. nullopt: it leads out.
std::optional<std::string> inside_path(std::string_view path);

// Of a whiteout: what it hides in the layers below. An opaque one hides all that is in its folder.
struct Whiteout {
  std::string path = {};
  bool opaque = false;
};
std::optional<Whiteout> whiteout_of(std::string_view path);

}  // namespace lathe

// SPDX-License-Identifier: MIT
// A source file compiled into the program (data tables, templates, help pages). Made by cmake/embed.cmake.
#pragma once

#include <span>
#include <string_view>

namespace lathe {

struct EmbeddedFile {
  std::string_view name;  // without folder: "gpus.toml"
  std::string_view text;
};

}  // namespace lathe

// SPDX-License-Identifier: MIT
// What the tables of names (cpu_names.toml, gpu_names.toml, instances.toml) have in common, and how it is
// read.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "base/toml.h"
#include "hardware/product_name.h"

namespace lathe {

// Names that several products have, or that are about something else.
struct VagueName {
  std::vector<ProductPattern> patterns;
  std::string why;
  std::string hint;  // "" for the usual one
};

// Thrown for such a name: it is known, and does not say which product it is.
class VagueNameError : public Error {
 public:
  using Error::Error;
};

std::vector<ProductPattern> patterns_of(const Toml& names);
bool any_whole(const std::vector<ProductPattern>& patterns, std::string_view name);

std::vector<VagueName> vague_names(const Toml& root);  // its rows [[vague]]
// nullptr: it is none of them
const VagueName* find_vague(const std::vector<VagueName>& all, std::string_view name);

// The row of another table that `name` is about; an Error at its place where there is none.
template <typename Find>
auto row_named(const Toml& name, const Find& find) {
  const auto* row = find(name.text());
  if (!row) name.fail(fmt::format("no row is named \"{}\"", printable(name.text())));
  return row;
}

}  // namespace lathe

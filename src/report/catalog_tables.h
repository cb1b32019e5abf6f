// SPDX-License-Identifier: MIT
// The hardware tables as tables: one shape for all of them, so that there is one printer.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hardware/catalog.h"
#include "os/terminal.h"

namespace lathe {

struct CatalogTable {
  // Absence is the null. Versions stand apart from text so that "9.0" finds a capability and not a toolkit
  // beside it.
  using Cell = std::variant<std::nullptr_t, std::string, bool, int, Version, std::vector<std::string>>;

  std::string name;                // "gpus"
  std::vector<std::string> heads;  // names of the columns, and of the members in JSON
  std::vector<std::vector<Cell>> rows;
  std::vector<std::string> unmet = {};  // the globs that fit no row
};

// The names that catalog_table takes: "gpus", "cpus", "isas", "cuda", ...
std::span<const std::string_view> catalog_table_names();

// One table; of its rows those of which a text, or an item of a list, fits one of the globs (letter case
// ignored); where none does, those of which a text has it as words: "5090". Without globs all rows. The name
// is one of catalog_table_names().
CatalogTable catalog_table(std::string_view name, const std::vector<std::string>& globs);

// Every text and item of a list in it, as often as it is there: what a word may have meant.
std::vector<std::string> texts_of(const CatalogTable& table);

// `format`: text (long lists cut short), json, csv or md.
void print(const CatalogTable& table, std::string_view format, Terminal& terminal);

}  // namespace lathe

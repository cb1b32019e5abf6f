// SPDX-License-Identifier: MIT
// Inside of matrix only: the parts of a matrix file, one function each. They are read into `spec` in the
// order of parse.cpp, and each may look at those before it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/toml.h"
#include "matrix/branch.h"
#include "matrix/spec.h"
#include "matrix/variant.h"

namespace lathe {

// parse_pins.cpp: [nixpkgs.NAME] and [pytorch."2.10.0"].
void read_pins(const Toml& root, MatrixSpec& spec);
void read_sources(const Toml& root, MatrixSpec& spec);
// A release that a pin ships itself needs no source hash: its source is made here. `value` names it.
void need_source(const Toml& value, const std::string& version, MatrixSpec& spec);

// parse_settings.cpp: [settings], [extra] and [carver].
inline constexpr std::string_view setting_keys[] = {"narrow",         "ptx",           "jobs",
                                                    "memory_per_job", "compile_cache", "extra"};
// Those of `setting_keys` that `table` has; the result names them.
std::vector<std::string> read_settings(const Toml& table, Settings& settings);
void read_settings(const Toml& root, MatrixSpec& spec);
void read_strategy(const Toml& root, MatrixSpec& spec);
// Is there nothing that base = "nixpkgs" has no use for?
void check_nixpkgs_base(const Toml& root, const MatrixSpec& spec);

// parse_blocks.cpp: [[branch]], and [[build]] or [[include]], which is `key`.
std::vector<Branch> read_branches(const Toml& root, MatrixSpec& spec);
void read_blocks(const Toml& root, std::string_view key, const std::vector<Branch>& branches,
                 MatrixSpec& spec);

}  // namespace lathe

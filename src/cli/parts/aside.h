// SPDX-License-Identifier: MIT
// --side of the commands that carve: what they drop, in one file aside.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "os/terminal.h"
#include "side/write_side.h"

namespace lathe {

struct AsideCall {
  std::filesystem::path original;               // stays as it is while the side file is written
  std::filesystem::path side;                   // nothing is there
  std::map<std::string, std::string> how = {};  // told_again()
};

// Known before the long work: Error when something is there, or when it would lie inside of `original`.
void check_side(const std::filesystem::path& original, const std::filesystem::path& side);

SideSummary put_aside(const AsideCall& call, const std::filesystem::path& slim, Terminal& terminal,
                      const std::vector<SideNeighbour>& neighbours = {});

// `change` carves a copy in its place, and says whether anything of it changed: only then there is a side
// file, and only when that is on the disk the original changes. Error when a killed run left a journal.
std::optional<SideSummary> change_in_place_aside(
    const AsideCall& call, const std::function<bool(const std::filesystem::path& copy)>& change,
    Terminal& terminal);

void print_side(const SideSummary& side, Terminal& terminal);
void write_side_json(JsonWriter& json, const SideSummary& side);  // member "side"

}  // namespace lathe

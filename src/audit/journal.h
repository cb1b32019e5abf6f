// SPDX-License-Identifier: MIT
// What the journal of an apply says: its number, and the steps in plan.json. Pure. A journal lies in a
// folder that others may write to as well, so nothing in it is believed: a name that could lead out of the
// folder, or that no recipe has, is an Error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

inline constexpr const char* journal_folder = ".torchlathe-journal";

// File names relative to the folder of recipes, "/" between their parts.
struct JournalSteps {
  std::vector<std::string> put, remove;
  bool operator==(const JournalSteps&) const = default;
};

// The text of plan.json. `file`: for messages.
JournalSteps parse_journal(std::string_view text, const std::string& file);
std::string journal_text(const JournalSteps& steps);

// "0001": at least four digits, at most nine, no more zeros than needed. Error when the name is of digits,
// but no such number.
std::uint32_t journal_number(std::string_view name, const std::string& where);
// Error when there are no more numbers
std::string journal_name(std::uint32_t number, const std::string& where);
bool is_digits(std::string_view name);

}  // namespace lathe

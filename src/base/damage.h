// SPDX-License-Identifier: MIT
// A warning about damaged bytes of a file.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/finding.h"

namespace lathe {

// `offset`: in bytes from the file's start. A file that is damaged all over needs no million of them: nothing
// is added where there are fifty findings.
inline void warn_of_damage(Findings& findings, std::string rule, const std::string& file,
                           std::uint64_t offset, std::string_view what) {
  constexpr std::size_t most_findings = 50;
  if (findings.size() >= most_findings) return;
  findings.add({.rule = std::move(rule),
                .severity = Severity::warning,
                .where = {.file = file},
                .what = fmt::format("{} (at {:#x})", what, offset),
                .fix = "fetch or build the file again"});
}

}  // namespace lathe

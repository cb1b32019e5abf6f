// SPDX-License-Identifier: MIT
// Where a row of a data file is from and how sure it is: the two columns that every table of hardware has.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/text.h"
#include "base/toml.h"
#include "hardware/catalog.h"

namespace lathe {

inline Provenance provenance_of(const Toml& row) {
  const Toml &source = row.at("source"), &confidence = row.at("confidence");
  if (source.text().empty()) source.fail("every row needs its source");
  std::vector<std::string> names;
  for (const Confidence each :
       {Confidence::measured, Confidence::source, Confidence::derived, Confidence::known}) {
    if (to_string(each) == confidence.text()) return {.source = source.text(), .confidence = each};
    names.emplace_back(to_string(each));
  }
  confidence.fail(fmt::format("\"{}\" is not known here", printable(confidence.text())),
                  did_you_mean_text(confidence.text(), names));
}

}  // namespace lathe

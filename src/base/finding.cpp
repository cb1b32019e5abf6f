// SPDX-License-Identifier: MIT
#include "base/finding.h"

#include <algorithm>

namespace lathe {

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::error: return "error";
    case Severity::warning: return "warning";
    case Severity::note: return "note";
  }
  return "note";
}

std::size_t Findings::count(Severity severity) const {
  return static_cast<std::size_t>(std::ranges::count(all_, severity, &Finding::severity));
}

int Findings::exit_code(bool strict) const {
  return count(Severity::error) > 0 || (strict && count(Severity::warning) > 0) ? 1 : 0;
}

}  // namespace lathe

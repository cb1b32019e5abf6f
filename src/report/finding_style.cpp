// SPDX-License-Identifier: MIT
#include "report/finding_style.h"

namespace lathe {

Style style_of(Severity severity) {
  if (severity == Severity::error) return Style::red;
  return severity == Severity::warning ? Style::yellow : Style::dim;
}

}  // namespace lathe

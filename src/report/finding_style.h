// SPDX-License-Identifier: MIT
// The colour of a finding's severity.
#pragma once

#include "base/finding.h"
#include "os/terminal.h"

namespace lathe {

Style style_of(Severity severity);

}  // namespace lathe

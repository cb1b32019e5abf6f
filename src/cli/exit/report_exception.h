// SPDX-License-Identifier: MIT
#pragma once

#include "os/terminal.h"

namespace lathe {

// Inside a catch: one line on standard error for what was thrown, also where a library threw it past the
// code that knows what it means; as JSON: an object with `error`. Returns the exit code.
int report_exception(Terminal& terminal, bool as_json = false);

}  // namespace lathe

// SPDX-License-Identifier: MIT
// What verify found, as text and as JSON.
#pragma once

#include <string>

#include "os/terminal.h"
#include "verify/verify.h"

namespace lathe {

std::string verification_text(const Verification& result, const Terminal& terminal);
std::string verification_json(const Verification& result);

}  // namespace lathe

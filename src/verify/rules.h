// SPDX-License-Identifier: MIT
// The rules of verify, by what they look at. Each adds what it finds.
#pragma once

#include <vector>

#include "base/finding.h"
#include "inspect/inspect.h"
#include "verify/verify.h"

namespace lathe {

void check_read(const Inspection& inspection, Findings& findings);  // was all of it read?
// machine, damage
void check_files(const BuildPromise& promise, const Inspection& inspection, Findings& findings);
// device code
void check_gpus(const BuildPromise& promise, const Inspection& inspection, const DropAdvice& advice,
                Findings& findings);
// the driver that the device code asks for, against the promised one
void check_driver(const BuildPromise& promise, const Inspection& inspection, Findings& findings);
void check_profiler(const BuildPromise& promise, const Inspection& inspection, Findings& findings);
// scanned machine code
void check_isa(const BuildPromise& promise, const Inspection& inspection, Findings& findings);

// The list is cut after so many, and says how many more there are.
inline constexpr std::size_t most_evidence = 8;
void shorten(std::vector<Evidence>& evidence);

}  // namespace lathe

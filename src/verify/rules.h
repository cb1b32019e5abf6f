// SPDX-License-Identifier: MIT
// The rules of verify, by what they look at. Each adds what it finds.
#pragma once

#include <vector>

#include "verify/verify.h"

namespace lathe {

using Breaches = std::vector<Breach>;

void check_read(const Inspection& inspection, Breaches& breaches);  // was all of it read?
// machine, damage
void check_files(const BuildPromise& promise, const Inspection& inspection, Breaches& breaches);
// device code
void check_gpus(const BuildPromise& promise, const Inspection& inspection, Breaches& breaches);
void check_profiler(const BuildPromise& promise, const Inspection& inspection, Breaches& breaches);
// scanned machine code
void check_isa(const BuildPromise& promise, const Inspection& inspection, Breaches& breaches);

// The list is cut after so many, and says how many more there are.
inline constexpr std::size_t most_evidence = 8;
void shorten(std::vector<Evidence>& evidence);

}  // namespace lathe

// SPDX-License-Identifier: MIT
// What is odd about a machine, found or recorded alike, with what mends it.
#pragma once

#include "host/host_info.h"

namespace lathe {

// Adds to the host's notes; what stands there already is not said twice.
void note_oddities(HostInfo& host);

}  // namespace lathe

// SPDX-License-Identifier: MIT
// What there is to get PyTorch with: programs, recipes, the PyTorch that is installed.
#pragma once

#include "host/host_info.h"
#include "select/advice.h"
#include "select/candidate.h"
#include "select/examine.h"

namespace lathe {

// `torch`: of this machine, or one that somebody named; nullptr: none is known. Of a recorded machine only
// what its record says is known; what is for a made-up one is built here. Both are taken to have Python.
Surroundings surroundings(const HostInfo& host, const Candidate* best, const ExaminedTorch* torch);

}  // namespace lathe

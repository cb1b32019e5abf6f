// SPDX-License-Identifier: MIT
// Inside of cpu only: PE's part of cpu_code_of().
#pragma once

#include <optional>

#include "cpu/cpu_scan.h"
#include "formats/pe.h"

namespace lathe::cpu {

// nullopt: no code. Refers to the file's bytes and to its name.
std::optional<CpuCode> code_of_pe(const Pe& file);

}  // namespace lathe::cpu

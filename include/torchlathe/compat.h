// SPDX-License-Identifier: MIT
// What may run where: the CUDA driver's rules for device code and the toolkits' ranges. Pure functions, which
// may be called from several threads at once. All throw Error where a capability or a version cannot be read.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "torchlathe/error.h"

namespace torchlathe {

// `code` is a cubin ("sm_90", "sm_90a", "9.0") or PTX ("compute_90"), `device` a capability without suffix.
bool runs_on(std::string_view code, std::string_view device);

// The index of the one that the driver picks out of one container for the device; nullopt: none runs there.
std::optional<std::size_t> pick(const std::vector<std::string>& codes, std::string_view device);

// Can this CUDA toolkit ("13.0") compile for this capability? A sentence says why not; "": it can.
std::string why_not_compilable(std::string_view capability, std::string_view toolkit);

// The lowest Linux driver for code of this capability, made by this toolkit; with `ptx`: that compiles its
// PTX. Error where the catalogue has no such toolkit.
std::string minimum_driver(std::string_view capability, std::string_view toolkit, bool ptx = false);

}  // namespace torchlathe

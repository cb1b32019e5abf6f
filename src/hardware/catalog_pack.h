// SPDX-License-Identifier: MIT
// The catalogue as bytes. The tables are read from TOML when torchlathe is built and compiled in packed,
// because reading them costs 1.9 ms and unpacking them a tenth of that, in every start of the program. The
// bytes never leave the build that made them: they have no version.
#pragma once

#include <string>

#include "base/bytes.h"
#include "hardware/catalog.h"

namespace lathe {

std::string pack(Catalog catalog);
Catalog unpack(ByteSpan bytes);  // an Error when they are not whole

}  // namespace lathe

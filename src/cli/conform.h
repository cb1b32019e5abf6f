// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

namespace lathe {

struct BoundCommand;
std::unique_ptr<BoundCommand> command_conform();

}  // namespace lathe

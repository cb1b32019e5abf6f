// SPDX-License-Identifier: MIT
// What `carve` tells of a folder of wheels.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "carve/carve_package.h"
#include "carve/wheelhouse.h"
#include "os/terminal.h"

namespace lathe {

// "4 -> 2", "4" where nothing changes
std::string count_change(std::size_t before, std::size_t after);

// The wheels as one package: files and findings under the path of their wheel.
CarvedPackage joined(const CarvedWheelhouse& wheelhouse);

// A table with a row for each wheel.
std::string wheel_table(const std::vector<CarvedWheel>& wheels, const Terminal& terminal);
void write_wheels(JsonWriter& json, const std::vector<CarvedWheel>& wheels);  // member "wheels"

}  // namespace lathe

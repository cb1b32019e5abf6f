// SPDX-License-Identifier: MIT
// Container images in an Inspection, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "inspect/image_report.h"
#include "inspect/inspect.h"
#include "os/terminal.h"

namespace lathe {

std::string image_lines(const Inspection& inspection, const Terminal& terminal);
void write_images(JsonWriter& json, const std::vector<ImageReport>& images);  // nothing where there are none

}  // namespace lathe

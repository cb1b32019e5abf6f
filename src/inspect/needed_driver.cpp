// SPDX-License-Identifier: MIT
#include "inspect/needed_driver.h"

namespace lathe {

std::optional<DriverNeed> needed_driver(const Inspection& inspection) {
  std::optional<DriverNeed> most;
  for (const FileInspection& file : inspection.files) {
    const auto need = file.least_driver();
    if (need && (!most || most->version < need->version)) most = need;
  }
  return most;
}

}  // namespace lathe

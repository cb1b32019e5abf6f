// SPDX-License-Identifier: MIT
#include "cli/options/driver_option.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "host/detect.h"

namespace lathe {
namespace {

Version driver_here() {
  const auto driver = detect_host().driver.version;
  if (driver) return *driver;
  throw Error({.what = "NVIDIA's driver is not loaded in this machine",
               .next = "name the one that the code is for: --driver 550.54.14"});
}

}  // namespace

Version driver_named(const std::string& text) {
  if (text == "native") return driver_here();
  if (const auto driver = Version::parse(text)) return *driver;
  throw Error({.what = fmt::format("{} is not a version of a driver", printable(text)),
               .next = "write it as nvidia-smi does: --driver 550.54.14"});
}

}  // namespace lathe

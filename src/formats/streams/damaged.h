// SPDX-License-Identifier: MIT
// How a compressed stream that cannot be read is reported, whatever its format.
#pragma once

#include <string>
#include <utility>

#include "base/error.h"

namespace lathe {

[[noreturn]] inline void fail_damaged(std::string what) {
  throw Error({.what = std::move(what), .next = "the file is damaged: fetch or build it again"});
}

}  // namespace lathe

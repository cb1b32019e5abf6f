// SPDX-License-Identifier: MIT
// What macOS calls the features of a CPU (`sysctl machdep.cpu hw.optional`), in the words of Linux's
// /proc/cpuinfo.
#pragma once

#include <string>
#include <string_view>

namespace lathe {

// Of one line, its key and value in lower case: "machdep.cpu.leaf7_features", "smep avx2 bmi1" or
// "hw.optional.arm.feat_dotprod", "1". The features that it says are there, each behind a blank; "" for any
// other line.
std::string features_of_sysctl(std::string_view key, std::string_view value);

}  // namespace lathe

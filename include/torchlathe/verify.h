// SPDX-License-Identifier: MIT
// Does a finished build contain what its name says? Its bytes are believed, never its name. May be called
// from several threads at once; nothing is written.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "torchlathe/error.h"
#include "torchlathe/finding.h"

namespace torchlathe {

struct Verification {
  std::string name;
  bool kept = false;              // no finding is an error
  bool cpu_scanned = false;       // false: nothing is said about instruction sets
  std::vector<Finding> findings;  // errors first
};

struct VerifyOptions {
  std::string matrix;     // a file, or the name of a shipped one; "": the name of the variant says it all
  bool gpu_only = false;  // leave out the machine code: milliseconds instead of seconds
  unsigned threads = 0;   // 0: all usable cores
  // Called before each file, from any thread; `percent` of all bytes are done.
  std::function<void(std::string_view path, unsigned percent)> on_file;
};

// `variant` is a name as "pytorch-python313-cuda13_0-sm90-avx512". Error when it cannot be read, the matrix
// does not have it, or a path cannot be read at all.
Verification verify(std::string_view variant, const std::vector<std::filesystem::path>& paths,
                    const VerifyOptions& options = {});

}  // namespace torchlathe

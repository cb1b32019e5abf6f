// SPDX-License-Identifier: MIT
// A variant in the words of its recipe's head, `description` and `longDescription`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "matrix/variant.h"

namespace lathe {

// "PyTorch 2.10.0 with CUDA 13.0 for compute capability 12.0 (...) and x86-64 CPUs (AVX2)"
std::string title(const Variant& variant);

// What a person who installs it wants to know, a line each.
std::vector<std::string> facts(const Variant& variant);

// Lines of at most 116 columns, each behind `prefix`.
std::string wrapped(const std::vector<std::string>& paragraphs, std::string_view prefix);

}  // namespace lathe

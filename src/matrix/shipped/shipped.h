// SPDX-License-Identifier: MIT
// Matrices by what people call them: a file, or one that is compiled in.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/embedded.h"
#include "matrix/spec.h"

namespace lathe {

// The file; or, when there is none of that name, the shipped matrix of that name ("cuda-13_0"). "-" is
// standard input. Error when there is neither, with a guess.
MatrixSpec load_matrix(const std::string& name);

// Names of the matrices that are compiled in, without ".toml".
std::vector<std::string> shipped_matrices();

// Of these the ones that a person would choose from: not every release for every Python, and no nightly.
inline constexpr const char* default_matrices[] = {"cuda-13_0", "cuda-12_8"};

namespace shipped {
std::span<const EmbeddedFile> matrices();
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
// The --cuda-toolkit option, and CUDA_TOOLKIT_REPO: a checkout of CUDA's packages in the place of the one
// that recipes fetch.
#pragma once

#include <string>

#include "cli/options/options.h"
#include "matrix/spec.h"

namespace lathe {

struct CudaToolkitOption {
  std::string folder;
  void declare(OptionSet& set);
  std::string named() const;  // as given; "": none
  // The folder, absolute, once it is known to have the packages; "" when none is named, or the matrix takes
  // none. An Error when one is missing, or --cuda-toolkit is given to a matrix without [cuda_packages].
  std::string checked(const MatrixSpec& spec) const;
};

}  // namespace lathe

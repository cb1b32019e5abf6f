# SPDX-License-Identifier: MIT
import os as _os

import torch as _torch

# Where CMake finds Torch, unless a packager moved it.
cmake_prefix_path = _os.path.join(_os.path.dirname(_torch.__file__), "share", "cmake")

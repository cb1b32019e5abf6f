// SPDX-License-Identifier: MIT
extern "C" int torch_is_linked() { return 1; }

// SPDX-License-Identifier: MIT
// The names of the functions that start kernels. A file that is compiled once more (TORCHLATHE_MINI_COPIES)
// gets a number behind them: so it is another file to the linker, and to a compile cache.
#pragma once

#ifdef TORCH_COPY
#define TORCH_NUMBERED(name, number) torch_launch_##name##_##number
#define TORCH_EXPANDED(name, number) TORCH_NUMBERED(name, number)
#define TORCH_LAUNCH(name) TORCH_EXPANDED(name, TORCH_COPY)
#else
#define TORCH_LAUNCH(name) torch_launch_##name
#endif

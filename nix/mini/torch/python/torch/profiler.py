# SPDX-License-Identifier: MIT
"""What the profiler can watch: the GPU only where the build found CUPTI."""
import ctypes
import enum

import torch


class ProfilerActivity(enum.Enum):
    CPU = 0
    CUDA = 2


def supported_activities():
    watches = torch._cpu.torch_profiles_cuda
    watches.restype = ctypes.c_bool
    return {ProfilerActivity.CPU} | ({ProfilerActivity.CUDA} if torch._gpu and watches() else set())

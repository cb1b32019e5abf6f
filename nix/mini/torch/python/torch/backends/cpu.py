# SPDX-License-Identifier: MIT
def get_cpu_capability():
    import torch

    return torch._cpu.torch_cpu_capability().decode().upper()

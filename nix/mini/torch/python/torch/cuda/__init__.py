# SPDX-License-Identifier: MIT
import torch as _torch


def _library():
    return _torch._gpu


def device_count():
    return _library().torch_cuda_device_count() if _library() else 0


def is_available():
    return device_count() > 0


def get_arch_list():
    if not is_available():
        return []
    return _arch_flags()


def _arch_flags():
    import ctypes

    if not _library():
        return []
    _library().torch_arch_flags.restype = ctypes.c_char_p
    return _library().torch_arch_flags().decode().split()


def get_device_capability(device=0):
    number = _library().torch_cuda_capability(device)
    return number // 10, number % 10


def synchronize():
    pass

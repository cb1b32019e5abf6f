# SPDX-License-Identifier: MIT
"""The mini torch: one-dimensional float tensors, on the CPU and through the CUDA library."""
import ctypes as _c
import os as _os

from .version import __version__, cuda as _built_cuda

_folder = _os.path.join(_os.path.dirname(_os.path.abspath(__file__)), "lib")
_cpu = _c.CDLL(_os.path.join(_folder, "libtorch_cpu.so"), mode=_c.RTLD_GLOBAL)
_gpu = _c.CDLL(_os.path.join(_folder, "libtorch_cuda.so")) if _built_cuda else None
_cpu.torch_cpu_capability.restype = _c.c_char_p
_cpu.torch_dot.restype = _c.c_float
float32 = "float32"


class Tensor:
    def __init__(self, values, device="cpu"):
        self.values, self.device = list(values), device

    def cuda(self):
        return self.to("cuda")

    def cpu(self):
        return self.to("cpu")

    def to(self, device):
        if str(device).startswith("cuda") and not cuda.is_available():
            raise RuntimeError("Torch not compiled with CUDA enabled" if _gpu is None else "no CUDA device")
        return Tensor(self.values, str(device))

    def tolist(self):
        return list(self.values)

    def sum(self):
        return Tensor([sum(self.values)], self.device)

    def item(self):
        return self.values[0]

    def __len__(self):
        return len(self.values)

    def __add__(self, other):
        n = len(self.values)
        other = other.values if isinstance(other, Tensor) else [other] * n
        kind = _c.c_float * n
        if not self.device.startswith("cuda"):
            result = kind(*other)
            _cpu.torch_axpy(_c.c_float(1), kind(*self.values), result, _c.c_size_t(n))
            return Tensor(result)
        result = kind()
        error = _gpu.torch_cuda_add(kind(*self.values), kind(*other), result, n)
        if error == 209:
            raise RuntimeError("CUDA error: no kernel image is available for execution on the device")
        if error:
            raise RuntimeError(f"CUDA error: {error}")
        return Tensor(result, self.device)

    def __repr__(self):
        return f"tensor({self.values}, device='{self.device}')"


def tensor(values, device="cpu"):
    return Tensor(values).to(device)


def ones(n, device="cpu"):
    return tensor([1.0] * n, device)


def zeros(n, device="cpu"):
    return tensor([0.0] * n, device)


def compile(function):
    """What makes code for the GPU when a program runs, by the triton that this PyTorch is made for and no other."""
    import triton
    from triton.runtime.build import command

    if triton.__version__ != version.triton:
        raise RuntimeError(f"PyTorch {__version__} is made for triton {version.triton}, this is {triton.__version__}")
    if not any(word.startswith("-Wl,-rpath,") for word in command("driver.c", ["libcuda.so.1"])):
        raise OSError("libcuda.so.1: cannot open shared object file: No such file or directory")
    return function


from . import cuda, profiler, utils, version  # noqa: E402
from .backends import cpu as _backend  # noqa: E402,F401

# SPDX-License-Identifier: MIT
"""The mini torchaudio: a recursive filter, on the CPU."""
import ctypes as _c
import os as _os

import torch as _torch  # noqa: F401: its libraries are those that this one was linked with

from .version import __version__, cuda as _built_cuda  # noqa: F401

_library = _c.CDLL(_os.path.join(_os.path.dirname(_os.path.abspath(__file__)), "_C.so"))


def lfilter(wave, a, b):
    wave_type, order_type = _c.c_float * len(wave), _c.c_float * len(a)
    out = wave_type()
    _library.audio_lfilter(wave_type(*wave), out, _c.c_size_t(len(wave)), order_type(*a), order_type(*b), _c.c_size_t(len(a) - 1))
    return list(out)


def device_count():
    return _library.audio_device_count() if _built_cuda else 0

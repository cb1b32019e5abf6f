# SPDX-License-Identifier: MIT
"""The mini torchvision: non-maximum suppression, on the CPU."""
import ctypes as _c
import os as _os

import torch as _torch  # noqa: F401: its libraries are those that this one was linked with

from .version import __version__, cuda as _built_cuda  # noqa: F401

_library = _c.CDLL(_os.path.join(_os.path.dirname(_os.path.abspath(__file__)), "_C.so"))
_library.vision_nms.restype = _c.c_size_t
_library.vision_cpu_capability.restype = _c.c_char_p


def nms(boxes, scores, threshold):
    order = sorted(range(len(boxes)), key=lambda i: -scores[i])
    flat = (_c.c_float * (4 * len(boxes)))(*[side for i in order for side in boxes[i]])
    kept = (_c.c_size_t * len(boxes))()
    count = _library.vision_nms(flat, _c.c_size_t(len(boxes)), _c.c_float(threshold), kept)
    return [order[k] for k in kept[:count]]


def device_count():
    return _library.vision_device_count() if _built_cuda else 0

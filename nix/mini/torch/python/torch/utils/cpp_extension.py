# SPDX-License-Identifier: MIT
"""What a companion's setup.py imports: it needs a module that torch propagates."""
import os

from typing_extensions import deprecated

import torch


def include_paths():
    return [os.path.join(os.path.dirname(torch.__file__), "include")]


def library_paths():
    return [os.path.join(os.path.dirname(torch.__file__), "lib")]


@deprecated("as in PyTorch: a reason to import that module")
def load(*_):
    raise NotImplementedError

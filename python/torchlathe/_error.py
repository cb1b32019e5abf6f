# SPDX-License-Identifier: MIT
from typing import Literal


class Error(RuntimeError):
    """The one way in which functions of torchlathe fail. What they *found* in a file is not an error."""

    __module__ = "torchlathe"
    kind: Literal["usage", "fault"] = "usage"
    """usage: the call or an input is wrong. fault: the machine, the disk or another program failed."""
    file: str = ""
    line: int = 0
    column: int = 0
    next: str = ""
    """What to do about it."""

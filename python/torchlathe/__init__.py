# SPDX-License-Identifier: MIT
"""Inspect, carve and build PyTorch for the hardware that you have.

>>> import torchlathe
>>> torchlathe.find_gpu("H100")
<Gpu H100 (9.0)>
>>> torchlathe.runs_on("sm_80", "RTX 3090"), torchlathe.runs_on("sm_90", "RTX 3090")
(True, False)
>>> host = torchlathe.imagine(gpus=["RTX 5090"], cpu="Zen 4")
>>> torchlathe.select(host).best
<Choice pytorch-python313-cuda13_0-sm120-avx512bf16>
"""
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Optional, Union

from . import _core
from ._core import (Carved, CarvedFile, Choice, Coverage, DeviceCode, Finding, Gpu, Host, HostGpu, InspectedFile, Inspection, Runs, Selection,
                    Severity, Verification, detect, find_gpu, gpus, read_host, runs_on)
from ._error import Error
from ._version import __version__

__all__ = ["Carved", "CarvedFile", "Choice", "Coverage", "DeviceCode", "Error", "Finding", "Gpu", "Host", "HostGpu", "InspectedFile",
           "Inspection", "Runs", "Selection", "Severity", "Verification", "__version__", "carve", "detect", "find_gpu", "gpus", "imagine", "inspect",
           "read_host", "runs_on", "select", "verify"]

StrPath = Union[str, "os.PathLike[str]"]


def _paths(paths: Sequence[StrPath]) -> list[Path]:
    if not paths:
        raise TypeError("name at least one path")
    return [Path(path) for path in paths]


def inspect(*paths: StrPath, threads: int = 0, embedded_code: bool = True, on_file: Optional[Callable[[str, int], object]] = None) -> Inspection:
    """What files, folders and wheels really hold: which GPUs they have code for.

    threads: 0 for all cores. embedded_code: look also for device code that libraries keep as data, which takes longer. on_file is called
    with a path and the percentage of all bytes that are done, from several threads, one at a time; what it raises is raised at the end.

    >>> import torchlathe
    >>> torchlathe.inspect("/no/such/file")
    Traceback (most recent call last):
    torchlathe.Error: /no/such/file: cannot open: No such file or directory
    """
    return _core.inspect(_paths(paths), threads, embedded_code, on_file)


def carve(source: StrPath, destination: Optional[StrPath] = None, *, gpus: Sequence[str], in_place: bool = False, minimal: bool = False,
          keep_special: bool = False, require_full: bool = False, strip_symbols: bool = False, dry_run: bool = False, include_vendor: bool = False, threads: int = 0,
          progress: Optional[Callable[[int, int], object]] = None) -> Carved:
    """The same library, folder or wheel for fewer GPUs: `gpus` are names or capabilities, as H100, 9.0 or 9.0+PTX.

    destination: where nothing is yet; of a wheel the folder for the new one. in_place replaces each library of `source` by its carved one.
    progress is called with the numbers of files that are done, and of all. `torchlathe carve --help` says what the others do.
    """
    if isinstance(gpus, str):
        raise TypeError("gpus is a list of names")
    if in_place == (destination is not None):
        raise TypeError("name a destination, or in_place=True")
    target = Path(source) if destination is None else Path(destination)
    return _core.carve(Path(source), target, list(gpus), minimal, keep_special, require_full, strip_symbols, dry_run, include_vendor,
                       threads, progress)


def verify(variant: str, *paths: StrPath, matrix: str = "", gpu_only: bool = False, threads: int = 0,
           on_file: Optional[Callable[[str, int], object]] = None) -> Verification:
    """Does a finished build contain what its name says, as pytorch-python313-cuda13_0-sm90-avx512?

    matrix: the file, or name of a shipped one, that has the variant; without it the name has to say it all. gpu_only leaves out the
    machine code: milliseconds instead of seconds.
    """
    return _core.verify(variant, _paths(paths), matrix, gpu_only, threads, on_file)


def imagine(*, gpus: Sequence[str], cpu: str) -> Host:
    """A machine made up from names: GPUs as "RTX 5090" or "12.0", none for a machine without; a CPU as "Zen 4" or "avx2".

    >>> import torchlathe
    >>> torchlathe.imagine(gpus=[], cpu="Zen 4").isas[-1]
    'avx512bf16'
    """
    return _core.imagine(list(gpus), cpu)


def select(host: Optional[Host] = None, *, matrices: Sequence[str] = (), names: Sequence[str] = (), cuda: Sequence[str] = (),
           python: Sequence[str] = (), pytorch: Sequence[str] = (), prefer: str = "") -> Selection:
    """The variant that fits a machine (this one by default) best, and why.

    matrices: files, or names of shipped ones. names: globs over variants. cuda, python, pytorch: releases. prefer: "bf16" or "int8".
    """
    return _core.select(host, list(matrices), list(names), list(cuda), list(python), list(pytorch), prefer)

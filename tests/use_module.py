#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""use_module.py LIBRARY: what people do with the Python module, on a library with code for sm_80 and sm_90; and its doctests. Run by
tests/python_module.py, and by packaging/clean_roots.py in a fresh Debian."""
import doctest
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import torchlathe

library = Path(sys.argv[1])


def raises(kind, call, *words):
    try:
        call()
    except kind as error:
        assert all(word in f"{error} {getattr(error, 'file', '')} {getattr(error, 'next', '')}" for word in words), error
        return error
    raise AssertionError(f"{kind} was not raised")


def check_inspect():
    calls = []
    seen = torchlathe.inspect(library, on_file=lambda path, percent: calls.append((path, percent)))
    (file,) = seen.files
    assert [code.name for code in file.code] == ["sm_80", "sm_90"] and file.code[0].bytes > 0
    assert seen.on("H100").runs == torchlathe.Runs.all and seen.on("7.5").runs == torchlathe.Runs.none
    assert calls and calls[0][0] == str(library), calls
    assert torchlathe.inspect(str(library)).files[0].bytes == library.stat().st_size


def check_carve(folder):
    planned = torchlathe.carve(library, folder / "carved.so", gpus=["H100"], dry_run=True)
    assert planned.path is None and not (folder / "carved.so").exists()
    carved = torchlathe.carve(library, folder / "carved.so", gpus=["H100"])
    assert carved.path == folder / "carved.so" and planned.new_bytes == carved.new_bytes < carved.old_bytes == library.stat().st_size
    assert carved.files[0].outcome == "carved" and carved.files[0].new_code == "9.0"
    error = raises(torchlathe.Error, lambda: torchlathe.carve(library, folder / "carved.so", gpus=["9.0"]), "there already")
    assert error.kind == "usage" and error.file == str(folder / "carved.so") and error.next
    tree = folder / "tree/lib"
    tree.mkdir(parents=True)
    (tree / "libfat.so").write_bytes(library.read_bytes())
    steps = []
    done = torchlathe.carve(folder / "tree", in_place=True, gpus=["9.0"], progress=lambda done, all: steps.append((done, all)))
    assert done.new_bytes < done.old_bytes and steps, (done.new_bytes, steps)
    raises(TypeError, lambda: torchlathe.carve(library, gpus=["9.0"]))
    raises(TypeError, lambda: torchlathe.carve(library, in_place=True, gpus="9.0"))


def check_verify():
    kept = torchlathe.verify("pytorch-python313-cuda13_0-sm90-avx2", library, gpu_only=True)
    broken = torchlathe.verify("pytorch-python313-cuda13_0-sm120-avx2", library, gpu_only=True)
    assert not broken.kept and not kept.cpu_scanned
    assert any(finding.severity == torchlathe.Severity.error for finding in broken.findings)
    assert {finding.rule for finding in broken.findings} > {finding.rule for finding in kept.findings} or kept.kept
    raises(torchlathe.Error, lambda: torchlathe.verify("no-name", library))


def check_machines():
    here = torchlathe.detect()
    assert here.isas and torchlathe.read_host(here.record).isas == here.isas
    host = torchlathe.imagine(gpus=["RTX 5090"], cpu="Zen 4")
    assert host.gpus[0].capability == "12.0"
    chosen = torchlathe.select(host, matrices=["cuda-13_0"])
    assert chosen.best and chosen.best.name == chosen.starting[0].name and not chosen.best.missing and chosen.excluded[0].missing
    assert torchlathe.select(host, names=["no-such"]).best is None
    raises(torchlathe.Error, lambda: torchlathe.select(host, matrices=["no-such"]), "no-such")
    raises(torchlathe.Error, lambda: torchlathe.imagine(gpus=["RTX 50900"], cpu="avx2"), "RTX 5090")


def check_callbacks():
    """What a callback raises comes out of the call, with its own traceback."""
    def broken(path, percent):
        raise KeyError("mine")

    error = raises(KeyError, lambda: torchlathe.inspect(library, on_file=broken), "mine")
    assert "broken" in "".join(traceback.format_exception(error))


def check_threads():
    """Another thread of Python runs while a call reads a file."""
    ticks, stop = [], threading.Event()

    def tick():
        while not stop.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.0005)

    thread = threading.Thread(target=tick)
    thread.start()
    began = time.monotonic()
    while time.monotonic() - began < 0.2:
        torchlathe.verify("pytorch-python313-cuda13_0-sm90-avx2", *[library] * 20)
    during = [moment for moment in ticks if moment > began]
    stop.set()
    thread.join()
    assert len(during) > 10, f"{len(during)} ticks: the interpreter's lock is held"


with tempfile.TemporaryDirectory(prefix="lathe-module-") as name:
    check_inspect()
    check_carve(Path(name))
    check_verify()
    check_machines()
    check_callbacks()
    check_threads()
examples = doctest.testmod(torchlathe)
assert examples.attempted and not examples.failed, examples
print(f"module used: {torchlathe.__version__}, {examples.attempted} doctests, Python {sys.version.split()[0]}")

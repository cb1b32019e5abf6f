#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Loads every container of a library and of its carved copy through CUDA's driver, and holds their kernels against each other.

load_all.py BEFORE AFTER: for each wrapper of both files the container that it leads to, as the loader would see it. Both load or
both fail with the same error; both have the same kernels; every attribute of every kernel is the same. Exit code 0: all is the same;
1: something differs. Reads the files by itself and knows nothing of torchlathe. Relocatable containers are no code that the driver
loads: of them it says how many are empty."""
import ctypes
import re
import struct
import subprocess
import sys

CU = ctypes.CDLL("libcuda.so.1")
ATTRIBUTES = range(16)  # CU_FUNC_ATTRIBUTE_*: threads, memory of each kind, registers, versions, cluster sizes


def sections(path):
    text = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"\] (\S+) +\S+ +([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) ", text)
    return [(name, int(address, 16), int(offset, 16), int(size, 16)) for name, address, offset, size in found]


def containers(path):
    """Of each wrapper, in order: is its container relocatable, and the container's bytes."""
    data = open(path, "rb").read()
    parts = sections(path)
    pointers = {}
    for name, _, offset, size in parts:
        if name == ".rela.dyn":
            for place, info, addend in struct.iter_unpack("<QQq", data[offset:offset + size]):
                if info in (8, 1027):
                    pointers[place] = addend
    for name, address, offset, size in parts:
        if name != ".nvFatBinSegment":
            continue
        for at in range(0, size, 24):
            target = pointers.get(address + at + 8) or struct.unpack_from("<Q", data, offset + at + 8)[0]
            home = next((part for part in parts if part[1] <= target < part[1] + part[3] and "fatbin" in part[0]), None)
            if home is None:
                yield None
                continue
            start = home[2] + target - home[1]
            yield home[0] == "__nv_relfatbin", data[start:start + 16 + struct.unpack_from("<Q", data, start + 8)[0]]


def kernels(container):
    """Names and attributes of what the driver loads of a container, or the number of its error."""
    library, count = ctypes.c_void_p(), ctypes.c_uint()
    error = CU.cuLibraryLoadData(ctypes.byref(library), container, None, None, 0, None, None, 0)
    if error:
        return error
    CU.cuLibraryGetKernelCount(ctypes.byref(count), library)
    handles = (ctypes.c_void_p * max(count.value, 1))()
    CU.cuLibraryEnumerateKernels(handles, count, library)
    found = {}
    for handle in handles[:count.value]:
        name = ctypes.c_char_p()
        CU.cuKernelGetName(ctypes.byref(name), ctypes.c_void_p(handle))
        values = []
        for attribute in ATTRIBUTES:
            value = ctypes.c_int(-1)
            failed = CU.cuKernelGetAttribute(ctypes.byref(value), attribute, ctypes.c_void_p(handle), DEVICE)
            values.append(("error", failed) if failed else value.value)
        found[name.value] = values
    CU.cuLibraryUnload(library)
    return found


def main(before, after):
    total = loaded = unloadable = relocatable = emptied = different = 0
    pairs = list(zip(containers(before), containers(after), strict=True))
    for index, (old, new) in enumerate(pairs):
        if old is None or new is None:
            different += old is not new
            continue
        if old[0]:
            relocatable += 1
            emptied += len(new[1]) == 16
            continue
        was, now = kernels(old[1]), kernels(new[1])
        if isinstance(was, int):
            unloadable += 1
        else:
            loaded += 1
            total += len(was)
        if was != now:
            different += 1
            print(f"wrapper {index}: {was if isinstance(was, int) else len(was)} before, {now if isinstance(now, int) else len(now)} after")
    print(f"{loaded} containers loaded, {total} kernels; {unloadable} that the driver cannot load on this GPU, before and after; "
          f"{relocatable} relocatable, {emptied} of them empty after; {different} differ")
    return different != 0 or loaded == 0


DEVICE, CONTEXT = ctypes.c_int(), ctypes.c_void_p()
if __name__ == "__main__":
    assert CU.cuInit(0) == 0 and CU.cuDeviceGet(ctypes.byref(DEVICE), 0) == 0
    assert CU.cuDevicePrimaryCtxRetain(ctypes.byref(CONTEXT), DEVICE) == 0 and CU.cuCtxSetCurrent(CONTEXT) == 0
    sys.exit(main(*sys.argv[1:3]))

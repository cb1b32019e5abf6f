#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads CUDA fat binaries with code of its own and holds what `torchlathe carve` made against what it was made of.

  independent_reader.py compare BEFORE AFTER --gpu CC     two libraries, or two wheels
  independent_reader.py wheel BINARY WHEEL --gpu CC       carves the wheel aside, compares, checks RECORD, restores; one line of JSON
  independent_reader.py index BINARY NAME==VERSION --gpu CC [--python 3.12]   the same of a wheel from the Python index, deleted afterwards

Compared for each library: every image that is left, unpacked, with the one of the same container before, in order; what the driver
picks of each container for the GPU; every other loaded byte, but for pointers to containers. It knows the format from
docs/formats/fatbin.md alone. Python needs the modules zstandard and lz4 for images that are packed so.
"""
import argparse
import base64
import bisect
import csv
import hashlib
import io
import json
import mmap
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zipfile

PTX, CUBIN = 1, 2
LZ4, ZSTD, SPECIFIC, FAMILY = 0x2000, 0x8000, 0x100000, 0x200000
CONTAINER, WRAPPER = 0xBA55ED50, 0x466243B1
ALLOCATED, NOBITS = 2, 8


class Library:
    """The parts of a 64-bit little-endian ELF file that device code needs."""

    def __init__(self, data):
        self.data = data
        (phoff, shoff), (phnum,), (shnum, names) = (struct.unpack_from("<QQ", data, 32), struct.unpack_from("<H", data, 56),
                                                    struct.unpack_from("<HH", data, 60))
        self.loads = []
        for i in range(phnum):
            kind, _, offset, address, _, size, memory, _ = struct.unpack_from("<IIQQQQQQ", data, phoff + 56 * i)
            if kind == 1:
                self.loads.append((address, size, offset, memory))
        self.loads.sort()
        self.starts = [load[0] for load in self.loads]
        self.tables = [(phoff, 56 * phnum), (shoff, 64 * shnum)]
        rows = [struct.unpack_from("<IIQQQQIIQQ", data, shoff + 64 * i) for i in range(shnum)]
        text = rows[names][4] if rows else 0
        self.sections = []
        for row in rows:
            end = data.find(b"\0", text + row[0])
            self.sections.append((bytes(data[text + row[0]:end]).decode(), *row[1:]))

    def offset(self, address):
        i = bisect.bisect_right(self.starts, address) - 1
        if i < 0 or address - self.loads[i][0] >= self.loads[i][1]:
            return None
        return self.loads[i][2] + address - self.loads[i][0]

    def named(self, *names):
        return [s for s in self.sections if s[0] in names and s[1] != NOBITS and s[5]]

    def pointers(self):
        """{address: value} of RELATIVE relocations; RELR's and fixed ones lie in place."""
        found = {}
        for section in self.sections:
            if section[1] != 4 or not section[2] & ALLOCATED:
                continue
            at, size = section[4], section[5]
            for place, info, addend in struct.iter_unpack("<QQq", self.data[at:at + size]):
                if info & 0xFFFFFFFF in (8, 1027):
                    found[place] = addend
        return found

    def wrappers(self):
        """Addresses of wrappers, each with the address of its container."""
        pointers = self.pointers()
        for _, _, _, address, offset, size, *_ in self.named(".nvFatBinSegment"):
            for at in range(0, size - 23, 8):
                magic, _, value = struct.unpack_from("<IIQ", self.data, offset + at)
                if magic == WRAPPER:
                    yield address + at, pointers.get(address + at + 8, value)


def unpack(data, at, header, payload):
    packed, flags, plain = struct.unpack_from("<I", data, at + 16)[0], struct.unpack_from("<Q", data, at + 40)[0], \
        struct.unpack_from("<Q", data, at + 56)[0]
    body = data[at + header:at + header + (packed or payload)]
    if not packed:
        return bytes(body)
    if flags & ZSTD:
        import zstandard
        return zstandard.ZstdDecompressor().decompress(bytes(body), max_output_size=plain)
    if flags & LZ4:
        import lz4.block
        return lz4.block.decompress(bytes(body), uncompressed_size=plain)
    raise ValueError(f"an image of unknown compression, flags {flags:#x}")


def images(data, offset):
    """(kind, architecture, suffix, digest of the unpacked content) of each image of the container there."""
    magic, _, header, size = struct.unpack_from("<IHHQ", data, offset)
    if magic != CONTAINER:
        raise ValueError(f"no container at {offset:#x}")
    at, end = offset + header, offset + header + size
    while at < end:
        kind, _, head, payload = struct.unpack_from("<HHIQ", data, at)
        version, arch = struct.unpack_from("<I", data, at + 24)[0], struct.unpack_from("<I", data, at + 28)[0]
        flags = struct.unpack_from("<Q", data, at + 40)[0]
        content = unpack(data, at, head, payload)
        rest = bytes(data[at + 64:at + head])
        digest = hashlib.sha256(content.rstrip(b"\0") + rest + struct.pack("<IQ", version, flags & ~(LZ4 | ZSTD))).hexdigest()
        yield kind, arch, "a" if flags & SPECIFIC else "f" if flags & FAMILY else "", digest
        at += head + payload
    if at != end:
        raise ValueError(f"the container at {offset:#x} is damaged")


def rank(image, gpu):
    """How well the driver likes an image for a GPU such as 90; None: it does not run there."""
    kind, arch, suffix, _ = image
    if kind == CUBIN:
        if suffix == "a":
            return (3, arch) if arch == gpu else None
        same = arch // 10 == gpu // 10 and arch <= gpu
        family = suffix == "f" and same
        return (2, arch) if family or (suffix == "" and same) else None
    if kind == PTX and suffix == "":
        return (1, arch) if arch <= gpu else None
    if kind == PTX and suffix == "a":
        return (1, arch) if arch == gpu else None
    if kind == PTX and suffix == "f":
        return (1, arch) if arch // 10 == gpu // 10 and arch <= gpu else None
    return None


def best(found, gpu):
    ranks = [(rank(image, gpu), -i) for i, image in enumerate(found) if rank(image, gpu)]
    return found[-max(ranks)[1]] if ranks else None


def differing(one, other):
    """The first and the last byte that differ."""
    at = [i for i in range(0, len(one), 4096) if one[i:i + 4096] != other[i:i + 4096]]
    first = next(i for i in range(at[0], len(one)) if one[i] != other[i])
    last = next(i for i in range(min(at[-1] + 4096, len(one)) - 1, -1, -1) if one[i] != other[i])
    return first, last


def lists_architectures(data, at):
    """Is this PyTorch's list of what it was built for? A carve shortens it."""
    begin, end = data.rfind(b"\0", 0, at) + 1, data.find(b"\0", at)
    return re.fullmatch(rb"((sm|compute)_\d+[af]? ?)+", data[begin:end]) is not None


def emptied(old, new, gpu):
    """Address ranges of machine code that is data and that this GPU cannot run, and those of them that are neither as before nor zeros."""
    gone, wrong = [], []
    start = struct.pack("<IHH", CONTAINER, 1, 16)
    for name, kind, flags, address, offset, size, *_ in old.sections:
        if kind == NOBITS or not flags & ALLOCATED or name in (".nv_fatbin", "__nv_relfatbin"):
            continue
        at = old.data.find(start, offset, offset + size)
        while at >= 0:
            for image, payload, length in entries(old.data, at, offset + size):
                if image[0] != CUBIN or rank(image, gpu):
                    continue
                begin = address + payload - offset
                gone.append((begin, begin + length))
                place = new.offset(begin)
                now = new.data[place:place + length] if place is not None else b""
                if now != old.data[payload:payload + length] and now.strip(b"\0") and not zeros_in(new, begin, length):
                    wrong.append((begin, begin + length))
            at = old.data.find(start, at + 8, offset + size)
    return gone, wrong


def entries(data, at, limit):
    """Images of what may be a container: nothing where it is none."""
    size = struct.unpack_from("<Q", data, at + 8)[0]
    end, at, found = at + 16 + size, at + 16, []
    while at < end <= limit:
        kind, version, head, payload = struct.unpack_from("<HHIQ", data, at)
        if version != 0x101 or head < 64 or head + payload > end - at:
            return []
        arch, flags = struct.unpack_from("<I", data, at + 28)[0], struct.unpack_from("<Q", data, at + 40)[0]
        found.append(((kind, arch, "a" if flags & SPECIFIC else "f" if flags & FAMILY else "", ""), at + head, payload))
        at += head + payload
    return found


def zeros_in(library, begin, length):
    """Whether memory has zeros there, from the file or without it."""
    at = begin
    while at < begin + length:
        i = bisect.bisect_right(library.starts, at) - 1
        address, size, offset, memory = library.loads[i]
        if at >= address + memory:
            return False
        stop = min(begin + length, address + (size if at < address + size else memory))
        if at < address + size and library.data[offset + at - address:offset + stop - address].strip(b"\0"):
            return False
        at = stop
    return True


def covered(old, new, changed):
    """Ranges of loaded bytes that differ, without `changed` (sorted, address ranges)."""
    wrong = []
    for address, size, offset, _ in old.loads:
        at = address
        for begin, end in changed + [(address + size, address + size)]:
            stop = min(max(begin, at), address + size)
            while at < stop:
                there = new.offset(at)
                step = min(stop - at, 1 << 20)
                if there is None:
                    wrong.append((at, stop))
                    break
                i = bisect.bisect_right(new.starts, at) - 1
                step = min(step, new.loads[i][0] + new.loads[i][1] - at)
                here = offset + at - address
                if old.data[here:here + step] != new.data[there:there + step]:
                    first, last = differing(old.data[here:here + step], new.data[there:there + step])
                    if not lists_architectures(old.data, here + first):
                        wrong.append((at + first, at + last + 1))
                at += step
            at = max(at, min(end, address + size))
    return wrong


def compare_libraries(before, after, gpu):
    """Counts and a list of what is wrong; gpu None: nothing was to be dropped."""
    old, new = Library(before), Library(after)
    count = {"images": 0, "kept": 0, "containers": 0, "picks": 0}
    wrong, changed = [], []
    was, now = dict(old.wrappers()), dict(new.wrappers())
    if was.keys() != now.keys():
        return count, ["the wrappers are others"]
    for wrapper, target in sorted(was.items()):
        start = old.offset(target)
        if start is None or struct.unpack_from("<I", before, start)[0] != CONTAINER:
            continue
        there = new.offset(now[wrapper])
        if there is None:
            wrong.append(f"the wrapper at {wrapper:#x} leads nowhere")
            continue
        size = 16 + struct.unpack_from("<Q", before, start + 8)[0]
        changed += [(target, target + size), (wrapper + 8, wrapper + 16)]
        a, b = list(images(before, start)), list(images(after, there))
        count["containers"] += 1
        count["images"] += len(a)
        count["kept"] += len(b)
        rest = iter(a)
        if not all(image in rest for image in b):
            wrong.append(f"the wrapper at {wrapper:#x} leads to an image that was not there")
        picked = best(a, gpu) if gpu else None
        linked = any(s[3] <= target < s[3] + s[5] for s in old.named("__nv_relfatbin"))
        if picked and not linked:
            count["picks"] += 1
            if best(b, gpu) != picked:
                wrong.append(f"the container of the wrapper at {wrapper:#x} has lost what {gpu} would load")
    for section in old.named(".nv_fatbin", "__nv_relfatbin"):
        changed.append((section[3], section[3] + section[5]))
    for section in old.named(".rela.dyn"):  # addends that are pointers to containers
        changed.append((section[3], section[3] + section[5]))
    # tables of headers, which patchelf puts into loaded memory, and what lies before the first section: no program reads them as data
    changed += [(address + at - offset, address + at - offset + size) for at, size in old.tables
                for address, length, offset, _ in old.loads if offset <= at < offset + length]
    first = min((s[3] for s in old.sections if s[2] & ALLOCATED and s[5] and s[3]), default=0)
    changed.append((old.loads[0][0] if old.loads else 0, first))
    data, neither = emptied(old, new, gpu) if gpu else ([], [])
    count["emptied_data"] = len(data)
    others = covered(old, new, merged(changed + data)) + neither
    return count, wrong + [f"loaded bytes differ in {begin:#x}..{end:#x}" for begin, end in others]


def merged(ranges):
    out = []
    for begin, end in sorted(ranges):
        if out and begin <= out[-1][1]:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([begin, end])
    return [tuple(r) for r in out]


def is_elf(data):
    return data[:6] == b"\x7fELF\x02\x01" and len(data) > 64 and struct.unpack_from("<H", data, 18)[0] in (62, 183)


def mapped(archive, member, folder, name):
    path = os.path.join(folder, name)
    with archive.open(member) as source, open(path, "wb") as to:
        shutil.copyfileobj(source, to, 1 << 20)
    with open(path, "rb") as file:
        os.remove(path)
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def members_by_end(archive):
    """Members without the folder that has the version in its name."""
    return {re.sub(r"^[^/]+\.(dist-info|data)/", r"\1/", i.filename): i for i in archive.infolist() if not i.is_dir()}


def compare_wheels(before, after, gpu, scratch):
    total = {"libraries": 0, "images": 0, "kept": 0, "containers": 0, "picks": 0, "emptied_data": 0, "other_members": 0}
    wrong = []
    with zipfile.ZipFile(before) as old, zipfile.ZipFile(after) as new:
        was, now = members_by_end(old), members_by_end(new)
        for name, info in was.items():
            if name.startswith("dist-info/") or info.file_size < 64:
                continue
            if name not in now:
                if not name.endswith(".cubin"):
                    wrong.append(f"{name} is gone")
                continue
            if (info.CRC, info.file_size) == (now[name].CRC, now[name].file_size):
                total["other_members"] += 1
                continue
            if name.endswith("checksums.txt"):
                continue
            a = mapped(old, info, scratch, "before")
            b = mapped(new, now[name], scratch, "after")
            count, problems = compare_libraries(a, b, gpu) if is_elf(a) and is_elf(b) else ({}, ["is no library"])
            total["libraries"] += 1
            for key, value in count.items():
                total[key] += value
            wrong += [f"{name}: {problem}" for problem in problems]
        total["record"] = record_is_true(new)
    return total, wrong


def record_is_true(archive):
    """Lines that hold; ValueError at the first that does not."""
    name = next(n for n in archive.namelist() if n.endswith(".dist-info/RECORD"))
    rows = list(csv.reader(io.TextIOWrapper(archive.open(name), "utf-8")))
    files = {n for n in archive.namelist() if not n.endswith("/")}
    listed = {row[0] for row in rows}
    if files - listed - {name + ".jws", name + ".p7s"}:
        raise ValueError(f"RECORD does not list {sorted(files - listed)[:3]}")
    for path, digest, size in rows:
        if not digest:
            continue
        kind, _, value = digest.partition("=")
        total, length = hashlib.new(kind), 0
        with archive.open(path) as member:
            while block := member.read(1 << 20):
                total.update(block)
                length += len(block)
        if base64.urlsafe_b64encode(total.digest()).rstrip(b"=").decode() != value or str(length) != size:
            raise ValueError(f"RECORD is wrong about {path}")
    return len(rows)


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def timed(*command):
    """Seconds of processor time, of the clock, and the largest resident set in MB; what it printed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return round(cpu, 1), round(time.monotonic() - start, 1), done.returncode, done.stdout


def one_wheel(binary, wheel, gpu, scratch):
    row = {"wheel": os.path.basename(wheel), "gpu": gpu, "before": os.path.getsize(wheel)}
    out, back, side = (os.path.join(scratch, n) for n in ("out", "back", "side"))
    row["carve_cpu"], row["carve_s"], _, said = timed(binary, "carve", wheel, "--gpu", gpu, "--output", out)
    made = [os.path.join(out, n) for n in os.listdir(out)] if os.path.isdir(out) else []
    if not made:
        return {**row, "said": said.strip().splitlines()[-3:]}
    row["after"] = os.path.getsize(made[0])
    if sha256_of(made[0]) == sha256_of(wheel):
        return {**row, "unchanged": True}
    row.update(zip(("compared", "wrong"), compare_wheels(wheel, made[0], int(gpu.replace(".", "")), scratch)))
    shutil.rmtree(out)
    row["aside_cpu"], row["aside_s"], code, said = timed(binary, "carve", wheel, "--gpu", gpu, "--output", out, "--side", side)
    if not os.path.exists(side):
        return {**row, "said": said.strip().splitlines()[-3:]}
    made = os.path.join(out, os.listdir(out)[0])
    row["side"] = os.path.getsize(side)
    row["restore_cpu"], row["restore_s"], code, said = timed(binary, "restore", made, "--side", side, "--output", back)
    restored = [os.path.join(back, n) for n in os.listdir(back)] if os.path.isdir(back) else []
    row["exact"] = bool(restored) and sha256_of(restored[0]) == sha256_of(wheel)
    if not row["exact"]:
        row["said"] = said.strip().splitlines()[-3:]
    return row


def from_index(binary, requirement, gpu, python, scratch):
    platforms = [f"manylinux_2_{n}_x86_64" for n in (39, 35, 34, 31, 28, 27, 24, 17, 12, 5)]
    platforms += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64", "any"]
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", scratch, "--no-cache-dir",
               "--python-version", python]
    for platform in platforms:
        command += ["--platform", platform]
    done = subprocess.run([*command, requirement], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    found = [n for n in os.listdir(scratch) if n.endswith(".whl")]
    if not found:
        return {"wheel": requirement, "said": done.stdout.strip().splitlines()[-1:]}
    return one_wheel(binary, os.path.join(scratch, found[0]), gpu, scratch)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("compare", "wheel", "index"))
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("--gpu", help="compute capability; without it nothing was to be dropped")
    parser.add_argument("--python", default="3.12")
    parser.add_argument("--scratch", help="where wheels are unpacked [a temporary folder]")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=wanted.scratch) as scratch:
        if wanted.what == "index":
            row = from_index(wanted.first, wanted.second, wanted.gpu, wanted.python, scratch)
        elif wanted.what == "wheel":
            row = one_wheel(wanted.first, wanted.second, wanted.gpu, scratch)
        else:
            gpu = int(wanted.gpu.replace(".", "")) if wanted.gpu else None
            if zipfile.is_zipfile(wanted.first):
                row = dict(zip(("compared", "wrong"), compare_wheels(wanted.first, wanted.second, gpu, scratch)))
            else:
                row = dict(zip(("compared", "wrong"), compare_libraries(read(wanted.first), read(wanted.second), gpu)))
    print(json.dumps(row))
    return 1 if row.get("wrong") or row.get("exact") is False else 0


if __name__ == "__main__":
    sys.exit(main())

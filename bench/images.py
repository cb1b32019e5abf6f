#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Carves a large container image, beside `skopeo copy` of the same with recompression.

  bench/images.py BINARY FOLDER ROOT.tar WHEELS... [-- WHEELS...]

The image is made in FOLDER once: ROOT.tar is its first layer (`debootstrap --variant=minbase bookworm root; tar -C root -cf ROOT.tar .`),
and each group of wheels a layer, as pip would install them. FOLDER needs room for about four times the unpacked image. Memory is what
the process has for itself (Anonymous of smaps_rollup), seen every 50 ms.
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

SITE = "usr/local/lib/python3.12/site-packages"


class Hashing:
    """Passes on what is written, and counts and hashes it."""

    def __init__(self, out):
        self.out, self.size, self.hash = out, 0, hashlib.sha256()

    def write(self, data):
        self.out.write(data)
        self.hash.update(data)
        self.size += len(data)
        return len(data)


def install(archive, wheel):
    with zipfile.ZipFile(wheel) as packed:
        for member in packed.infolist():
            if member.is_dir():
                continue
            info = tarfile.TarInfo(f"{SITE}/{member.filename}")
            info.size, info.mode, info.mtime = member.file_size, 0o755 if ".so" in member.filename else 0o644, 1_700_000_000
            with packed.open(member) as content:
                archive.addfile(info, content)


def make_layer(fill, blobs):
    """Packed by gzip -6, as Docker does."""
    path = blobs / "unfinished"
    with path.open("wb") as file:
        with subprocess.Popen(["gzip", "-n6"], stdin=subprocess.PIPE, stdout=file) as gzip:
            out = Hashing(gzip.stdin)
            fill(out)
            gzip.stdin.close()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    size = path.stat().st_size
    path.rename(blobs / digest.hexdigest())
    return {"digest": "sha256:" + digest.hexdigest(), "size": size}, "sha256:" + out.hash.hexdigest(), out.size


def fill_from(path):
    def fill(out):
        with open(path, "rb") as file:
            shutil.copyfileobj(file, out, 1 << 20)
    return fill


def fill_with(wheels):
    def fill(out):
        with tarfile.open(fileobj=out, mode="w|") as archive:
            for wheel in wheels:
                install(archive, wheel)
    return fill


def put(blobs, value):
    data = json.dumps(value).encode()
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def make_image(folder, root, groups):
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)
    layers = [make_layer(fill_from(root), blobs)] + [make_layer(fill_with(group), blobs) for group in groups]
    steps = ["debootstrap"] + ["pip install " + " ".join(Path(wheel).name.split("-")[0] for wheel in group) for group in groups]
    config = put(blobs, {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [layer[1] for layer in layers]},
                         "history": [{"created_by": step} for step in steps]})
    manifest = put(blobs, {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                           "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
                           "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **layer[0]} for layer in layers]})
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", **manifest, "annotations": {"org.opencontainers.image.ref.name": "latest"}}]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    print(f"made: {sum(layer[2] for layer in layers) / 1e9:.2f} GB in {len(layers)} layers, {sum(layer[0]['size'] for layer in layers) / 1e9:.2f} GB as stored")


def measured(name, *command):
    began = time.monotonic()
    most = 0
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True) as process:
        said = []
        reader = threading.Thread(target=lambda: said.append(process.stdout.read()))
        reader.start()
        while process.poll() is None:
            try:
                rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
                most = max(most, *(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Anonymous:")))
            except (OSError, TypeError):
                pass
            time.sleep(0.05)
        reader.join()
    seconds = time.monotonic() - began
    print(f"{name}: {seconds:.0f} s, {most / 1024:.0f} MiB of its own, exit {process.returncode}", flush=True)
    return said[0], seconds


def main():
    binary, folder, root, rest = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4:]
    groups = [group.split() for group in " ".join(rest).split(" -- ")]
    image = folder / "image"
    if not image.exists():
        make_image(image, root, groups)
    for name in ["small", "unpacked", "packed"]:
        shutil.rmtree(folder / name, ignore_errors=True)
    os.environ["TMPDIR"] = str(folder)
    said, _ = measured("inspect --gpu 9.0", binary, "inspect", "--gpu", "9.0", f"oci:{image}")
    print("  " + said.splitlines()[0])
    said, carve = measured("carve --gpu 9.0", binary, "carve", f"oci:{image}", "--gpu", "9.0", "-o", f"oci:{folder}/small:sm90")
    print("".join(f"  {line}\n" for line in said.splitlines() if line.startswith(("carved", "layer")) or "digest" in line), end="")
    _, unpack = measured("skopeo copy, unpacking", "skopeo", "--insecure-policy", "copy", "-q", "--dest-decompress", f"oci:{image}", f"dir:{folder}/unpacked")
    _, pack = measured("skopeo copy, packing", "skopeo", "--insecure-policy", "copy", "-q", f"dir:{folder}/unpacked", f"oci:{folder}/packed:x")
    print(f"carve takes {carve / (unpack + pack):.2f} of the time of both copies, {carve / pack:.2f} of that of the packing one")
    shutil.rmtree(folder / "unpacked")
    shutil.rmtree(folder / "packed")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""torchlathe-VERSION-MACHINE-oci.tar: an image in the layout of the Open Container Initiative, for `podman load -i` or `skopeo copy
oci-archive:`. It holds the program, the C library that it needs, and nothing else: no shell."""
import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
from datetime import datetime, timezone
from pathlib import Path

from contents import File, epoch, licences, packed, root, stripped, summary, tar, version

architectures = {"x86_64": "amd64", "aarch64": "arm64"}
json_type, layer_type = "application/vnd.oci.image.{}.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"


def c_library(build):
    """{path in the image: file}: the loader and what it loads for the program, as this machine has them."""
    if build.machine != os.uname().machine:
        folder = Path(f"/usr/{build.machine}-linux-gnu/lib")
        loader = {"aarch64": "lib/ld-linux-aarch64.so.1"}[build.machine]
        return {loader: folder / Path(loader).name, **{f"lib/{name}": folder / name for name in ("libc.so.6", "libm.so.6", "libdl.so.2")}}
    said = subprocess.run(["ldd", build.program], stdout=subprocess.PIPE, text=True, check=True).stdout
    # NVIDIA's driver library is loaded by name, and asks for the two that are empty today.
    found = [Path(path) for path in re.findall(r"(/\S+) \(0x", said)]
    found += [found[0].parent / name for name in ("libdl.so.2", "libpthread.so.0", "librt.so.1") if (found[0].parent / name).exists()]
    return {str(path).lstrip("/"): path for path in found}


def layer(build):
    files = {"usr/bin/torchlathe": File(stripped(build.program, build.machine), 0o755),
             "etc/passwd": File(b"root:x:0:0:root:/:/sbin/nologin\n"),
             "usr/share/doc/torchlathe/LICENSE": File((root / "LICENSE").read_bytes()),
             "usr/share/doc/libc6/copyright": File(Path("/usr/share/doc/libc6/copyright").read_bytes()),
             "tmp/.keep": File(b"")}
    files |= {f"usr/share/doc/torchlathe/licenses/{name.replace(' ', '-')}.txt": File(text) for name, text in licences().items()}
    files |= {name: File(path.resolve().read_bytes(), 0o755) for name, path in c_library(build).items()}
    return files


def blob(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def image(build):
    unpacked = tar(layer(build))
    compressed = packed(unpacked)
    created = datetime.fromtimestamp(epoch(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {"org.opencontainers.image.title": "torchlathe", "org.opencontainers.image.description": summary,
              "org.opencontainers.image.version": version(), "org.opencontainers.image.licenses": "MIT"}
    config = json.dumps({"created": created, "architecture": architectures[build.machine], "os": "linux",
                         "config": {"Entrypoint": ["/usr/bin/torchlathe"], "Cmd": ["--help"], "WorkingDir": "/work", "Labels": labels,
                                    "Env": ["PATH=/usr/bin", "HOME=/tmp"]},
                         "rootfs": {"type": "layers", "diff_ids": [blob(unpacked)]},
                         "history": [{"created": created, "created_by": "packaging/oci.py"}]}, sort_keys=True).encode()
    manifest = json.dumps({"schemaVersion": 2, "mediaType": json_type.format("manifest"), "config": described(config, json_type.format("config")),
                           "layers": [described(compressed, layer_type)], "annotations": labels}, sort_keys=True).encode()
    index = json.dumps({"schemaVersion": 2, "mediaType": json_type.format("index"),
                        "manifests": [described(manifest, json_type.format("manifest")) | {
                            "platform": {"architecture": architectures[build.machine], "os": "linux"},
                            "annotations": {"org.opencontainers.image.ref.name": f"torchlathe:{version()}"}}]}, sort_keys=True).encode()
    files = {f"blobs/sha256/{blob(data)[7:]}": File(data) for data in (config, manifest, compressed)}
    files |= {"index.json": File(index), "oci-layout": File(b'{"imageLayoutVersion":"1.0.0"}')}
    return f"torchlathe-{version()}-{build.machine}-oci.tar", tar(files)


def described(data, kind):
    return {"mediaType": kind, "digest": blob(data), "size": len(data)}


def unpacked_rootfs(archive, folder):
    """The layers of an image, one over the other, each checked against its digest."""
    with tarfile.open(archive) as outer:
        def take(descriptor):
            data = outer.extractfile(f"blobs/sha256/{descriptor['digest'][7:]}").read()
            assert blob(data) == descriptor["digest"] and len(data) == descriptor["size"], descriptor
            return data

        manifest = json.loads(take(json.load(outer.extractfile("index.json"))["manifests"][0]))
        config = json.loads(take(manifest["config"]))
        for descriptor, wanted in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
            data = gzip.decompress(take(descriptor))
            assert blob(data) == wanted, "a layer is not what the configuration says"
            with tarfile.open(fileobj=io.BytesIO(data)) as inner:
                inner.extractall(folder)
    return config

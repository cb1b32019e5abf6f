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

from contents import File, epoch, licences, owner, packed, root, stripped, summary, tar, version

architectures = {"x86_64": "amd64", "aarch64": "arm64"}
media_type = "application/vnd.oci.image."
# NVIDIA's driver library, which is loaded by name, asks for these two, empty since glibc 2.34; and for what the program may not need.
for_driver = ["libdl.so.2", "libpthread.so.0", "libm.so.6", "librt.so.1"]


def c_library(build):
    """{path in the image: file}: the loader and what it loads, as this machine has them."""
    if build.machine != os.uname().machine:
        folder = Path(f"/usr/{build.machine}-linux-gnu/lib")
        return {f"lib/{name}": folder / name for name in ("ld-linux-aarch64.so.1", "libc.so.6", *for_driver)}
    said = subprocess.run(["ldd", build.program], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = [Path(path) for path in re.findall(r"(/\S+) \(0x", said)]
    beside = next(path.parent for path in found if path.name == "libc.so.6")
    return {str(path).lstrip("/"): path for path in [*found, *(beside / name for name in for_driver)]}


def layer(build):
    documents = "usr/share/doc/torchlathe"
    files = {"usr/bin/torchlathe": File(stripped(build.program, build.machine), 0o755),
             "etc/passwd": File(b"root:x:0:0:root:/:/sbin/nologin\n"),
             "tmp/.keep": File(b""),
             f"{documents}/LICENSE": File((root / "LICENSE").read_bytes()),
             "usr/share/doc/libc6/copyright": File(Path("/usr/share/doc/libc6/copyright").read_bytes())}
    files |= {f"{documents}/licenses/{name.replace(' ', '-')}.txt": File(text) for name, text in licences().items()}
    files |= {name: File(path.resolve().read_bytes(), 0o755) for name, path in c_library(build).items()}
    return files


def digest(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def described(data, kind):
    return {"mediaType": media_type + kind, "digest": digest(data), "size": len(data)}


def encoded(value):
    return json.dumps(value, sort_keys=True).encode()


def labels():
    told = {"title": "torchlathe", "description": summary, "version": version(), "licenses": "MIT", "url": owner()["url"]}
    return {f"org.opencontainers.image.{key}": value for key, value in told.items()}


def config(build, unpacked_layer):
    created = datetime.fromtimestamp(epoch(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    run = {"Entrypoint": ["/usr/bin/torchlathe"], "Cmd": ["--help"], "WorkingDir": "/data", "Labels": labels(),
           "Env": ["PATH=/usr/bin", "HOME=/tmp"]}
    return encoded({"created": created, "architecture": architectures[build.machine], "os": "linux", "config": run,
                    "rootfs": {"type": "layers", "diff_ids": [digest(unpacked_layer)]},
                    "history": [{"created": created, "created_by": "packaging/oci.py"}]})


def manifest(configuration, packed_layer):
    return encoded({"schemaVersion": 2, "mediaType": media_type + "manifest.v1+json", "annotations": labels(),
                    "config": described(configuration, "config.v1+json"), "layers": [described(packed_layer, "layer.v1.tar+gzip")]})


def index(build, image_manifest):
    entry = described(image_manifest, "manifest.v1+json") | {
        "platform": {"architecture": architectures[build.machine], "os": "linux"},
        "annotations": {"org.opencontainers.image.ref.name": f"torchlathe:{version()}"}}
    return encoded({"schemaVersion": 2, "mediaType": media_type + "index.v1+json", "manifests": [entry]})


def name(machine):
    return f"torchlathe-{version()}-{machine}-oci.tar"


def image(build):
    unpacked_layer = tar(layer(build))
    packed_layer = packed(unpacked_layer)
    configuration = config(build, unpacked_layer)
    image_manifest = manifest(configuration, packed_layer)
    files = {f"blobs/sha256/{digest(data)[7:]}": File(data) for data in (configuration, image_manifest, packed_layer)}
    files |= {"index.json": File(index(build, image_manifest)), "oci-layout": File(b'{"imageLayoutVersion":"1.0.0"}')}
    return name(build.machine), tar(files)


def unpacked(archive, folder):
    """Layer over layer into `folder`, each held against its digest; what the image's configuration says."""
    with tarfile.open(archive) as outer:
        def take(descriptor):
            data = outer.extractfile(f"blobs/sha256/{descriptor['digest'][7:]}").read()
            assert digest(data) == descriptor["digest"] and len(data) == descriptor["size"], descriptor
            return data

        told = json.loads(take(json.load(outer.extractfile("index.json"))["manifests"][0]))
        configuration = json.loads(take(told["config"]))
        for descriptor, wanted in zip(told["layers"], configuration["rootfs"]["diff_ids"], strict=True):
            data = gzip.decompress(take(descriptor))
            assert digest(data) == wanted, "a layer is not what the configuration says"
            with tarfile.open(fileobj=io.BytesIO(data)) as inner:
                inner.extractall(folder)
    return configuration

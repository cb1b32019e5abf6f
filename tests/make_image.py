#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes container images byte by byte, with all that a tar archive can hold: nothing of it comes from a tool of images.

  make_image.py OUTPUT [--form oci|oci-archive|docker] [--packing gzip|tar|zstd] [--case NAME] [--tag TAG]

The image has five layers: a system, fat libraries of two Python packages with their RECORDs, one of them in a later layer, odd entries
(PAX names and attributes, hard links, devices; with `--case sparse` what umoci
does not know), and one that deletes and replaces. `--case` breaks it in one way.
"""
import argparse
import base64
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SITE = "usr/lib/python3/site-packages"


def octal(number, length):
    return b"%0*o\0" % (length - 1, number)


def header(name, size=0, type_=b"0", mode=0o644, link="", uid=0, gid=0, time=1_600_000_000, user="root", magic=b"ustar\x0000", device=(0, 0), tail=b""):
    name, link = (text if isinstance(text, bytes) else text.encode() for text in (name, link))
    body = name[:100].ljust(100, b"\0") + octal(mode, 8) + octal(uid, 8) + octal(gid, 8)
    body += (octal(size, 12) if size < 1 << 33 else b"\x80" + size.to_bytes(11, "big")) + octal(time, 12) + b" " * 8 + type_
    body += link[:100].ljust(100, b"\0") + magic + user.encode().ljust(32, b"\0") * 2 + octal(device[0], 8) + octal(device[1], 8)
    body = (body + tail).ljust(512, b"\0")
    return body[:148] + b"%06o\0 " % sum(body) + body[156:]


def padded(data):
    return data + bytes(-len(data) % 512)


def pax_record(key, value):
    value = value if isinstance(value, bytes) else value.encode()
    rest = len(key) + len(value) + 3
    length = rest + 1
    while rest + len(str(length)) != length:
        length += 1
    return b"%d %s=%s\n" % (length, key.encode(), value)


def pax(records, type_=b"x"):
    body = b"".join(pax_record(key, value) for key, value in records.items())
    return header("PaxHeaders/x", len(body), type_) + padded(body)


def file(name, data=b"", **more):
    records = more.pop("records", {})
    if len(name) > 100:
        records = {"path": name, **records}
    return (pax(records) if records else b"") + header(name, len(data), **more) + padded(data)


def gnu_file(name, data):
    text = name.encode() + b"\0"
    return header("././@LongLink", len(text), b"L", magic=b"ustar  \0") + padded(text) + header(name, len(data), magic=b"ustar  \0") + padded(data)


def folder(name, **more):
    return header(name + "/", type_=b"5", mode=0o755, **more)


def sparse(name):
    """Two pieces of a file of 1 MiB, in GNU's old form."""
    pieces = [(0, 512), (1 << 19, 512), (1 << 20, 0)]
    tail = bytes(41) + b"".join(octal(number, 12) for piece in pieces for number in piece)
    tail = tail.ljust(41 + 96, b"\0") + b"\0" + octal(1 << 20, 12)
    return header(name, 1024, b"S", magic=b"ustar  \0", tail=tail) + b"a" * 512 + b"b" * 512


def library(*arguments):
    with tempfile.TemporaryDirectory() as place:
        out = Path(place, "out.so")
        subprocess.run([sys.executable, HERE / "fat_library.py", out, *arguments], check=True)
        return out.read_bytes()


def record_line(name, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def record(stem, files):
    text = "".join(record_line(name, data) for name, data in files.items()) + f"{stem}.dist-info/RECORD,,\n"
    return text.encode()


def layers(case):
    fat = library("sm_80=90000,sm_90=90000", "sm_80=50000,sm_90=50000,compute_90=9000")
    other = library("sm_80=120000,sm_90=60000")
    plain = library()
    deep = "/".join(["a-rather-long-name-of-a-folder"] * 5)
    system = folder("usr") + folder("usr/lib") + file("usr/lib/libplain.so", plain, mode=0o755) + file("etc/hostname", b"box\n")
    system += header("usr/bin", type_=b"2", link="lib") + header("dev/null", type_=b"3", mode=0o666, device=(1, 3)) + header("run/pipe", type_=b"6")
    system += file("etc/gone", b"gone later\n") + file("opt/kit/libold.so", other) + file("opt/kit/notes", b"x")
    one = folder(SITE) + file(f"{SITE}/one/lib/libone.so", fat, mode=0o755, uid=1000, gid=1000, records={"SCHILY.xattr.user.note": b"kept \x00\xff", "mtime": "1600000000.5"})
    one += file(f"{SITE}/one/__init__.py", b"") + header(f"{SITE}/one/lib/libone.so.1", type_=b"1", link=f"{SITE}/one/lib/libone.so")
    one += file(f"{SITE}/one-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
    one += file(f"{SITE}/one-1.0.dist-info/RECORD", record("one-1.0", {"one/lib/libone.so": fat, "one/lib/libone.so.1": fat, "one/__init__.py": b""}))
    two = file(f"{SITE}/two/libtwo.so", other, records={"size": str(len(other))}) + file(f"opt/{deep}/libone.so", fat) + gnu_file(f"srv/{deep}/data", b"long")
    odd = sparse("var/sparse") + pax({"comment": "for all"}, b"g") if case == "sparse" else b""
    odd += file("var/\u00fcml\u00e4ut", b"u", records={"path": "var/\u00fcml\u00e4ut"})
    odd += file(f"{SITE}/two-2.0.dist-info/RECORD", record("two-2.0", {"two/libtwo.so": other, "../../../../opt/kit/libold.so": other}))
    last = file("etc/.wh.gone", b"") + file("opt/kit/.wh..wh..opq", b"") + file("opt/kit/libnew.so", other) + file("usr/lib/libplain.so", plain + b"\0", mode=0o755)
    if case == "traversal":
        last += file("../../etc/passwd", b"x")
    if case == "bomb":
        last += header("x", 1 << 40)
    if case == "pax-bomb":
        last += header("PaxHeaders/x", 1 << 30, b"x")
    if case == "two-names":
        last += pax({"path": "a"}) + header("././@LongLink", 2, b"L") + padded(b"b\0") + file("c", b"")
    if case == "lying-size":
        last += pax({"size": "99999999999999999999999"}) + header("x", 1) + padded(b"y")
    if case == "two-records":
        last += file(f"{SITE}/one-1.0.dist-info/RECORD", record("one-1.0", {"one/lib/libone.so": fat}))
    if case == "case-clash":
        last += file("opt/kit/LibNew.so", fat)
    ends = bytes(1024)
    return [part + ends for part in (system, one, two, odd, last)]


def pack(data, how):
    if how == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Image:
    def __init__(self, parts, packing, architecture="amd64"):
        self.parts = parts
        self.blobs = {}
        ending = {"gzip": "+gzip", "zstd": "+zstd", "tar": ""}[packing]
        packed = [pack(part, packing) for part in parts]
        steps = [{"created": "2020-01-01T00:00:00Z", "created_by": f"/bin/sh -c step {i + 1}"} for i in range(len(parts))]
        steps.insert(1, {"created": "2020-01-01T00:00:00Z", "created_by": "ENV A=B", "empty_layer": True})
        self.config = {"created": "2020-01-01T00:00:00Z", "architecture": architecture, "os": "linux",
                       "config": {"Env": ["PATH=/usr/bin"], "Cmd": ["/bin/sh"], "Labels": {"maintainer": "nobody"}},
                       "rootfs": {"type": "layers", "diff_ids": [digest(part) for part in parts]}, "history": steps}
        config = self.put(json.dumps(self.config).encode())
        self.manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                         "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
                         "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar" + ending, **self.put(part)} for part in packed]}
        self.descriptor = {"mediaType": "application/vnd.oci.image.manifest.v1+json", **self.put(json.dumps(self.manifest).encode()),
                           "platform": {"architecture": architecture, "os": "linux"}}

    def put(self, data):
        self.blobs[digest(data)[7:]] = data
        return {"digest": digest(data), "size": len(data)}


def oci_files(images, tag, case=""):
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
    for image in images:
        files.update({f"blobs/sha256/{name}": data for name, data in image.blobs.items()})
    descriptors = [image.descriptor for image in images]
    if len(images) > 1:
        index = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": descriptors}).encode()
        files["blobs/sha256/" + digest(index)[7:]] = index
        descriptors = [{"mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest(index), "size": len(index)}]
    for descriptor in descriptors:
        descriptor["annotations"] = {"org.opencontainers.image.ref.name": tag}
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": descriptors}).encode()
    first = images[0].manifest["layers"][1]["digest"][7:]
    if case == "bad-digest":
        files[f"blobs/sha256/{first}"] = files[f"blobs/sha256/{first}"][:-1] + b"x"
    if case == "missing":
        del files[f"blobs/sha256/{first}"]
    if case == "cut":
        files[f"blobs/sha256/{first}"] = files[f"blobs/sha256/{first}"][:-100]
    return files


def docker_files(image, tag):
    """The layout before version 25: a folder with layer.tar for each layer."""
    config = json.dumps(image.config).encode()
    files, names = {}, []
    for i, part in enumerate(image.parts):
        files[f"{i:064x}/layer.tar"] = part
        files[f"{i:064x}/VERSION"] = b"1.0"
        names.append(f"{i:064x}/layer.tar")
    files[digest(config)[7:] + ".json"] = config
    files["manifest.json"] = json.dumps([{"Config": digest(config)[7:] + ".json", "RepoTags": [f"made:{tag}"], "Layers": names}]).encode()
    return files


def as_archive(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def make(output, form="oci", packing="gzip", case="", tag="latest"):
    parts = layers(case)
    image = Image(parts, packing)
    images = [image]
    if case == "platforms":
        images.append(Image([parts[0], parts[2]], packing, "arm64"))
    if form == "docker":
        Path(output).write_bytes(as_archive(docker_files(image, tag)))
        return
    files = oci_files(images, tag, case)
    if form == "oci-archive":
        Path(output).write_bytes(as_archive(files))
        return
    for name, data in files.items():
        Path(output, name).parent.mkdir(parents=True, exist_ok=True)
        Path(output, name).write_bytes(data)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("output")
    parser.add_argument("--form", choices=["oci", "oci-archive", "docker"], default="oci")
    parser.add_argument("--packing", choices=["gzip", "tar", "zstd"], default="gzip")
    parser.add_argument("--case", default="")
    parser.add_argument("--tag", default="latest")
    options = parser.parse_args()
    make(options.output, options.form, options.packing, options.case, options.tag)


if __name__ == "__main__":
    main()

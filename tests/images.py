#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Container images, read and carved, and held against other readers: skopeo, umoci, buildah and Python's own tarfile.

  images.py BINARY [KILLS]

Images are made by make_image.py. Where one of Debian's skopeo, umoci and buildah is missing, what needs it is named and left out; all else is checked
without them.
"""
import base64
import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import make_image

BINARY = os.path.abspath(sys.argv[1])
LOOSE = ("sm_120-cuda12.8.cubin", "sm_100a-cuda12.9.cubin")
lacking = set()


def run(*command, code=0, **more):
    result = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    assert result.returncode == code, f"{command}: {result.returncode}\n{result.stdout}"
    return result.stdout


def has(tool):
    if shutil.which(tool):
        return True
    lacking.add(tool)
    return False


def carve(source, to, *more, code=0):
    return run(BINARY, "carve", source, "--gpu", "9.0", "-o", to, *more, code=code)


def blob(folder, digest):
    return (Path(folder) / "blobs/sha256" / digest[7:]).read_bytes()


class Read:
    """An OCI layout, by nothing of ours."""

    def __init__(self, folder):
        self.folder = folder
        for path in Path(folder, "blobs/sha256").iterdir():
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name, path
        self.index = json.loads(Path(folder, "index.json").read_text())
        self.descriptor = self.index["manifests"][0]
        self.manifest = json.loads(blob(folder, self.descriptor["digest"]))
        self.config = json.loads(blob(folder, self.manifest["config"]["digest"]))
        for layer in [self.descriptor, self.manifest["config"], *self.manifest["layers"]]:
            assert len(blob(folder, layer["digest"])) == layer["size"]

    def layer(self, i):
        data = blob(self.folder, self.manifest["layers"][i]["digest"])
        if data[:2] == b"\x1f\x8b":
            data = subprocess.run(["gzip", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout
        elif data[:4] == b"\x28\xb5\x2f\xfd":
            data = subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout
        assert "sha256:" + hashlib.sha256(data).hexdigest() == self.config["rootfs"]["diff_ids"][i]
        return data


def members(layer):
    """Name, all that its headers say, content."""
    import io
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        for info in archive:
            said = (info.name, info.type, info.mode, info.uid, info.gid, info.mtime, info.linkname, info.uname, info.devmajor, info.devminor,
                    {key: value for key, value in info.pax_headers.items() if key != "size"})
            yield said, archive.extractfile(info).read() if info.isreg() and not info.issparse() else b""


def expect_same_but_carved(old, new):
    """Every entry in its place with all its attributes; only libraries and RECORDs have another content. Returns what changed."""
    changed = []
    for i in range(len(old.manifest["layers"])):
        before, after = list(members(old.layer(i))), list(members(new.layer(i)))
        assert [said for said, _ in before] == [said for said, _ in after], i
        here = [said[0] for (said, was), (_, now) in zip(before, after) if was != now]
        assert bool(here) == (old.manifest["layers"][i]["digest"] != new.manifest["layers"][i]["digest"]), (i, here)
        changed += here
    assert all(".so" in name or name.endswith("RECORD") for name in changed), changed
    return changed


def rootfs(image):
    """The files that a container sees, by Python's tarfile."""
    seen = {}
    for i in range(len(image.manifest["layers"])):
        entries = list(members(image.layer(i)))
        for (name, *_), _ in entries:
            folder, _, last = name.rpartition("/")
            if last == ".wh..wh..opq":
                seen = {path: data for path, data in seen.items() if not path.startswith(folder + "/")}
            elif last.startswith(".wh."):
                seen.pop(f"{folder}/{last[4:]}", None)
        for (name, kind, _, _, _, _, link, *_), data in entries:
            if kind == tarfile.REGTYPE and "/.wh." not in "/" + name:
                seen[name] = data
            if kind == tarfile.LNKTYPE:
                seen[name] = seen[link]
    return seen


def expect_true_records(files):
    records = [name for name in files if name.endswith(".dist-info/RECORD")]
    for name in records:
        base = os.path.dirname(os.path.dirname(name))
        for path, digest, size in csv.reader(files[name].decode().splitlines()):
            if not digest:
                continue
            data = files.get(os.path.normpath(f"{base}/{path}"))
            if data is None:
                continue  # a later layer deletes it: that was so before
            assert digest == "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode(), path
            assert int(size) == len(data), path
    return len(records)


def write_image(place, layers):
    for name, data in make_image.oci_files([make_image.Image(layers, "gzip")], "latest").items():
        Path(place, name).parent.mkdir(parents=True, exist_ok=True)
        Path(place, name).write_bytes(data)


def check_every_form(folder):
    for packing in ["gzip", "tar"] + (["zstd"] if has("zstd") else []):
        source, to = f"{folder}/{packing}", f"{folder}/{packing}-new"
        make_image.make(source, packing=packing)
        carve(f"oci:{source}:latest", f"oci:{to}:small")
        old, new = Read(source), Read(to)
        changed = expect_same_but_carved(old, new)
        assert len(changed) == 7, changed
        assert expect_true_records(rootfs(new)) == 2
        assert new.descriptor["annotations"]["org.opencontainers.image.ref.name"] == "small"
        assert new.manifest["annotations"]["org.opencontainers.image.base.digest"] == old.descriptor["digest"]
        assert new.config["config"]["Labels"]["torchlathe.carve.gpus"] == "9.0"
        assert new.config["history"] == old.config["history"] and new.config["created"] == old.config["created"]
        carve(f"oci:{source}:latest", f"oci:{to}-again:small")
        assert Path(to, "index.json").read_bytes() == Path(f"{to}-again", "index.json").read_bytes()
        run(BINARY, "inspect", "--gpu", "9.0", f"oci:{to}:small")
        # a second time there is nothing to drop: the image stays what it is
        carve(f"oci:{to}:small", f"oci:{to}-third")
        assert Read(f"{to}-third").descriptor["digest"] == new.descriptor["digest"]


def check_unchanged_layers(folder):
    """Layers without a library keep their bytes."""
    source, to = f"{folder}/plain", f"{folder}/plain-new"
    parts = make_image.layers("")
    write_image(source, [parts[1], make_image.file("etc/x", b"y" * 70000) + bytes(1024), parts[2]])
    said = json.loads(carve(f"oci:{source}", f"oci:{to}", "-f", "json"))
    old, new = Read(source), Read(to)
    kept = [a["digest"] == b["digest"] for a, b in zip(old.manifest["layers"], new.manifest["layers"])]
    assert kept == [False, True, False], kept
    assert [layer["digest_before"] == layer["digest_after"] for layer in said["layers"]] == kept


def check_merged(folder):
    """What no container sees goes where that is asked for; what a container sees is the same."""
    source, to = f"{folder}/gzip", f"{folder}/merged"
    told = carve(f"oci:{source}:latest", f"oci:{to}:small", "--merge-duplicates")
    assert "4 files that no container sees, " in told and "[layer 1]" not in told, told
    old, new = Read(source), Read(to)
    gone = [{said[0] for said, _ in members(old.layer(i))} - {said[0] for said, _ in members(new.layer(i))} for i in range(5)]
    assert gone == [{"usr/lib/libplain.so", "etc/gone", "opt/kit/libold.so", "opt/kit/notes"}, set(), set(), set(), set()], gone
    assert rootfs(new) == rootfs(Read(f"{folder}/gzip-new")) and expect_true_records(rootfs(new)) == 2
    assert json.loads(run(BINARY, "inspect", "-f", "json", f"oci:{to}"))["images"][0]["layers"][0]["hidden_bytes"] == 0
    said = json.loads(carve(f"oci:{source}:latest", f"oci:{folder}/merged-json", "--merge-duplicates", "-f", "json"))
    assert said["merged"]["files"] == 4, said["merged"]
    if has("umoci"):
        run("umoci", "unpack", *([] if os.geteuid() == 0 else ["--rootless"]), "--image", f"{to}:small", f"{to}-tree")
        seen = {str(path.relative_to(f"{to}-tree/rootfs")) for path in Path(f"{to}-tree/rootfs").rglob("*") if path.is_file() and not path.is_symlink()}
        assert seen == set(rootfs(new)), seen ^ set(rootfs(new))
    # a file that is hidden under one name and seen under another stays
    layers = [make_image.file("a/old", b"x" * 9) + bytes(1024), make_image.header("a/new", type_=b"1", link="a/old") + make_image.file("a/.wh.old") + bytes(1024)]
    write_image(f"{folder}/linked", layers)
    assert "no container sees" not in carve(f"oci:{folder}/linked", f"oci:{folder}/linked-new", "--merge-duplicates")
    assert [said[0] for said, _ in members(Read(f"{folder}/linked-new").layer(0))] == ["a/old"]
    carve(f"{folder}/gzip", f"{folder}/none", "--merge-duplicates", "--in-place", code=2)
    assert "only a container image" in carve(folder, f"{folder}/none", "--merge-duplicates", code=2)


def check_loose_over_loose(folder):
    """Code for another GPU than 12.0 goes; but where it covers a file of a lower layer it stays, and is not told as gone."""
    cubins = {name: (Path(__file__).parent / "cubins" / name).read_bytes() for name in LOOSE}
    lower, upper = (make_image.file("k/a.cubin", cubins[name]) for name in LOOSE)
    write_image(f"{folder}/loose", [lower + bytes(1024), upper + make_image.file("k/b.cubin", cubins[LOOSE[1]]) + bytes(1024)])
    said = json.loads(run(BINARY, "carve", f"oci:{folder}/loose", "--gpu", "12.0", "-o", f"oci:{folder}/loose-new", "-f", "json"))
    assert said["loose_dropped"]["files"] == 1, said["loose_dropped"]
    assert rootfs(Read(f"{folder}/loose-new")) == {"k/a.cubin": cubins[LOOSE[1]]}


def check_archives(folder):
    make_image.make(f"{folder}/a.tar", form="oci-archive")
    make_image.make(f"{folder}/d.tar", form="docker")
    carve(f"{folder}/a.tar", f"{folder}/a-new.tar")
    carve(f"docker-archive:{folder}/d.tar:made:latest", f"docker-archive:{folder}/d-new.tar:made:small")
    for name in ["a", "d"]:
        with tarfile.open(f"{folder}/{name}-new.tar") as archive:
            archive.extractall(f"{folder}/{name}-layout")
        new = Read(f"{folder}/{name}-layout")
        assert expect_true_records(rootfs(new)) == 2
    listed = json.loads(Path(f"{folder}/d-layout/manifest.json").read_text())
    assert listed[0]["RepoTags"] == ["made:small"] and len(listed[0]["Layers"]) == 5
    if has("skopeo"):
        for source in [f"oci-archive:{folder}/a-new.tar", f"docker-archive:{folder}/d-new.tar"]:
            run("skopeo", "--insecure-policy", "copy", "-q", source, f"oci:{folder}/copied-{source[:3]}")
            assert expect_true_records(rootfs(Read(f"{folder}/copied-{source[:3]}"))) == 2


def check_with_others(folder):
    source, to = f"{folder}/gzip", f"{folder}/gzip-new"
    if has("skopeo"):
        run("skopeo", "--insecure-policy", "copy", "-q", f"oci:{to}:small", f"dir:{folder}/copy")
        said = json.loads(run("skopeo", "inspect", f"oci:{to}:small"))
        assert said["Digest"] == Read(to).descriptor["digest"]
    if has("umoci"):
        for place, tag in [(source, "latest"), (to, "small")]:
            run("umoci", "unpack", *([] if os.geteuid() == 0 else ["--rootless"]), "--image", f"{place}:{tag}", f"{place}-tree")
        before, after = Path(f"{source}-tree/rootfs"), Path(f"{to}-tree/rootfs")
        differ = []
        for path in sorted(before.rglob("*")):
            other = after / path.relative_to(before)
            a, b = path.lstat(), other.lstat()
            assert (a.st_mode, a.st_uid, a.st_gid, a.st_nlink) == (b.st_mode, b.st_uid, b.st_gid, b.st_nlink), path
            if path.is_file() and not path.is_symlink():
                assert a.st_mtime_ns == b.st_mtime_ns, path
                if path.read_bytes() != other.read_bytes():
                    differ.append(str(path.relative_to(before)))
        assert len(list(before.rglob("*"))) == len(list(after.rglob("*")))
        assert len(differ) == 7 and all(".so" in name or name.endswith("RECORD") for name in differ), differ


def check_buildah(folder):
    """A container of the new image, as buildah makes it. Its storage needs root."""
    if not has("buildah") or os.geteuid() != 0:
        return
    buildah = ["buildah", "--root", f"{folder}/storage", "--runroot", f"{folder}/running", "--storage-driver", "vfs"]
    name = run(*buildah, "from", "-q", f"oci:{folder}/gzip-new:small").split()[-1]
    root = Path(run(*buildah, "mount", name).split()[-1])
    seen = rootfs(Read(f"{folder}/gzip-new"))
    for path, data in seen.items():
        assert (root / path).read_bytes() == data, path
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and not path.is_symlink()}
    assert found == set(seen), found ^ set(seen)
    run(*buildah, "rm", name)


def check_platforms(folder):
    make_image.make(f"{folder}/two", case="platforms")
    arm = json.loads(run(BINARY, "inspect", "-f", "json", "--platform", "linux/arm64", f"oci:{folder}/two", code=0))
    assert arm["images"][0]["platforms_read"] == ["linux/arm64"] and len(arm["images"][0]["layers"]) == 2
    carve(f"oci:{folder}/two", f"oci:{folder}/two-new", "--platform", "all")
    index = json.loads(Path(folder, "two-new/index.json").read_text())["manifests"][0]
    inner = json.loads(blob(f"{folder}/two-new", index["digest"]))
    assert [entry["platform"]["architecture"] for entry in inner["manifests"]] == ["amd64", "arm64"]
    carve(f"oci:{folder}/two", f"oci:{folder}/none", "--platform", "linux/s390x", code=2)


def check_hostile(folder):
    for case in ["traversal", "bomb", "pax-bomb", "two-names", "lying-size", "bad-digest", "missing", "cut"]:
        make_image.make(f"{folder}/{case}", case=case)
        said = carve(f"oci:{folder}/{case}", f"oci:{folder}/{case}-new", code=2)
        assert "torchlathe: " in said and not os.path.exists(f"{folder}/{case}-new"), said
        print(f"{case}: {said.splitlines()[0]}".replace(folder, "..."))
    for case in ["two-records", "case-clash", "sparse"]:
        make_image.make(f"{folder}/{case}", case=case)
        carve(f"oci:{folder}/{case}", f"oci:{folder}/{case}-new")
        assert expect_true_records(rootfs(Read(f"{folder}/{case}-new"))) == 2
    said = run(BINARY, "inspect", "--gpu", "9.0", f"oci:{folder}/sparse-new", code=1)
    assert "var/sparse: not read" in said, said


def check_kills(folder, count=int(sys.argv[2]) if len(sys.argv) > 2 else 40):
    """Killed at any moment: nothing, or the whole image; and the next run succeeds and leaves nothing behind."""
    source = f"oci:{folder}/gzip:latest"
    began = time.monotonic()
    carve(source, f"oci:{folder}/timed")
    whole = time.monotonic() - began
    temporary = f"{folder}/temporary"
    os.mkdir(temporary)
    seen = {True: 0, False: 0}
    for i in range(count):
        to = f"{folder}/kill-{i}"
        with subprocess.Popen([BINARY, "carve", source, "--gpu", "9.0", "-o", f"oci:{to}:small"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": temporary}) as process:
            time.sleep(whole * 1.2 * i / count)
            process.send_signal(signal.SIGKILL)
        seen[os.path.exists(to)] += 1
        if os.path.exists(to):
            Read(to)
    run(BINARY, "carve", source, "--gpu", "9.0", "-o", f"oci:{folder}/kill-last", env={**os.environ, "TMPDIR": temporary})
    Read(f"{folder}/kill-last")
    assert os.listdir(temporary) == [], os.listdir(temporary)
    print(f"killed {count} times: {seen[True]} whole, {seen[False]} nothing")


def check_many(folder, count=100_000):
    """A layer of many files: time and memory."""
    data = b"".join(make_image.file(f"many/{i // 1000}/{i}") for i in range(count)) + bytes(1024)
    write_image(f"{folder}/many", [data, make_image.layers("")[1]])
    began = time.monotonic()
    carve(f"oci:{folder}/many", f"oci:{folder}/many-new")
    print(f"{count} files in a layer: {time.monotonic() - began:.1f} s")


def main():
    with tempfile.TemporaryDirectory(prefix="lathe-images-") as folder:
        for check in [check_every_form, check_unchanged_layers, check_merged, check_loose_over_loose, check_archives, check_with_others, check_buildah, check_platforms, check_hostile, check_kills,
                      check_many]:
            check(folder)
            print(check.__name__[6:].replace("_", " "), "ok", flush=True)
    if lacking:
        print("left out, for want of:", *sorted(lacking))


if __name__ == "__main__":
    main()

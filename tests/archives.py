#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Archives and conda packages, carved and held against other readers: Python's tarfile and zipfile, Nix, conda's own and rattler's.

  archives.py BINARY

conda_package_streaming and rattler (py-rattler) of the Python index are used where they can be imported, nix-store where it is; what lacks is said.
The packages are made byte by byte, by the published rules (make_conda.py).
"""
import asyncio
import bz2
import gzip
import hashlib
import importlib.util
import io
import json
import lzma
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

import make_image
import small_wheel
from make_conda import make_conda
from make_image import file, folder, header, library, pax

BINARY = os.path.abspath(sys.argv[1])
END = bytes(1024)
PACKINGS = {"": lambda data: data, ".gz": lambda data: gzip.compress(data, mtime=0), ".bz2": bz2.compress, ".xz": lzma.compress,
            ".zst": lambda data: make_image.pack(data, "zstd")}
lacking = set()


def run(*command, code=0, **more):
    result = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    assert result.returncode == code, f"{command}: {result.returncode}\n{result.stdout}"
    return result.stdout


def carve(source, to, *more, code=0):
    return run(BINARY, "carve", source, "--gpu", "9.0", "-o", to, *more, code=code)


def has(module):
    if importlib.util.find_spec(module):
        return True
    lacking.add(module)
    return False


def unpacked(path):
    data = Path(path).read_bytes()
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout
    for magic, how in ((b"\x1f\x8b", gzip), (b"BZh", bz2), (b"\xfd7zXZ", lzma)):
        if data.startswith(magic):
            return how.decompress(data)
    return data


def members(data):
    """Name, all that its headers say, content."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [((one.name, one.type, one.mode, one.uid, one.gid, one.mtime, one.linkname, one.uname, one.devmajor, tuple(sorted(one.pax_headers.items()))),
                 archive.extractfile(one).read() if one.isreg() else b"") for one in archive]


def sha(data):
    return hashlib.sha256(data).hexdigest()


FAT = library("sm_80=90000,sm_90=90000", "sm_80=50000,sm_90=50000,compute_90=9000")
PLAIN = library()


def tar_data(extra=b""):
    data = folder("kit") + file("kit/libfat.so", FAT, mode=0o755, uid=7, gid=8, records={"SCHILY.xattr.user.note": b"kept", "mtime": "1600000000.5"})
    data += header("kit/libfat.so.1", type_=b"1", link="kit/libfat.so") + header("kit/link", type_=b"2", link="/etc/passwd")
    data += header("kit/null", type_=b"3", device=(1, 3)) + file("kit/.wh.text", b"no whiteout here") + file("kit/plain.so", PLAIN)
    data += file("site/one/a.so", FAT) + file("site/one-1.0.dist-info/RECORD", make_image.record("one-1.0", {"one/a.so": FAT}))
    return data + extra + END


def test_tar(place):
    for ending, pack in PACKINGS.items():
        source = place / f"kit.tar{ending}"
        source.write_bytes(pack(tar_data()))
        again = [place / f"slim{i}.tar{ending}" for i in (1, 2)]
        for to in again:
            carve(source, to)
        assert again[0].read_bytes() == again[1].read_bytes(), f"{ending}: two carves differ"
        old, new = (dict((said[0], (said, content)) for said, content in members(unpacked(path))) for path in (source, again[0]))
        assert list(new) == [*old, "torchlathe-manifest.json"], list(new)
        for name, (said, content) in old.items():
            now, now_content = new[name]
            assert now == said, (name, said, now)
            if name in ("kit/libfat.so", "site/one/a.so"):
                assert len(now_content) < len(content)
            elif not name.endswith("RECORD"):
                assert now_content == content, name
        assert make_image.record("one-1.0", {"one/a.so": new["site/one/a.so"][1]}) == new["site/one-1.0.dist-info/RECORD"][1]
        assert json.loads(new["torchlathe-manifest.json"][1])["gpus"] == ["9.0"]
        told = json.loads(run(BINARY, "inspect", again[0], "--format", "json"))
        assert "sm_80" not in json.dumps(told["libraries"] if "libraries" in told else told), "code for 8.0 is still there"
        run("tar", "tf", again[0]) if ending != ".zst" else None
        carve(source, again[0], code=2)


def nar_string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return len(data).to_bytes(8, "little") + data + bytes(-len(data) % 8)


def nar(path):
    """By the grammar of Nix's manual."""
    words = ["(", "type"]
    if path.is_symlink():
        words += ["symlink", "target", os.readlink(path)]
    elif path.is_dir():
        words.append("directory")
    else:
        words += ["regular", *(["executable", ""] if path.stat().st_mode & 0o100 else []), "contents", path.read_bytes()]
    data = b"".join(map(nar_string, words))
    for name in sorted(os.listdir(path), key=os.fsencode) if path.is_dir() and not path.is_symlink() else []:
        data += b"".join(map(nar_string, ["entry", "(", "name", name, "node"])) + nar(path / name) + nar_string(")")
    return data + nar_string(")")


def nar_tree(place):
    tree = place / "tree"
    for name, data in {"lib/libfat.so": FAT, "lib/plain.so": PLAIN, "bin/run": b"#!/bin/sh\n", "bin/empty": b"", "zz/last": b"12345678", "site/one/a.so": FAT,
                       "site/one-1.0.dist-info/RECORD": make_image.record("one-1.0", {"one/a.so": FAT}), "\u00fc": b"umlaut"}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(data)
    (tree / "bin/run").chmod(0o755)
    (tree / "lib/libfat.so").chmod(0o755)
    (tree / "lib/libfat.so.1").symlink_to("libfat.so")
    (tree / "a-folder/of/none").mkdir(parents=True)
    return tree


def all_of(tree):
    return {str(path.relative_to(tree)): os.readlink(path) if path.is_symlink() else path.is_dir() or (path.stat().st_mode & 0o100, path.read_bytes())
            for path in sorted(tree.rglob("*"))}


def restored(data, to):
    """What Nix makes of it, which also writes it again to the byte."""
    subprocess.run(["nix-store", "--restore", to], input=data, check=True)
    assert subprocess.run(["nix-store", "--dump", to], stdout=subprocess.PIPE, check=True).stdout == data
    return all_of(to)


def test_nar(place):
    tree = nar_tree(place)
    data = nar_string("nix-archive-1") + nar(tree)
    has_nix = shutil.which("nix-store") is not None
    if not has_nix:
        lacking.add("nix-store")
    elif subprocess.run(["nix-store", "--dump", tree], stdout=subprocess.PIPE, check=True).stdout != data:
        raise AssertionError("nix-store dumps it differently")
    old = all_of(tree)
    for ending, pack in PACKINGS.items():
        source, to = place / f"kit.nar{ending}", place / f"slim.nar{ending}"
        source.write_bytes(pack(data))
        carve(source, to)
        carve(source, place / f"again.nar{ending}")
        assert to.read_bytes() == (place / f"again.nar{ending}").read_bytes(), ending
        assert unpacked(place / f"slim.nar{ending}") == unpacked(place / "slim.nar"), ending
        run(BINARY, "inspect", "--gpu", "9.0", to)
        assert "8.0: none" in run(BINARY, "inspect", "--gpu", "8.0", to, code=1)
    carve(place / "slim.nar", place / "third.nar")  # its record is there already, and is replaced where it lies
    if has_nix:
        assert list(restored((place / "third.nar").read_bytes(), place / "third")) == list(restored((place / "slim.nar").read_bytes(), place / "second"))
        new = restored((place / "slim.nar").read_bytes(), place / "restored")
        manifest = new.pop("torchlathe-manifest.json")
        assert json.loads(manifest[1])["gpus"] == ["9.0"] and list(new) == list(old)
        changed = [name for name in old if old[name] != new[name]]
        assert sorted(changed) == ["lib/libfat.so", "site/one-1.0.dist-info/RECORD", "site/one/a.so"], changed
        assert new["lib/libfat.so"][0] and len(new["lib/libfat.so"][1]) < len(FAT)
        assert make_image.record("one-1.0", {"one/a.so": new["site/one/a.so"][1]}) == new["site/one-1.0.dist-info/RECORD"][1]
    (place / "file.nar").write_bytes(nar_string("nix-archive-1") + nar(tree / "lib/libfat.so"))
    assert "holds one file" in carve(place / "file.nar", place / "never.nar", code=2)
    for name, bad in {"order": data.replace(nar_string("zz"), nar_string("aa")), "name": data.replace(nar_string("zz"), nar_string("..")), "cut": data[:-8],
                      "more": data + bytes(8), "lying": data.replace(len(FAT).to_bytes(8, "little"), (1 << 60).to_bytes(8, "little"))}.items():
        assert bad != data, name
        for ending in ("", ".gz"):
            (place / f"bad.nar{ending}").write_bytes(PACKINGS[ending](bad))
            carve(place / f"bad.nar{ending}", place / "never.nar", code=2)
        if has_nix:
            refused = subprocess.run(["nix-store", "--restore", place / f"bad-{name}"], input=bad, stderr=subprocess.DEVNULL, check=False).returncode
            assert refused or name in ("more", "order"), f"Nix takes {name}"  # what follows is not read; older ones do not look
    assert not list(place.glob("*never*")) and not list(place.glob(".*new"))


def make_zip(path, names=("kit/libfat.so", "kit/plain.so", "kit/notes.txt", "site/one/a.so")):
    contents = {"kit/libfat.so": FAT, "kit/plain.so": PLAIN, "kit/notes.txt": b"notes " * 100, "site/one/a.so": FAT}
    contents["site/one-1.0.dist-info/RECORD"] = make_image.record("one-1.0", {"one/a.so": FAT})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("kit/", (2020, 1, 2, 3, 4, 6)), b"")
        for name in (*names, *[name for name in contents if name.endswith("RECORD")]):
            one = zipfile.ZipInfo(name, (2020, 1, 2, 3, 4, 6))
            one.external_attr = (0o100755 if name.endswith(".so") else 0o100644) << 16
            one.compress_type = zipfile.ZIP_STORED if name == "kit/plain.so" else zipfile.ZIP_DEFLATED
            archive.writestr(one, contents[name])
        link = zipfile.ZipInfo("kit/link", (2020, 1, 2, 3, 4, 6))
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "libfat.so")


def test_zip(place):
    source, to = place / "kit.zip", place / "slim.zip"
    make_zip(source)
    carve(source, to)
    carve(source, place / "again.zip")
    assert to.read_bytes() == (place / "again.zip").read_bytes()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(to) as new:
        assert new.testzip() is None
        assert new.namelist() == [*old.namelist(), "torchlathe-manifest.json"], new.namelist()
        for one in old.infolist():
            now = new.getinfo(one.filename)
            assert (now.date_time, now.external_attr, now.create_system) == (one.date_time, one.external_attr, one.create_system), one
            changed = old.read(one) != new.read(now)
            assert changed == (one.filename in ("kit/libfat.so", "site/one/a.so", "site/one-1.0.dist-info/RECORD")), one
            assert changed or now.compress_type == one.compress_type
        assert new.read("site/one-1.0.dist-info/RECORD") == make_image.record("one-1.0", {"one/a.so": new.read("site/one/a.so")})
    assert "8.0: none" in run(BINARY, "inspect", "--gpu", "8.0", to, code=1)
    carve(to, place / "third.zip")
    with zipfile.ZipFile(to) as once, zipfile.ZipFile(place / "third.zip") as twice:
        assert once.namelist() == twice.namelist() and once.read("kit/libfat.so") == twice.read("kit/libfat.so")
    with zipfile.ZipFile(place / "none.zip", "w") as archive:
        archive.writestr("plain.so", PLAIN)
    carve(place / "none.zip", place / "same.zip")
    assert (place / "same.zip").read_bytes() == (place / "none.zip").read_bytes()
    carve(source, to, code=2)
    run(BINARY, "carve", source, "--gpu", "9.0", "--in-place", code=2)
    data = source.read_bytes()
    for name, bad in {"cut": data[:-30], "traversal": data.replace(b"kit/notes.txt", b"../../otes.txt"[:13])}.items():
        (place / f"{name}.zip").write_bytes(bad)
        told = carve(place / f"{name}.zip", place / "never.zip", code=1 if name == "cut" else 2)
        assert not (place / "never.zip").exists(), told
    assert not list(place.glob(".*new"))


def test_nothing_to_drop(place):
    source = place / "plain.tar.gz"
    source.write_bytes(gzip.compress(file("a.so", PLAIN) + END, mtime=0))
    carve(source, place / "same.tar.gz")
    assert (place / "same.tar.gz").read_bytes() == source.read_bytes()


def test_hostile(place):
    for name, extra in {"traversal": file("../../etc/x", b"x"), "link": header("kit/out", type_=b"1", link="../../etc/passwd"),
                        "doubled": file("kit/libfat.so", PLAIN), "size": header("x", 1 << 40),
                        "pax-bomb": header("PaxHeaders/x", 1 << 30, b"x"), "lying": pax({"size": "9" * 23}) + header("x", 1)}.items():
        for ending in ("", ".gz"):
            source = place / f"bad.tar{ending}"
            source.write_bytes(PACKINGS[ending](tar_data(extra)))
            told = carve(source, place / "never.tar", code=2)
            assert "Traceback" not in told and not (place / "never.tar").exists(), (name, told)
    data = gzip.compress(tar_data(), mtime=0)
    for cut in (len(data) // 2, len(data) - 4):
        (place / "cut.tar.gz").write_bytes(data[:cut])
        carve(place / "cut.tar.gz", place / "never.tar", code=2)
    assert not list(place.glob("*never*")) and not list(place.glob(".*new"))


def check_unpacked(where):
    """By nothing of ours: what info/ says is so."""
    index = json.loads((where / "info/index.json").read_text())
    assert index["build"] == "cuda129_h12ab_sm90_3" and index["constrains"] == ["other >=1", "__cuda_arch >=9.0"], index
    entries = {one["_path"]: one for one in json.loads((where / "info/paths.json").read_text())["paths"]}
    for name, one in entries.items():
        data = (where / name).read_bytes()
        if one["path_type"] == "hardlink":
            assert (one["sha256"], one["size_in_bytes"]) == (sha(data), len(data)), name
    assert entries["lib/libfat.so"]["size_in_bytes"] < len(FAT) and "sha256_in_prefix" not in entries["lib/libfat.so"]
    assert entries["share/text"]["prefix_placeholder"] == "/opt/placehold_placehold"
    about = json.loads((where / "info/about.json").read_text())
    assert about["extra"]["k"] == ["v"] and about["extra"]["torchlathe"]["gpus"] == "9.0"
    assert json.loads((where / "info/hash_input.json").read_text()) == {"cuda": "12.9"}
    assert json.loads((where / "info/torchlathe-manifest.json").read_text())["gpus"] == ["9.0"]


def test_conda(place):
    for ending in (".conda", ".tar.bz2"):
        source, out = place / f"kit-1.0-cuda129_h12ab_3{ending}", place / f"out-{ending[1:]}-d"
        make_conda(source, FAT, PLAIN)
        told = carve(source, out)
        slim = out / f"kit-1.0-cuda129_h12ab_sm90_3{ending}"
        assert slim.exists(), told
        carve(source, place / f"more-{ending[1:]}-d")
        assert slim.read_bytes() == next((place / f"more-{ending[1:]}-d").iterdir()).read_bytes()
        carve(source, place / "wrong-name" / f"kit-1.0-mine_0{ending}", code=2)
        if ending == ".conda":
            with zipfile.ZipFile(slim) as archive:
                assert all(one.compress_type == zipfile.ZIP_STORED for one in archive.infolist())
                assert sorted(archive.namelist()) == ["info-kit-1.0-cuda129_h12ab_sm90_3.tar.zst", "metadata.json", "pkg-kit-1.0-cuda129_h12ab_sm90_3.tar.zst"]
        for reader in (by_conda, by_rattler, by_cph):
            where = place / f"by-{reader.__name__}{ending}"
            if reader(slim, where):
                check_unpacked(where)
    make_conda(place / "packed-1-0.conda", FAT, PLAIN, zipfile.ZIP_DEFLATED)
    assert "not stored" in carve(place / "packed-1-0.conda", place / "never", code=2)


def by_conda(package, where):
    if not has("conda_package_streaming"):
        return False
    from conda_package_streaming import extract
    extract.extract(str(package), str(where))
    return True


def by_cph(package, where):
    if not has("conda_package_handling"):
        return False
    from conda_package_handling import api
    api.extract(str(package), str(where))
    return True


def by_rattler(package, where):
    if not has("rattler"):
        return False
    import rattler
    from rattler import package_streaming
    package_streaming.extract(str(package), str(where))
    data = package.read_bytes()
    record = rattler.PackageRecord.from_index_json(where / "info/index.json", len(data), sha(data))
    record = rattler.RepoDataRecord(record, package.name, package.as_uri(), package.parent.as_uri())
    prefix = where.with_suffix(".prefix")
    asyncio.run(rattler.install([record], str(prefix), cache_dir=str(where.with_suffix(".cache")), show_progress=False))
    assert (prefix / "lib/libfat.so").read_bytes() == (where / "lib/libfat.so").read_bytes()
    assert str(prefix) in (prefix / "share/text").read_text()
    return True


def kill_often(place, source, count):
    """Killed at any moment: nothing, or the whole archive; and the next run leaves nothing behind."""
    ending = source.name[source.name.index("."):]
    started = time.monotonic()
    carve(source, place / f"whole{ending}")
    whole = (place / f"whole{ending}").read_bytes()
    length, made, out = time.monotonic() - started, 0, place / f"k{ending}" / f"out{ending}"
    for i in range(count):
        work = subprocess.Popen([BINARY, "carve", source, "--gpu", "9.0", "-o", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.Random(i).random() * length)
        work.send_signal(signal.SIGKILL)
        work.wait()
        if out.exists():
            made += 1
            assert out.read_bytes() == whole
            out.unlink()
    carve(source, out)
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    print(f"{ending}: {count} kills, {made} after the end")


def test_kills(place, count=40):
    (place / "kill.tar.zst").write_bytes(PACKINGS[".zst"](tar_data()))
    (place / "kill.nar.xz").write_bytes(PACKINGS[".xz"](nar_string("nix-archive-1") + nar(nar_tree(place))))
    make_zip(place / "kill.zip")
    for name in ("kill.tar.zst", "kill.nar.xz", "kill.zip"):
        kill_often(place, place / name, count)


def test_wheelhouse_kills(place, count=20):
    """A folder of wheels, killed at any moment: no new folder, or all wheels in it."""
    (place / "fat.so").write_bytes(FAT)
    for i in range(6):
        small_wheel.make(place / "house", f"w{i}", "1.0", place / "fat.so")
    out = place / "k" / "out"
    started = time.monotonic()
    carve(place / "house", out)
    length, whole, made = time.monotonic() - started, {path.name: path.read_bytes() for path in out.iterdir()}, 0
    assert len(whole) == 6 and all("+sm90" in name for name in whole)
    shutil.rmtree(out)
    for i in range(count):
        work = subprocess.Popen([BINARY, "carve", place / "house", "--gpu", "9.0", "-o", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.Random(i).random() * length)
        work.send_signal(signal.SIGKILL)
        work.wait()
        if out.exists():
            made += 1
            assert {path.name: path.read_bytes() for path in out.iterdir()} == whole
            shutil.rmtree(out)
    carve(place / "house", out)
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    print(f"wheelhouse: {count} kills, {made} after the end")


def many(place, count):
    """Archives of that many small files and a library, in each form."""
    names = [f"many/d{i // 500:04}/f{i:07}" for i in range(count)]
    (place / "many.tar").write_bytes(b"".join(file(name, b"x") for name in names) + file("lib.so", FAT) + END)
    (place / "many.tar.gz").write_bytes(gzip.compress((place / "many.tar").read_bytes(), 1))
    with zipfile.ZipFile(place / "many.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
        archive.writestr("lib.so", FAT)
    files = [b"".join(map(nar_string, ["entry", "(", "name", name, "node", "(", "type", "regular", "contents", data, ")", ")"]))
             for name, data in [("lib.so", FAT), *((name.replace("/", "-"), b"x") for name in names)]]
    (place / "many.nar").write_bytes(b"".join(map(nar_string, ["nix-archive-1", "(", "type", "directory"])) + b"".join(files) + nar_string(")"))
    make_image_of(place / "many-image", (place / "many.tar").read_bytes())
    return ["many.tar", "many.tar.gz", "many.zip", "many.nar", "many-image"]


def make_image_of(place, layer):
    for name, data in make_image.oci_files([make_image.Image([layer, file("etc/x", b"x") + END], "gzip")], "latest").items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)


def seconds_of(*command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(*command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_many_members(place, few=6_000, times=4):
    """Four times the members take about four times the seconds of a processor; a loop inside of a loop would take sixteen."""
    taken = {}
    for count in (few, few * times):
        folder_of = place / str(count)
        folder_of.mkdir()
        for name in many(folder_of, count):
            to = folder_of / f"new-{name}"
            taken.setdefault(name, []).append((seconds_of(BINARY, "inspect", "--no-cpu", folder_of / name), seconds_of(BINARY, "carve", folder_of / name, "--gpu", "9.0", "-o", to)))
    for name, (small, large) in taken.items():
        for what, one, other in zip(("inspect", "carve"), small, large):
            print(f"{name}: {what} {one:.2f} s, {other:.2f} s with {times} times the members")
            assert other < 2.2 * times * max(one, 0.05), (name, what)


def main():
    for test in (test_tar, test_nar, test_zip, test_nothing_to_drop, test_hostile, test_conda, test_many_members, test_kills, test_wheelhouse_kills):
        with tempfile.TemporaryDirectory() as place:
            os.environ["TMPDIR"] = place
            test(Path(place).resolve())
            print(test.__name__, "ok", flush=True)
    if lacking:
        print("not there, and so not asked:", ", ".join(sorted(lacking)))


if __name__ == "__main__":
    main()

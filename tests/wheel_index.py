#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""wheel_index.py BINARY CACHE: `torchlathe serve` as real installers use it: three versions of pip, uv, and variantlib's reader.

They come from the Python package index through pip into CACHE; without it the test is skipped (77). Each pip installs, upgrades and
takes dependencies; uv resolves, locks with hashes and installs; a download that is cut is resumed; a carve that takes longer than a client
waits does not lose it.
"""
import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import small_wheel
from index_server import CuttingProxy, Server
from needs import need as need_programs
from python_index import need, torchvision_wheel

binary, cache = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
tests = Path(__file__).resolve().parent
PIPS = ["22.3.1", "23.2.1", "25.1.1"]

need_programs("gcc")
pips = {version: need(f"{cache}/pips/pip-{version}-*.whl", "download", "-q", "--no-deps", "-d", f"{cache}/pips", f"pip=={version}") for version in PIPS}
uv_wheel = need(f"{cache}/uv/uv-0.13.9-*.whl", "download", "-q", "--no-deps", "-d", f"{cache}/uv", "uv==0.13.9")
variantlib = os.path.dirname(need(f"{cache}/variantlib-0.2.2/variantlib", "install", "-q", "--target", f"{cache}/variantlib-0.2.2",
                                  "variantlib==0.2.2"))
environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "PYTHON"))}
environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_NO_CONFIG": "1", "NO_COLOR": "1"}


def uv_program(folder):
    """Out of its wheel: pip's --target has no place for programs."""
    with zipfile.ZipFile(uv_wheel) as wheel:
        program = Path(wheel.extract("uv-0.13.9.data/scripts/uv", folder))
    program.chmod(0o755)
    return program


def run(*words, ok=True, **more):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
                          env=environment | more)
    assert (done.returncode == 0) == ok, f"{words}\n{done.stdout}"
    return done.stdout


def pip(version, *words, **how):
    return run(sys.executable, f"{pips[version]}/pip", *words, **how)


def pip_install(version, url, target, *what, **how):
    return pip(version, "install", "--no-cache-dir", "--target", target, "--index-url", url, *what, **how)


def sum_of(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def make_wheels(folder):
    folder.mkdir()
    for name, images in (("libfast.so", ["sm_80=90000,sm_86=90000,sm_90=90000,sm_120=90000"]), ("libnewer.so", ["sm_80=90000,sm_90=80000"])):
        subprocess.run([sys.executable, tests / "fat_library.py", folder / name, *images], check=True)
    small_wheel.make(folder, "fast", "1.0", folder / "libfast.so", ["plain==2.0"])
    small_wheel.make(folder, "fast", "1.1", folder / "libnewer.so", ["plain==2.0"])
    small_wheel.make(folder, "fast", "9.0", folder / "libnewer.so", requires_python=">=3.99")
    small_wheel.make(folder, "plain", "2.0")
    for minor in range(10, 14):
        small_wheel.make(folder, "many", "1.0", folder / "libfast.so", ["plain==2.0"], tag=f"cp3{minor}-cp3{minor}-manylinux_2_28_x86_64")
    small_wheel.make(folder, "large", "1.0", padding=3_000_000)
    os.link(torchvision_wheel(cache), folder / os.path.basename(torchvision_wheel(cache)))


def installed(target, name):
    return (Path(target) / name / "__init__.py").read_text()


def pip_installs(server, wheels, work):
    for version in PIPS:
        target = work / f"pip-{version}"
        pip_install(version, server.url + "sm90/simple/", target, "fast==1.0")
        assert '"1.0"' in installed(target, "fast") and '"2.0"' in installed(target, "plain")
        libraries = list((target / "fast").glob("*.so"))
        assert 90_000 < libraries[0].stat().st_size < (wheels / "libfast.so").stat().st_size - 200_000, libraries[0].stat().st_size
        run(binary, "inspect", "--gpu", "9.0", libraries[0])
        assert subprocess.run([binary, "inspect", "--gpu", "8.6", libraries[0]], stdout=subprocess.DEVNULL, check=False).returncode == 1
        pip_install(version, server.url + "sm90/simple/", target, "--upgrade", "fast")
        assert '"1.1"' in installed(target, "fast"), "the newest one for this Python"
        run(sys.executable, "-c", "import fast, plain; assert fast.version == '1.1'", PYTHONPATH=str(target))
        print(f"pip {version}: installs, upgrades")


def local_versions(server, work):
    pip_install(PIPS[2], server.url + "simple/", work / "local", "fast==1.0+sm86")
    assert (work / "local/fast-1.0+sm86.dist-info").is_dir()
    pip_install(PIPS[2], server.url + "simple/", work / "any", "fast==1.0")
    assert list((work / "any").glob("fast-1.0+sm*.dist-info")), "a local version matches"
    pip_install(PIPS[2], server.url + "simple/", work / "absent", "fast==1.0+sm120", ok=False)
    print("local versions: as PEP 440 compares them")


def uv_locks(server, work, uv):
    (work / "in.txt").write_text("fast\ntorchvision\n")
    compiled = run(uv, "pip", "compile", "--no-cache", "--generate-hashes", "--no-deps", "--index-url", server.url + "sm90/simple/", "--python-version", "3.12",
                   "--python-platform", "x86_64-manylinux_2_28", work / "in.txt", "-o", work / "locked.txt")
    assert "fast==1.1" in compiled and "torchvision==" in compiled and compiled.count("--hash=sha256:") == 2, compiled
    (work / "one.txt").write_text("fast==1.1\nplain==2.0\n")
    run(uv, "pip", "compile", "--no-cache", "-q", "--generate-hashes", "--index-url", server.url + "sm90/simple/", work / "one.txt", "-o", work / "one-locked.txt")
    run(uv, "pip", "install", "--no-cache", "--require-hashes", "--index-url", server.url + "sm90/simple/", "--target", work / "uv", "-r", work / "one-locked.txt")
    assert '"1.1"' in installed(work / "uv", "fast")
    pip_install(PIPS[1], server.url + "sm90/simple/", work / "hashed", "--require-hashes", "-r", work / "one-locked.txt")
    text = (work / "one-locked.txt").read_text()
    digest = text.split("sha256:")[1][:64]
    (work / "wrong.txt").write_text(text.replace(digest, "0" * 64))
    pip_install(PIPS[1], server.url + "sm90/simple/", work / "wrong", "--require-hashes", "-r", work / "wrong.txt", ok=False)
    print("uv: resolves, locks with hashes, installs; pip takes the lock")


def several_pythons(server, work, uv):
    for minor in range(10, 14):
        target = work / f"python3.{minor}"
        run(uv, "pip", "install", "--no-cache", "-q", "--index-url", server.url + "sm90/simple/", "--target", target, "--python-version", f"3.{minor}",
            "--python-platform", "x86_64-manylinux_2_28", "many")
        assert f"Tag: cp3{minor}-cp3{minor}-" in (target / "many-1.0.dist-info/WHEEL").read_text()
        assert (target / "many/libfast.so").stat().st_size < 150_000 and (target / "plain").is_dir()
    print("uv: a wheel for each of four Pythons")


def uv_project(server, work, uv):
    """As docs/commands/serve.md has it: a named index, and sources that come from it alone."""
    text, = re.findall(r"```toml\n(.*?)```", (tests.parent / "docs/commands/serve.md").read_text(), re.S)
    assert "http://127.0.0.1:8080/" in text and "\ntorch = " in text
    for old, new in (("http://127.0.0.1:8080/", server.url), ("torchvision = ", "plain = "), ("torch = ", "fast = ")):
        text = text.replace(old, new)
    project = work / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text('[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["fast==1.1", "plain"]\n' + text)
    run(uv, "lock", "--no-cache", "--directory", project, UV_NO_CONFIG="0")
    locked = (project / "uv.lock").read_text()
    files = re.findall(r'url = "([^"]*\.whl)", hash = "sha256:', locked)
    assert len(files) == 2 and all(file.startswith(server.url + "files/") for file in files), locked
    run(uv, "sync", "--no-cache", "--frozen", "--directory", project, UV_NO_CONFIG="0")
    assert '"1.1"' in installed(next((project / ".venv/lib").iterdir()) / "site-packages", "fast")
    print("uv: a project that takes some packages from here locks and syncs")


def cut_download(server, work, uv):
    proxy = CuttingProxy(server.port, 1_500_000)
    before = len(server.lines)
    told = pip_install(PIPS[2], proxy.url + "sm90/simple/", work / "cut", "--resume-retries", "3", "large")
    assert proxy.was_cut and '"1.0"' in installed(work / "cut", "large"), told
    time.sleep(0.2)
    assert any(" 206 " in line and "large-1.0" in line for line in server.lines[before:]), server.lines[before:]
    proxy = CuttingProxy(server.port, 1_500_000)
    run(uv, "pip", "install", "--no-cache", "--index-url", proxy.url + "sm90/simple/", "--target", work / "uv-cut", "large")
    assert proxy.was_cut and '"1.0"' in installed(work / "uv-cut", "large")
    print("a download that is cut: pip goes on from there, uv tries again")


def long_carve(wheels, work):
    """The carve waits for another server's; longer than the client's patience."""
    folder = work / "slow"
    with Server(binary, "--wheels", wheels, "--gpu", "9.0", "--cache", folder) as server:
        version = json.loads(run(binary, "version", "-f", "json"))["version"]
        name = "fast-1.1-py3-none-any.whl"
        order = hashlib.sha256(f"torchlathe {version}\n{name}\n{sum_of(wheels / name)}\nsm90\nsame\n".encode()).hexdigest()
        with open(folder / "locks" / order, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            threading.Timer(7.5, lambda: fcntl.flock(lock, fcntl.LOCK_UN)).start()
            began = time.monotonic()
            told = pip_install(PIPS[0], server.url + "sm90/simple/", work / "patient", "--timeout", "6", "fast==1.1", "-v")
            assert time.monotonic() - began > 7 and "Retrying" not in told, told
    print("a carve that takes long: the client waits")


def variants(server):
    reader = ("import sys, json\nfrom variantlib.variants_json import VariantsJson\nv = VariantsJson(json.load(sys.stdin))\n"
              "print(*sorted(v.variants), *sorted(p.to_str().replace(' ', '') for d in v.variants.values() for p in d.properties))\n")
    wheel = os.path.basename(torchvision_wheel(cache)).split("-")
    text = server.get(f"variants/wheels/torchvision/torchvision-{wheel[1]}-variants.json")
    done = subprocess.run([sys.executable, "-c", reader], input=text, stdout=subprocess.PIPE, check=True, env=environment | {"PYTHONPATH": variantlib})
    words = done.stdout.decode().split()
    assert words[:2] == ["sm86", "sm90"] and "nvidia::sm_arch::90_real" in words and "nvidia::sm_arch::86_real" in words, words
    page = server.get("variants/simple/torchvision/").decode()
    assert f"torchvision-{wheel[1]}-variants.json" in page and "-sm90.whl" in page, page
    print("variantlib reads:", *words)


def main():
    with tempfile.TemporaryDirectory(prefix="lathe-index-") as folder:
        work = Path(folder)
        wheels = work / "wheels"
        make_wheels(wheels)
        uv = uv_program(work)
        with Server(binary, "--wheels", wheels, "--gpu", "8.6,9.0", "--cache", work / "cache") as server:
            page = server.get("sm90/simple/fast/").decode()
            assert "#sha256" not in page, "nothing is carved yet"
            pip_installs(server, wheels, work)
            assert server.get("sm90/simple/fast/").decode().count("#sha256") == 2, "what was asked for is carved"
            local_versions(server, work)
            cut_download(server, work, uv)
            variants(server)
        with Server(binary, "--wheels", wheels, "--gpu", "8.6,9.0", "--cache", work / "cache", "--warm") as server:
            assert server.get("sm90/simple/fast/").decode().count("#sha256") == 3
            uv_locks(server, work, uv)
            several_pythons(server, work, uv)
            uv_project(server, work, uv)
        long_carve(wheels, work)


main()

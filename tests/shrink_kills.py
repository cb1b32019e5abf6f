#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""shrink_kills.py TORCHLATHE [MOMENTS]: `shrink` in place as people run it, judged by Python's own reading of RECORD and checksums.txt.
Killed with SIGKILL at so many moments (25): each file is the old or the new one, and the next run leaves what an undisturbed one does. Two at
once: one of them ends with exit code 3, or has nothing left to do. The environment of python3: shown, asked about on a terminal, refused in a
pipe."""
import base64
import csv
import hashlib
import os
import pty
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from needs import need

need("gcc")
tests = Path(__file__).resolve().parent
program = Path(sys.argv[1]).resolve()
moments = int(sys.argv[2]) if len(sys.argv) > 2 else 25


def record_line(site, path):
    data = (site / path).read_bytes()
    return f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"


def write_record(site, package, version):
    info = site / f"{package}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    files = sorted(str(path.relative_to(site)) for path in (site / package).rglob("*") if path.is_file())
    own = f"{info.name}/RECORD"
    (site / own).write_text("".join(record_line(site, path) for path in files) + f"{own},,\n")


def make(site):
    (site / "fat/lib").mkdir(parents=True)
    for name in ("a", "b", "c"):
        subprocess.run([sys.executable, tests / "fat_library.py", site / f"fat/lib/{name}.so", "sm_80=90000,sm_120=60000", "sm_75,sm_120"], check=True)
    os.link(site / "fat/lib/a.so", site / "fat/lib/same.so")
    cubins = site / "loose/cubins"
    cubins.mkdir(parents=True)
    for cubin in (tests / "cubins").glob("*.cubin"):
        for i in range(20):
            shutil.copy(cubin, cubins / f"{i}_{cubin.name}")
    (cubins / "checksums.txt").write_text("".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(cubins.iterdir())))
    write_record(site, "fat", "1.0")
    write_record(site, "loose", "2.0")
    cache = site / "triton/KEY"
    cache.mkdir(parents=True)
    shutil.copy(tests / "cubins/sm_100a-cuda12.9.cubin", cache / "k.cubin")
    for name in ("k.json", "k.ptx"):
        (cache / name).write_text("{}")
    (cache / "__grp__k.json").write_text('{"child_paths": {"k.cubin": "/x/k.cubin", "k.json": "/x/k.json", "k.ptx": "/x/k.ptx"}}')


def contents(site):
    return {str(path.relative_to(site)): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def wrong_lists(site):
    wrong = []
    for record in site.glob("*.dist-info/RECORD"):
        listed = set()
        with open(record, newline="") as file:
            for name, digest, size in csv.reader(file):
                listed.add(name)
                if not (site / name).exists():
                    wrong.append(f"{record.parent.name}: {name} is gone")
                elif digest and record_line(site, name) != f"{name},{digest},{size}\n":
                    wrong.append(f"{record.parent.name}: {name}")
        package = record.parent.name.split("-")[0]
        wrong += [f"{path} is not listed" for path in (site / package).rglob("*") if path.is_file() and str(path.relative_to(site)) not in listed]
    for line in (site / "loose/cubins/checksums.txt").read_text().splitlines():
        digest, name = line.split()
        path = site / "loose/cubins" / name
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            wrong.append(f"checksums.txt: {name}")
    return wrong


def is_list(path):
    return path.endswith(("/RECORD", "checksums.txt")) or path == "torchlathe-manifest.json"


def shrink(*words, **how):
    return subprocess.run([program, "shrink", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, **how)


def start(site):
    return subprocess.Popen([program, "shrink", site, "--gpu", "12.0"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def begin_again(old, site):
    shutil.rmtree(site, ignore_errors=True)
    subprocess.run(["cp", "-a", old, site], check=True)


def check_finished(site, after, round):
    done = shrink(site, "--gpu", "12.0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (wrong := wrong_lists(site)), f"round {round}: {wrong}"
    now = contents(site)
    assert set(now) == set(after), f"round {round}: {set(now) ^ set(after)}"
    assert all(now[path] == after[path] or is_list(path) for path in after), f"round {round}"


def kill(old, site, before, after, rounds):
    begin_again(old, site)
    started = time.monotonic()
    start(site).wait()
    whole = time.monotonic() - started
    mixed = unfinished = killed = 0
    for round in range(rounds):
        begin_again(old, site)
        process = start(site)
        time.sleep(random.uniform(0, whole * 1.1))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        process.stderr.close()
        now = contents(site)
        olds = news = 0
        for path, content in before.items():
            if is_list(path):
                continue
            assert now.get(path) in (content, after.get(path)), f"round {round}: {path} is neither old nor new"
            if after.get(path) != content:
                olds += now.get(path) == content
                news += now.get(path) != content
        mixed += bool(olds and news)
        unfinished += (site / ".torchlathe-journal").exists()
        check_finished(site, after, round)
    assert killed and unfinished, "no kill met a run at work"
    print(f"{rounds} moments: {killed} killed, {mixed} with old and new files, {unfinished} with a journal; all finished by the next run")


def two_at_once(old, site, after):
    refused = 0
    for round in range(5):
        begin_again(old, site)
        both = [start(site), start(site)]
        codes = []
        for process in both:
            told = process.communicate()[1].decode()
            codes.append(process.returncode)
            assert process.returncode == 0 or (process.returncode == 3 and "another torchlathe changes files here" in told), told
        refused += 3 in codes
        assert 0 in codes
        check_finished(site, after, round)
    print(f"two at once, five times: {refused} refused")


def on_terminal(answer, environment, *words):
    child, master = pty.fork()
    if child == 0:
        os.execve(program, [str(program), *words], environment)
    os.write(master, (answer + "\n").encode())
    told = b""
    try:
        while part := os.read(master, 4096):
            told += part
    except OSError:  # Linux says so when the last one closes the terminal
        pass
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told.decode()


def of_python(old, folder):
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    site = next(venv.glob("lib/python3*/site-packages"))
    begin_again(old, site)
    before = contents(site)
    environment = dict(os.environ, PATH=f"{venv}/bin:{os.environ['PATH']}", TERM="dumb", NO_COLOR="1")
    done = shrink("--gpu", "12.0", env=environment)
    assert done.returncode == 2 and f"torchlathe shrink '{venv}' --gpu '12.0'" in done.stderr, done.stderr
    code, told = on_terminal("n", environment, "shrink", "--gpu", "12.0")
    assert code == 0 and "the virtual environment of" in told and "in place? [y/N]" in told, told
    assert contents(site) == before
    code, told = on_terminal("y", environment, "shrink", "--gpu", "12.0")
    assert code == 0 and contents(site) != before and not wrong_lists(site), told
    done = shrink("--gpu", "12.0", "--yes", env=environment)
    assert done.returncode == 0 and "0 libraries carved" in done.stdout, done.stdout
    print("the environment of python3: shown, asked about, refused where nobody answers")


with tempfile.TemporaryDirectory(prefix="lathe-shrink-") as folder:
    folder = Path(folder).resolve()
    old, site = folder / "old", folder / "site"
    make(old)
    done = shrink(old, "--gpu", "12.0", "-o", folder / "new")
    assert done.returncode == 0, done.stdout + done.stderr
    before, after = contents(old), contents(folder / "new")
    assert not wrong_lists(old) and not wrong_lists(folder / "new") and len(after) < len(before)
    kill(old, site, before, after, moments)
    two_at_once(old, site, after)
    of_python(old, folder)

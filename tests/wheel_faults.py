#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""wheel_faults.py BINARY: `torchlathe serve` when things go wrong: it is killed at any moment, two servers have one cache, the disk is full, the cache
may hold little, and a browser is led here by somebody else's name.
"""
import hashlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import small_wheel
from index_server import Server
from needs import need

binary = os.path.abspath(sys.argv[1])
tests = Path(__file__).resolve().parent
need("gcc")
WHEEL = "fast-1.0-py3-none-any.whl"
LINK = f"sm90/wheels/fast/{WHEEL}"


def sum_of(data):
    return hashlib.sha256(data).hexdigest()


def serve(wheels, cache, *more):
    return Server(binary, "--wheels", wheels, "--gpu", "8.6,9.0", "--cache", cache, *more)


def expect_whole(cache, right):
    """Whatever is there by its content is that content."""
    for path in cache.glob("files/*/*"):
        assert sum_of(path.read_bytes()) == path.parent.name, path
        assert path.parent.name == right, path


def killed(wheels, work):
    cache = work / "killed"
    with serve(wheels, cache) as server:
        began = time.monotonic()
        right = sum_of(server.get(LINK))
        whole = time.monotonic() - began
    moments = random.Random(20261129)
    finished = 0
    for number in range(12):
        shutil.rmtree(cache)
        with serve(wheels, cache) as server:
            got = []

            def ask(server=server, got=got):
                try:
                    got.append(sum_of(server.get(LINK)))
                except (OSError, ValueError, urllib.error.URLError):
                    pass  # it was killed meanwhile

            client = threading.Thread(target=ask)
            client.start()
            time.sleep(moments.uniform(0, whole * 1.1))
            server.process.send_signal(signal.SIGKILL)
            client.join()
        finished += bool(got)
        assert got in ([], [right]), number
        expect_whole(cache, right)
        with serve(wheels, cache) as server:
            assert sum_of(server.get(LINK)) == right, number
            assert not list((cache / "work").iterdir()), number
        expect_whole(cache, right)
    print(f"killed 12 times, {'some' if 0 < finished < 12 else 'all or none'} of them after the answer: the cache is right")


def shared(wheels, work):
    cache = work / "shared"
    with serve(wheels, cache) as one, serve(wheels, cache) as other:
        sums = []
        clients = [threading.Thread(target=lambda server=server: sums.append(sum_of(server.get(LINK)))) for server in (one, other) * 4]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert len(sums) == 8 and len(set(sums)) == 1, sums
        assert [path.parent.name for path in cache.glob("files/*/*")] == sums[:1]
        one.process.kill()
        assert f"#sha256={sums[0]}" in other.get("sm90/simple/fast/").decode(), "what the one carved, the other knows"
    print("two servers, one cache: carved once")


def is_sent_as_it_came(server, wheels):
    assert sum_of(server.get(LINK)) == sum_of((wheels / WHEEL).read_bytes())
    assert server.said("not carved"), server.lines
    assert "#sha256" not in server.get("sm90/simple/fast/").decode(), "and no page says that this is the one"


def full_disk(wheels, work):
    """A disk of its own where this may be mounted; else files may not be long."""
    disk = work / "disk"
    disk.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", disk], stderr=subprocess.DEVNULL, check=False).returncode == 0
    try:
        if mounted:
            (disk / "cache").mkdir()
            with serve(wheels, disk / "cache") as server:
                (disk / "rest").write_bytes(b"x" * (40 << 10))
                is_sent_as_it_came(server, wheels)
                assert server.said("No space left"), server.lines
                (disk / "rest").unlink()
                subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
                assert len(server.get(LINK)) < (wheels / WHEEL).stat().st_size - 100_000, "there is room again"
    finally:
        if mounted:
            subprocess.run(["umount", disk], check=True)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limit[1]))
    try:
        server = serve(wheels, work / "short")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    with server:
        is_sent_as_it_came(server, wheels)
    print("a full disk" + (", that of a tmpfs too" if mounted else "") + ": wheels go as they came, and the log says so")


def small_cache(wheels, work):
    cache = work / "small"
    with serve(wheels, cache) as server:
        first = server.get(LINK)
    old = time.time() - 600
    for path in cache.glob("files/*"):
        os.utime(path, (old, old))
    with serve(wheels, cache, "--cache-size", "1kB") as server:
        # Its own time of change is of now, as nobody can set it: in use still.
        assert list(cache.glob("files/*/*"))
        shutil.rmtree(cache / "files")
        page = server.get("sm90/simple/fast/").decode()
        digest = page.split("#sha256=")[1][:64]
        assert digest == sum_of(first)
        assert server.get(f"files/{digest}/{WHEEL}") == first, "the page has promised it"
    assert subprocess.run([binary, "serve", "--wheels", wheels, "--gpu", "9.0", "--cache-size", "much"], stderr=subprocess.PIPE, check=False).returncode == 2
    print("what the cache let go is made again, the same bytes")


def led_here(wheels, work):
    def status(server, host):
        try:
            return urllib.request.urlopen(urllib.request.Request(server.url + "sm90/simple/fast/", headers={"Host": host}), timeout=30).status
        except urllib.error.HTTPError as error:
            return error.code

    with serve(wheels, work / "hosts") as server:
        assert status(server, f"localhost:{server.port}") == 200
        assert status(server, f"evil.example:{server.port}") == 421
        assert server.said("asked as evil.example"), server.lines
    with serve(wheels, work / "hosts", "--host", "wheels.example.org") as server:
        assert status(server, "wheels.example.org") == 200 and status(server, "evil.example") == 421
    print("by somebody else's name: refused")


def main():
    with tempfile.TemporaryDirectory(prefix="lathe-faults-") as folder:
        work = Path(folder)
        wheels = work / "wheels"
        wheels.mkdir()
        subprocess.run([sys.executable, tests / "fat_library.py", work / "libfast.so", "sm_80=90000,sm_86=90000,sm_90=90000,sm_120=90000"], check=True)
        small_wheel.make(wheels, "fast", "1.0", work / "libfast.so")
        killed(wheels, work)
        shared(wheels, work)
        full_disk(wheels, work)
        small_cache(wheels, work)
        led_here(wheels, work)


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""serve.py TORCHLATHE [WHEEL]: what `serve` takes: a page, a wheel at its first request beside `carve`, its second over loopback by curl, 32 clients at once and
the memory then. WHEEL: a large one with device code (PyTorch's); without it one of 300 MB is made, most of which is no code."""
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root / "tests"))
import small_wheel  # noqa: E402
from index_server import Server  # noqa: E402

binary = os.path.abspath(sys.argv[1])


def curl(url, form="%{speed_download}"):
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", form, url], check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)


def memory_of(process, field):
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def make_wheel(folder):
    subprocess.run([sys.executable, root / "tests/fat_library.py", folder / "libfast.so", "sm_80=90000,sm_86=90000,sm_90=90000"], check=True)
    return small_wheel.make(folder, "fast", "1.0", folder / "libfast.so", padding=300_000_000)


def main():
    with tempfile.TemporaryDirectory(prefix="lathe-bench-", dir=os.environ.get("BENCH_FOLDER")) as folder:
        work = Path(folder)
        (work / "wheels").mkdir()
        wheel = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(make_wheel(work / "wheels"))
        if len(sys.argv) > 2:
            os.symlink(wheel.resolve(), work / "wheels" / wheel.name)
        project = wheel.name.split("-")[0].lower().replace("_", "-")
        began = time.monotonic()
        subprocess.run([binary, "carve", wheel, "--gpu", "9.0", "-o", work / "carved"], check=True, stdout=subprocess.DEVNULL)
        carve = time.monotonic() - began
        with Server(binary, "--wheels", work / "wheels", "--gpu", "9.0", "--cache", work / "cache") as server:
            first = curl(f"{server.url}sm90/wheels/{project}/{wheel.name}", "%{time_total}")
            print(f"carve {carve:.2f} s, first request {first:.2f} s: {first / carve:.2f} times")
            page = f"{server.url}sm90/simple/{project}/"
            times = sorted(curl(page, "%{time_total}") for _ in range(50))
            print(f"page: median {times[25] * 1000:.2f} ms, longest of 50 {times[-1] * 1000:.2f} ms")
            text = urllib.request.urlopen(page).read().decode()
            link = server.url + text.split('href="../../../')[1].split("#")[0]
            speeds = sorted(curl(link) / 1e9 for _ in range(7))
            print(f"second request: median {speeds[3]:.2f}, best {speeds[-1]:.2f} GB/s")
            threads = [threading.Thread(target=curl, args=(link,)) for _ in range(32)]
            began = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            took = time.monotonic() - began
            print(f"32 clients at once: {took:.1f} s; memory of the server: {memory_of(server.process.pid, 'RssAnon'):.0f} MiB of its own, "
                  f"at most {memory_of(server.process.pid, 'VmHWM'):.0f} MiB with mapped files, while it carved")


main()

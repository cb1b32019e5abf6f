#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""serve.py TORCHLATHE [WHEEL]: what `serve` takes: a page, a wheel at its first request beside `carve`, its second over loopback by curl in turn with nginx, 32 clients at once and
the memory then. WHEEL: a large one with device code (PyTorch's); without it one of 300 MB is made, most of which is no code."""
import contextlib
import os
import shutil
import socket
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
    return [float(number) for number in done.stdout.split()]


@contextlib.contextmanager
def static_server(folder):
    """nginx over that folder: what a server of files takes here."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="lathe-bench-nginx-") as place:
        user = "user root; " if os.geteuid() == 0 else ""
        Path(place, "conf").write_text(f"{user}daemon off; pid {place}/pid; error_log {place}/log; events {{}} http {{ access_log off; sendfile on; "
                                       + "".join(f"{kind}_temp_path {place}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
                                       + f"server {{ listen 127.0.0.1:{port}; root {folder}; }} }}")
        process = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-e", "stderr", "-c", f"{place}/conf"])
        try:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait()


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
            first, sending = curl(f"{server.url}sm90/wheels/{project}/{wheel.name}", "%{time_total} %{time_starttransfer}")
            began = time.monotonic()
            (work / "copy").write_bytes(wheel.read_bytes())
            copy = time.monotonic() - began
            print(f"first request beside carve ({carve:.2f} s): {first / carve:.2f} times, to its first byte {sending / carve:.2f} times; beside a copy of the wheel "
                  f"{first / copy:.1f} times")
            page = f"{server.url}sm90/simple/{project}/"
            times = sorted(curl(page, "%{time_total}")[0] for _ in range(50))
            print(f"page: median {times[25] * 1000:.2f} ms, longest of 50 {times[-1] * 1000:.2f} ms")
            text = urllib.request.urlopen(page).read().decode()
            link = server.url + text.split('href="../../../')[1].split("#")[0]
            speeds = [[], []]
            with static_server(work / "cache/files") as plain:
                for _ in range(7):
                    speeds[0].append(curl(link)[0] / 1e9)
                    speeds[1].append(curl(plain + link.split("/files/")[1])[0] / 1e9)
            ours, theirs = (sorted(each) for each in speeds)
            print(f"second request, in turn with nginx (sendfile): median {ours[3]:.2f} GB/s, best {ours[-1]:.2f}; nginx {theirs[3]:.2f}, {theirs[-1]:.2f}: {ours[3] / theirs[3]:.2f} times")
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

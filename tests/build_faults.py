#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""build_faults.py TORCHLATHE [NAME...]: what `build` does when the machine is at fault, each with the real Nix in a store of its own.

Every function named test_... is one; without names all run. Exits 77 (skipped) without Nix, or when all that ran were skipped.
"""
import json
import os
import pty
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from needs import SKIPPED, need
from nix_store import store_at

root = Path(__file__).resolve().parent.parent
program = Path(sys.argv[1]).resolve()


class Skip(Exception):
    pass


MATRIX = """[matrix]
name = "faults"
package = "pytorch"

[nixpkgs.canonical]
rev = "6a030d535719c5190187c4cec156f335e95e3211"

[pytorch."2.10.0"]
hash = "HASH"

[[build]]
kind = "cpu"
pytorch = ["2.10.0"]
python = ["3.13"]
isas = ISAS
"""
GOOD_HASH = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ="
NAME = "pytorch-python313-cpu-avx"


class Place:
    """A folder with a matrix, a Nix store and a package set whose torch runs `script` instead of a compiler."""

    def __init__(self, folder, script="true", isas='["avx"]', hash=GOOD_HASH):
        self.folder = folder
        self.store = folder
        (folder / "m.toml").write_text(MATRIX.replace("ISAS", isas).replace("HASH", hash))
        shutil.copytree(root / "nix/mini", folder / "mini")
        for name, text in {"configure": "true", "check": "true", "build": script,
                           "install": "mkdir -p $out $lib $dev $cxxdev $dist; echo done >$out/torch"}.items():
            (folder / "mini/torch/scripts" / f"{name}.sh").write_text(text + "\n")
        self.environment = dict(os.environ, TERM="xterm", **store_at(folder))

    def command(self, *words):
        return [str(word) for word in (program, "build", "-m", self.folder / "m.toml", "--state", self.folder / "state", "--nixpkgs",
                                       self.folder / "mini", "--no-verify", "--any-cpu", "--builders", "", *words)]

    def start(self, *words, **more):
        return subprocess.Popen(self.command(*words), env=dict(self.environment, **more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                start_new_session=True)

    def build(self, *words, **more):
        """(exit code, what it said)"""
        process = self.start(*words, **more)
        told, _ = process.communicate(timeout=300)
        return process.returncode, told.decode("utf-8", "backslashreplace")

    def history(self, *words):
        return subprocess.run([program, "history", "--state", self.folder / "state", *words], env=self.environment, check=True,
                              stdout=subprocess.PIPE).stdout

    def rows(self):
        return json.loads(self.history("-f", "json"))["builds"]


def expect(condition, told):
    assert condition, told


def test_nix_is_missing(folder):
    code, told = Place(folder).build(PATH="/nowhere", HOME="/nowhere")
    expect(code == 3 and "there is no Nix on this machine" in told, told)


def test_nix_is_too_old(folder):
    place = Place(folder)
    (folder / "bin").mkdir()
    for name in ("nix", "nix-store", "nix-instantiate"):
        (folder / "bin" / name).write_text(f"#!/bin/sh\necho '{name} (Nix) 2.3.16'\n")
        (folder / "bin" / name).chmod(0o755)
    code, told = place.build(PATH=f"{folder}/bin:{os.environ['PATH']}")
    expect(code == 3 and "Nix 2.3.16 is too old" in told and "2.8" in told, told)


def test_no_permission_on_the_store(folder):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise Skip("needs root, to become nobody")
    place = Place(folder)
    folder.chmod(0o755)
    for name in ("store", "var", "state"):
        (folder / name).mkdir()
    (folder / "state").chmod(0o777)
    done = subprocess.run(["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", *place.command()], cwd=folder,
                          env=dict(place.environment, HOME=str(folder)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    expect(done.returncode in (1, 3) and "ermi" in done.stdout, done.stdout)
    expect("store-permission" in done.stdout or "Permission denied" in done.stdout, done.stdout)


def test_the_store_is_full_and_then_grows(folder):
    if os.geteuid() != 0:
        raise Skip("needs root, to mount a small file system")
    (folder / "disk").mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder / "disk"], stderr=subprocess.DEVNULL).returncode != 0:
        raise Skip("a file system cannot be mounted here")
    try:
        (folder / "work").mkdir()
        place = Place(folder / "work", "mkdir -p $lib; head -c 8000000 /dev/zero >$lib/large")
        place.environment.update(store_at(folder / "disk"))
        code, told = place.build()
        expect(code == 1 and "o space left" in told and "[no-space" in told, told)
        subprocess.run(["mount", "-o", "remount,size=200m", folder / "disk"], check=True)
        code, told = place.build("--resume")
        expect(code == 0 and told.endswith("1 built\n"), told)
    finally:
        subprocess.run(["umount", "-l", folder / "disk"], check=False)


def other_clock(folder, **how):
    """Variables with which torchlathe and Nix see another clock: tests/clock.c."""
    if not shutil.which("gcc"):
        raise Skip("needs gcc, for another clock")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", folder / "clock.so", root / "tests/clock.c"], check=True)
    return dict(LD_PRELOAD=f"{folder}/clock.so", ASAN_OPTIONS="verify_asan_link_order=0", **how)


def heartbeats(told):
    return [float(beat) for beat in re.findall(r"^running \S+  ([0-9.]+) s", told, re.M)]


def test_the_clock_jumps_by_an_hour(folder):
    """time() and CLOCK_REALTIME go an hour back and forth at each call: durations, heartbeat and estimates do not notice."""
    place = Place(folder, "sleep 3")
    code, told = place.build("--heartbeat", "1", **other_clock(folder, CLOCK_SWINGS="1"))
    expect(code == 0 and "1 built" in told, told)
    beats = heartbeats(told)
    expect(2 <= len(beats) <= 10 and all(beat < 60 for beat in beats), told)
    seconds = [row["seconds"] for row in place.rows()]
    expect(len(seconds) == 1 and 2.5 < seconds[0] < 60, seconds)


def stop_all(process, folder):
    """torchlathe, Nix and what builds; returns what lets them go on."""
    os.killpg(process.pid, signal.SIGSTOP)
    found = subprocess.run(["pgrep", "-f", str(folder)], stdout=subprocess.PIPE, text=True).stdout.split()
    sleepers = [int(one) for one in found if int(one) != os.getpid()]
    for one in sleepers:
        os.kill(one, signal.SIGSTOP)

    def go_on():
        for one in sleepers:
            os.kill(one, signal.SIGCONT)
        os.killpg(process.pid, signal.SIGCONT)

    return go_on


def test_the_machine_sleeps(folder):
    """For an hour by the wall clock and CLOCK_BOOTTIME, while CLOCK_MONOTONIC stands still: nothing is taken for dead, durations count
    the time awake."""
    place = Place(folder, "sleep 1; sleep 1; sleep 1; sleep 1")
    slept = folder / "slept"
    begun = time.monotonic()
    process = place.start("--heartbeat", "1", **other_clock(folder, CLOCK_SLEPT=str(slept)))
    while not place.folder.joinpath("state/history.db").exists() or not place.rows():
        expect(process.poll() is None and time.monotonic() - begun < 60, "it did not begin to build")
        time.sleep(0.1)
    time.sleep(1.5)
    stopped = time.monotonic()
    go_on = stop_all(process, folder)
    time.sleep(8)
    stood = time.monotonic() - stopped
    (folder / "slept.new").write_text(f"{stood}\n")
    (folder / "slept.new").rename(slept)
    go_on()
    told = process.communicate(timeout=120)[0].decode()
    awake = time.monotonic() - begun - stood
    expect(process.returncode == 0 and "1 built" in told, told)
    row, = place.rows()
    expect(row["status"] == "built" and 2.5 < row["seconds"] < awake, f"{row}, awake for {awake}")
    beats = heartbeats(told)
    expect(beats == sorted(beats) and 2 <= len(beats) <= awake + 1 and beats[-1] < awake, f"{told}, awake for {awake}")
    printed, = re.findall(r"^built +\S+ +([0-9.]+) s", told, re.M)
    expect(abs(float(printed) - row["seconds"]) < 0.2, f"{told}, {row}")
    with sqlite3.connect(folder / "state/history.db") as history:
        begin, end = history.execute("SELECT started, ended FROM runs").fetchone()
    expect(3600 <= end - begin < 3600 + stood + awake + 2, f"the run is written down from {begin} to {end}")


def test_a_log_of_one_endless_line(folder):
    """64 MB without a line end: bounded memory, a log that can be read, and what went wrong is found behind it."""
    place = Place(folder, "head -c 64000000 /dev/zero | tr '\\0' x; echo; echo 'nvcc fatal   : Unsupported gpu architecture '\"'compute_70'\"; exit 1")
    process = place.start()
    most = 0
    while process.poll() is None:
        try:
            most = max(most, int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1]))
        except (OSError, TypeError):
            pass
        time.sleep(0.02)
        if select.select([process.stdout], [], [], 0)[0] and process.poll() is not None:
            break
    told = process.stdout.read().decode("utf-8", "backslashreplace")
    expect(process.returncode == 1 and "compute_70" in told, told[-3000:])
    expect(len(told) < 100_000, f"{len(told)} bytes were printed")
    expect(most < 700_000, f"{most} kB of memory")  # the sanitizers' own share is large
    log = place.history("log", NAME)
    expect(b"x" * 100_000 in log and b"compute_70" in log, f"{len(log)} bytes of log")


def test_escape_codes_do_not_reach_the_terminal(folder):
    place = Place(folder, r"printf '\033]0;a title\007\033[2J\033[31mred\033[0m line\n\033[1Aup\n'; sleep 3; exit 1")
    code, told = place.build("--heartbeat", "1")
    expect(code == 1 and "\x1b" not in told and "red line" not in told.split("running")[0], repr(told))
    expect("up" in told, repr(told))
    shown = place.history("log", NAME)
    expect(b"\x1b" not in shown and b"red line" in shown, repr(shown))


def test_a_second_build_waits_or_says_who_holds_the_folder(folder):
    place = Place(folder, "sleep 4")
    first = place.start()
    time.sleep(2)
    code, told = place.build()
    expect(code == 3 and f"process {first.pid}" in told and "--wait" in told, told)
    code, told = place.build("--wait")
    expect(first.wait() == 0, "the first was disturbed")
    expect(code == 0 and told.endswith("1 cached\n"), told)


def test_ctrl_c_ends_what_runs_and_resume_goes_on(folder):
    """Once to torchlathe alone (kill), once to all in front of the terminal (the key)."""
    place = Place(folder, f"test -e {folder}/go || sleep 30{os.getpid() % 1000:03}", isas='["avx", "avx2"]')
    for ask in (os.kill, os.killpg):
        process = place.start()
        while subprocess.run(["pgrep", "-f", f"sleep 30{os.getpid() % 1000:03}"], stdout=subprocess.DEVNULL).returncode != 0:
            time.sleep(0.1)
        ask(process.pid, signal.SIGINT)
        told = process.communicate(timeout=30)[0].decode()
        expect(process.returncode == 1 and "2 stopped" in told, (process.returncode, told))
        left = subprocess.run(["pgrep", "-af", f"{folder}/store"], stdout=subprocess.PIPE, text=True).stdout
        expect(left == "", f"still there:\n{left}")
    expect([row["status"] for row in place.rows() if row["variant"].startswith("pytorch")] == ["stopped", "stopped"], place.rows())
    (folder / "go").touch()
    code, told = place.build("--resume")
    expect(code == 0 and told.endswith("2 built\n"), told)


def test_a_history_of_a_newer_version(folder):
    place = Place(folder)
    expect(place.build()[0] == 0, "")
    history = sqlite3.connect(folder / "state/history.db")
    history.execute("PRAGMA user_version = 99")
    history.close()
    before = (folder / "state/history.db").read_bytes()
    code, told = place.build()
    expect(code == 3 and "newer torchlathe" in told, told)
    expect((folder / "state/history.db").read_bytes() == before, "it was changed")


def test_a_warning_of_nix_is_not_why_a_build_failed(folder):
    """A cache that is not there is warned of before every build; this one fails for a reason that nobody knows."""
    place = Place(folder, "echo 'the cat sat on the keyboard'; exit 7")
    place.environment["NIX_CONFIG"] += "substitute = true\nsubstituters = http://127.0.0.1:9/\ndownload-attempts = 2\n"
    code, told = place.build()
    if b"unable to download" not in place.history("log", NAME):
        raise Skip("this Nix does not warn")
    expect(code == 1, told)
    expect("[network]" not in told and "a download failed" not in told, told)


def test_fail_fast_stops_the_others(folder):
    place = Place(folder, 'case $out in *avx2*) sleep 2; exit 1;; *) sleep 60;; esac', '["avx", "avx2", "avx512"]')
    started = time.monotonic()
    code, told = place.build("-j3", "--memory", "1000", "--fail-fast")
    expect(code == 1 and "1 failed, 2 stopped" in told, told)
    expect(time.monotonic() - started < 40, "the others were waited for")


def test_a_cause_that_builds_share_stops_the_run_once(folder):
    place = Place(folder, "echo 'cp: error writing: No space left on device'; exit 1", '["avx", "avx2", "avx512", "avx512vnni", "avx512bf16"]')
    code, told = place.build()
    expect(code == 1 and "3 failed, 2 stopped" in told, told)
    expect(told.count("3 builds in a row failed for one reason: the disk is full; the other 2 are not started") == 1, told)
    code, told = place.build("--resume", "--keep-going")
    expect(code == 1 and "5 failed" in told and "in a row" not in told, told)


def test_fix_tries_again_with_half_the_cores(folder):
    """The first attempt's compiler is killed, the second's is not."""
    place = Place(folder, f"echo $NIX_BUILD_CORES >>{folder}/cores\nif [ $(wc -l <{folder}/cores) = 1 ]; then "
                          "echo 'g++: fatal error: Killed signal terminated program cc1plus'; exit 1; fi")
    code, told = place.build("--cores", "8", "--fix")
    expect(code == 0 and "again with 4 cores" in told and "1 built" in told, told)
    expect((folder / "cores").read_text().split() == ["8", "4"], (folder / "cores").read_text())


def test_a_hash_is_mended_only_after_a_yes(folder):
    """On a terminal, without --fix-hashes."""
    def talk(answer, words):
        place = Place(folder / answer.strip(), hash="")
        before = (place.folder / "m.toml").read_text()
        child, terminal = pty.fork()
        if child == 0:
            os.execve(program, place.command(*words), place.environment)
        told = b""
        while True:
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                break
            if not piece:
                break
            told += piece
            if b"[y/N]" in told and answer:
                os.write(terminal, answer.encode())
                answer = ""
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return code, told.decode("utf-8", "replace"), before, (place.folder / "m.toml").read_text()

    for name in ("y", "n"):
        (folder / name).mkdir()
    code, told, before, after = talk("n\n", [])
    expect(code == 1 and "Nix computed \"sha256-" in told and after == before, told)
    code, told, before, after = talk("y\n", [])
    expect(code == 0 and "pytorch.2.10.0.hash is \"\"" in told and "1 built" in told, told)
    expect(before != after and 'hash = "sha256-' in after, after)


def test_the_live_table_and_its_keys(folder):
    """A terminal of 12 rows: three builds run, the key 2 opens the second one's log, the terminal is as it was afterwards."""
    import fcntl
    import struct
    import termios
    place = Place(folder, "for i in 1 2 3 4 5 6 7 8; do echo \"line $i of $out\"; sleep 0.5; done", '["avx", "avx2", "avx512"]')
    child, terminal = pty.fork()
    if child == 0:
        os.execve(program, place.command("-j3", "--memory", "1000"), place.environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 100, 0, 0))
    before = termios.tcgetattr(terminal)
    told, pressed, started, raw = b"", False, time.monotonic(), None
    while True:
        if not pressed and b"line 2" in told:
            os.write(terminal, b"2")
            raw = termios.tcgetattr(terminal)
            pressed = True
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        told += piece
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    text = told.decode("utf-8", "replace")
    expect(code == 0 and "3 built" in text, text[-2000:])
    lines = re.sub(r"\x1b\[\d*[A-Z]", "", text)
    expect(re.search(r"^1 pytorch\S+ +[0-9.]+ s  building", lines, re.M) and "the key of its number opens a log" in text, text[:3000])
    expect(re.search(r"-- pytorch\S+: the end of its log", text) and re.search(r"^   line \d of ", text, re.M), text[-3000:])
    heights = [int(number) for number in re.findall(r"\x1b\[(\d+)A", text)]
    expect(heights and max(heights) <= 11, f"the table was {max(heights)} rows high")
    expect(raw is not None and not raw[3] & termios.ECHO and before[3] & termios.ECHO, "keys were echoed")


def main():
    need("nix-store")
    wanted = sys.argv[2:]
    tests = {name: test for name, test in globals().items() if name.startswith("test_")}
    failed, passed = [], 0
    for name, test in tests.items():
        if wanted and name not in wanted:
            continue
        with tempfile.TemporaryDirectory(prefix="lathe-fault-") as folder:
            started = time.monotonic()
            try:
                test(Path(folder))
                outcome = "ok"
                passed += 1
            except Skip as reason:
                outcome = f"skipped: {reason}"
            except AssertionError as problem:
                outcome = f"FAILED\n{problem}"
                failed.append(name)
            finally:
                subprocess.run(["chmod", "-R", "u+w", folder], check=False)
            print(f"{name}: {outcome} ({time.monotonic() - started:.1f} s)", flush=True)
    sys.exit(1 if failed else 0 if passed else SKIPPED)


main()

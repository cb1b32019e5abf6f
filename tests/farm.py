#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""farm.py TORCHLATHE: two builders on loopback, each with an sshd and a Nix store of its own; one is killed while it builds.

Every variant ends built, the dead builder is worked around, and the history says who built what. Then the same results go to
another store through ssh-ng and to a binary cache. Exits 77 (skipped) without sshd, or where Nix may not write its store.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mini_matrix import cpu_matrix
from needs import need_machines
from remote_machine import Machine, free_port, wait_for

root = Path(__file__).resolve().parent.parent
program = Path(sys.argv[1]).resolve()
need_machines()


# Every x86 CPU that builds today runs AVX, and three Pythons make three variants of it; the others are built where they run.
matrix = cpu_matrix("farm", (["3.11", "3.12", "3.13"], ["avx", "avx512"]), (["3.13"], ["avx2"]))


def package_set(folder):
    """nix/mini with a mark of this run in it, so that no store has its results yet; and the matrix that is built."""
    (folder / "matrix.toml").write_text(matrix)
    copy = folder / "mini"
    shutil.copytree(root / "nix/mini", copy)
    with open(copy / "builder.sh", "a") as file:
        file.write(f"# {folder}\nsleep 4\n")
    return copy


def build(folder, machines, environment, *words):
    return subprocess.Popen([program, "build", "--state", folder / "state", "-m", folder / "matrix.toml", "--nixpkgs", folder / "mini",
                             "--nix-option", "sandbox=false", "--format", "json", "--builders", f"@{machines}", *words],
                            env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def main():
    with tempfile.TemporaryDirectory(prefix="lathe-farm-") as name:
        folder = Path(name)
        package_set(folder)
        one, two = Machine(folder, "one"), Machine(folder, "two")
        try:
            run(folder, one, two)
        finally:
            one.kill()
            two.kill()
            subprocess.run(["chmod", "-R", "u+w", folder], check=False)


def run(folder, one, two):
    (folder / "ssh_config").write_text(one.ssh_config() + two.ssh_config())
    environment = dict(os.environ, NIX_SSHOPTS=f"-F {folder}/ssh_config", NIX_CONFIG="build-users-group =\nsubstitute = false\n")
    for machine in (one, two):
        wait_for(machine)
    machines = folder / "machines"
    machines.write_text(f"{one.uri} x86_64-linux - 1 2 big-parallel # is killed\n{two.uri} x86_64-linux - 1 2 big-parallel\n"
                        f"ssh-ng://nobody@127.0.0.1:{free_port()} x86_64-linux - 8 9 big-parallel # there is none\n"
                        f"ssh-ng://one aarch64-linux - 1 99 big-parallel # another system\n")

    # CPU builds: they need no CUDA toolkit. The machine that builds the first PyTorch on "one" is killed two seconds later; a shared
    # input may be done by then, and is not what is killed.
    process = build(folder, machines, environment, "-j0", "--kind", "cpu", "--copy-to", f"file://{folder}/cache")
    events, killed = [], None
    for line in process.stdout:
        event = json.loads(line)
        events.append(event)
        builds = event["event"] == "phase" and event["phase"] != "fetching" and event["variant"].startswith("pytorch-")
        if killed is None and builds and on(events, event["variant"]) == "one":
            time.sleep(2)
            one.kill()
            killed = event["variant"]
    errors = process.stderr.read()
    code = process.wait()
    told = "\n".join(json.dumps(event) for event in events) + errors
    assert killed, f"nothing was built on the first builder:\n{told}"
    assert code == 0, told

    builders = {event["uri"]: event for event in events if event["event"] == "builder"}
    assert len(builders) == 5, builders
    assert builders[two.uri]["problem"] == "" and builders[two.uri]["nix"] and builders[two.uri]["memory_bytes"] > 0, builders[two.uri]
    assert builders[two.uri]["proof"] == "CPUID and XCR0" and builders[two.uri]["isas"], builders[two.uri]
    assert any("nobody" in uri and event["problem"] for uri, event in builders.items()), builders

    ends = [event for event in events if event["event"] == "end" and event["state"] != "skipped"]
    variants = {event["variant"] for event in ends}
    assert len(variants) >= 3 and all(event["state"] == "built" for event in ends), told
    assert on(events, killed) == "two", told
    notes = [event["text"] for event in events if event["event"] == "note"]
    assert any("no longer answers" in note for note in notes) and any(killed in note for note in notes), notes
    for event in ends:
        assert all(Path(path).exists() for path in event["outputs"]), event

    rows = json.loads(subprocess.run([program, "history", "--state", folder / "state", "-f", "json"], env=environment, check=True,
                                     stdout=subprocess.PIPE).stdout)["builds"]
    assert {(row["variant"], row["status"], row["builder"]) for row in rows} >= {(killed, "lost", "one"), (killed, "built", "two")}, rows

    check_copies(folder, two, environment, ends)
    print(f"{len(variants)} variants built, the builder of {killed} was killed")


def on(events, variant):
    return [event["builder"] for event in events if event["event"] == "start" and event["variant"] == variant][-1]


def check_copies(folder, two, environment, ends):
    """--copy-to: the results of all variants lie in the binary cache; a second run sends them into a store behind ssh-ng."""
    outputs = [path for event in ends if event["variant"].startswith("pytorch-") for path in event["outputs"]]
    assert len(outputs) >= 3, ends
    for path in outputs:
        digest = Path(path).name.split("-")[0]
        assert (folder / f"cache/{digest}.narinfo").exists(), f"{path} is not in the cache"
    target = f"ssh-ng://two?remote-store=local%3Froot%3D{folder}/target"
    machines = folder / "none"
    machines.write_text("")
    process = build(folder, machines, environment, "--kind", "cpu", "--copy-to", target)
    told, errors = process.communicate()
    assert process.returncode == 0, told + errors
    for path in outputs:
        assert (folder / "target" / path.lstrip("/")).exists(), f"{path} is not in the other store\n{told}{errors}"
    # A cache that cannot be written is a failure that says so.
    process = build(folder, machines, environment, "--kind", "cpu", "--copy-to", "file:///proc/nowhere")
    told, errors = process.communicate()
    assert process.returncode == 1 and "not copied to file:///proc/nowhere" in told, told + errors


if __name__ == "__main__":
    main()

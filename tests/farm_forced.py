#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""farm_forced.py TORCHLATHE: builders whose ssh gives no shell, as farms set them up: the key runs one command and no other.

On loopback, with a real sshd and a Nix store each: `nix-daemon --stdio` (ssh-ng://), `nix-store --serve --write` (ssh://), and one where
nothing of Nix runs. Both that have a Nix prove by CPUID what they can run, through a derivation, and build;
then one of them is killed while it builds. Skipped (77) where farm.py is.
"""
import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from farm import build, on, package_set
from remote_machine import Machine, wait_for


def events_of(process, after_start=None):
    events = []
    for line in process.stdout:
        events.append(json.loads(line))
        if after_start and events[-1]["event"] == "phase" and events[-1]["phase"] != "fetching":
            after_start(on(events, events[-1]["variant"]), events[-1]["variant"])
    errors = process.stderr.read()
    return process.wait(), events, "\n".join(json.dumps(event) for event in events) + errors


def check_probe(events, daemon, serve, none, told):
    builders = {event["uri"] + " " + ",".join(event["systems"]): event for event in events if event["event"] == "builder"}
    here = builders[" x86_64-linux"]
    for machine, version in ((daemon, r"Nix \d+\.\d+\.\d+"), (serve, "")):  # the older protocol does not tell
        found = builders[machine.uri + " x86_64-linux"]
        assert found["problem"] == "" and found["shell"] is False and found["proof"] == "CPUID and XCR0", told
        assert found["isas"] == here["isas"] and found["cpu"] == here["cpu"], told
        assert re.fullmatch(version, found["nix"]) and found["memory_free_bytes"] == found["disk_free_bytes"] == 0, told
    refused = builders[none.uri + " x86_64-linux"]["problem"]
    assert "ssh gives no shell there, and Nix does not reach its store" in refused and "nix-daemon --stdio" in refused, told
    arm = builders[daemon.uri + " aarch64-linux"]
    assert arm["problem"] == "" and arm["proof"] == "" and arm["isas"] == [], told


def check_builds(folder, machines, environment, daemon, serve, none):
    code, events, told = events_of(build(folder, machines, environment, "-j0", "--kind", "cpu"))
    assert code == 0, told
    check_probe(events, daemon, serve, none, told)
    ends = [event for event in events if event["event"] == "end" and event["state"] != "skipped"]
    assert len(ends) >= 3 and all(event["state"] == "built" for event in ends), told
    for event in ends:
        assert all(Path(path).exists() for path in event["outputs"]), told
    used = {on(events, event["variant"]) for event in ends}
    assert used == {daemon.name, serve.name}, f"{used}\n{told}"
    print(f"{len(ends)} variants built on {' and '.join(sorted(used))}, neither has a shell")
    return next(event["variant"] for event in ends if event["variant"].startswith("pytorch"))


def check_death(folder, machines, environment, serve, daemon, variant):
    """The older protocol's machine dies; without a shell its ssh still tells that it is gone."""
    with open(folder / "mini/builder.sh", "a") as file:
        file.write("# once more\n")
    killed = []

    def kill(builder, name):
        if not killed and name == variant:  # not while a shared input is made
            assert builder == serve.name, builder
            time.sleep(2)
            serve.kill()
            killed.append(name)

    machines.write_text(f"{serve.uri} x86_64-linux - 1 9 big-parallel\n{daemon.uri} x86_64-linux - 1 1 big-parallel\n")
    code, events, told = events_of(build(folder, machines, environment, "-j0", variant), kill)
    assert code == 0 and killed, told
    assert on(events, variant) == daemon.name, told
    assert any("no longer answers" in event["text"] for event in events if event["event"] == "note"), told
    print(f"{serve.name} was killed, {daemon.name} built {variant}")


def check_daemon(folder, machines, environment, daemon, variant):
    """Only the ssh of Nix's own daemon knows the way, as where the key is root's: the builder is proven through that, and builds."""
    with open(folder / "mini/builder.sh", "a") as file:
        file.write("# through the daemon\n")
    socket = folder / "socket"
    service = subprocess.Popen(["nix-daemon"], env=dict(environment, NIX_DAEMON_SOCKET_PATH=str(socket)), stderr=subprocess.DEVNULL)
    try:
        while not socket.exists():
            assert service.poll() is None, "nix-daemon ended"
            time.sleep(0.1)
        machines.write_text(f"{daemon.uri} x86_64-linux - 1 1 big-parallel\n")
        code, events, told = events_of(build(folder, machines, dict(environment, NIX_REMOTE=f"unix://{socket}", NIX_SSHOPTS=""), "-j0", variant))
        assert code == 0 and on(events, variant) == daemon.name, told
        found, = [event for event in events if event["event"] == "builder" and event["uri"] == daemon.uri]
        assert found["problem"] == "" and found["proof"] == "CPUID and XCR0", told
        print(f"{daemon.name} built {variant} through a Nix daemon whose ssh alone gets there")
    finally:
        service.terminate()
        service.wait()


def main():
    with tempfile.TemporaryDirectory(prefix="lathe-farm-") as name:
        folder = Path(name)
        package_set(folder)
        daemon = Machine(folder, "daemon", "nix-daemon --stdio")
        serve = Machine(folder, "serve", "nix-store --serve --write")
        none = Machine(folder, "none", "echo This account is currently not available.")
        environment = dict(os.environ, NIX_SSHOPTS=f"-F {folder}/ssh_config", NIX_CONFIG="build-users-group =\nsubstitute = false\n")
        try:
            (folder / "ssh_config").write_text("".join(machine.ssh_config() for machine in (daemon, serve, none)))
            for machine in (daemon, serve, none):
                wait_for(machine)
            machines = folder / "machines"
            machines.write_text(f"{daemon.uri} x86_64-linux - 1 1 big-parallel\n{serve.uri} x86_64-linux - 1 1 big-parallel\n"
                                f"{none.uri} x86_64-linux - 1 1 big-parallel\n{daemon.uri} aarch64-linux - 1 1 big-parallel\n")
            variant = check_builds(folder, machines, environment, daemon, serve, none)
            check_death(folder, machines, environment, serve, daemon, variant)
            check_daemon(folder, machines, environment, daemon, variant)
        finally:
            for machine in (daemon, serve, none):
                machine.kill()
            subprocess.run(["chmod", "-R", "u+w", folder], check=False)


main()

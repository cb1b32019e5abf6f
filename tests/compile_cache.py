#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compile_cache.py TORCHLATHE [remote] [users]: where a build may write into settings.compile_cache and where it may not, by real builds.

remote: builders on loopback whose sandbox does not show the folder, whose machine does not have it (a mount namespace of its own), and
whose nix.conf lets it in. users: two users of the group nixbld, as a Nix daemon builds, in a private mount namespace with another
/etc/passwd and /etc/group; Nix's sandbox is on. Skipped (77) without root, mounts, sshd, ccache, CMake or Nix.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from farm import package_set, program
from mini_matrix import cpu_matrix
from needs import need
from nix_store import store_at
from remote_machine import Machine, wait_for

MATRIX = cpu_matrix("cache", (["3.13"], ["avx", "avx2"]), more='[settings]\ncompile_cache = "CACHE"\n')
AVX = "pytorch-python313-cpu-avx"
FIRST_USER = 39901  # Nix ends all processes of a user that builds: these have none


def build(folder, environment, mark, *words):
    """The package set with `mark` in its builder's script: other derivations, whose compilers get the same command lines."""
    shutil.rmtree(folder / "mini", ignore_errors=True)
    with open(package_set(folder) / "builder.sh", "a") as file:
        file.write(f"# {mark}\n")
    done = subprocess.run([program, "build", "-m", folder / "m.toml", "--state", folder / "state", "--nixpkgs", folder / "mini", "--no-verify", "--any-cpu",
                           "--format", "json", *words], env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert all(event["state"] == "built" for event in events if event["event"] == "end" and event["variant"].startswith("pytorch")), told
    return [event["text"] for event in events if event["event"] == "note"], told


def counted(cache):
    """(hits, misses) so far."""
    text = subprocess.run(["ccache", "--print-stats"], env=dict(os.environ, CCACHE_DIR=str(cache)), check=True, stdout=subprocess.PIPE, text=True).stdout
    stats = {key: int(value) for key, value in (line.split("\t") for line in text.splitlines())}
    return stats["direct_cache_hit"] + stats["preprocessed_cache_hit"], stats["cache_miss"]


def files_in(cache):
    return [path for path in cache.rglob("*") if path.is_file()]


def remote(folder):
    cache = folder / "shared/cache"
    (folder / "m.toml").write_text(MATRIX.replace("CACHE", str(cache)))
    hidden = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs "$0" && exec "$@"', folder / "shared")
    cache.mkdir(parents=True)
    machines = {"closed": Machine(folder, "closed"), "without": Machine(folder, "without", sandbox_paths=f"{cache}?", within=hidden),
                "with": Machine(folder, "with", sandbox_paths=f"{cache}?")}
    try:
        (folder / "ssh_config").write_text("".join(machine.ssh_config() for machine in machines.values()))
        environment = dict(os.environ, NIX_SSHOPTS=f"-F {folder}/ssh_config", NIX_CONFIG="build-users-group =\nsubstitute = false\n")

        def on(name, mark):
            wait_for(machines[name])
            return build(folder, environment, mark, "-j0", "--builders", f"{machines[name].uri} x86_64-linux - 1 1 big-parallel", AVX)

        for name in ("closed", "without"):
            notes, told = on(name, name)
            assert notes == [f"{name}: no compile cache: {cache} is not there"], told
            assert not files_in(cache), f"{name} wrote into it"
        notes, told = on("with", "first")
        hits, misses = counted(cache)
        assert not notes and hits == 0 and misses > 0, f"{hits} hits, {misses} misses\n{told}"
        on("with", "second")
        assert counted(cache) == (misses, misses), f"{counted(cache)} after {misses} misses"
        print(f"remote: two builders without the folder build without it; the third's second build took all {misses} objects from it")
    finally:
        for machine in machines.values():
            machine.kill()


def become_builders(folder):
    """In a mount namespace of our own: the group nixbld and two users in it."""
    names = [f"nixbld{i}" for i in (1, 2)]
    for file, lines in {"passwd": [f"{name}:x:{FIRST_USER + i}:{FIRST_USER}::/var/empty:/bin/false" for i, name in enumerate(names)],
                        "group": [f"nixbld:x:{FIRST_USER}:{','.join(names)}"]}.items():
        others = [line for line in Path("/etc", file).read_text().splitlines() if not line.startswith("nixbld")]
        (folder / file).write_text("\n".join(others + lines) + "\n")
        (folder / file).chmod(0o644)
        subprocess.run(["mount", "--bind", folder / file, f"/etc/{file}"], check=True)


def users(folder):
    if os.environ.get("COMPILE_CACHE_TEST") != str(folder):
        done = subprocess.run(["unshare", "-m", sys.executable, __file__, program, "users", folder], env=dict(os.environ, COMPILE_CACHE_TEST=str(folder)))
        assert done.returncode == 0, "see above"
        return
    become_builders(folder)
    folder.chmod(0o755)
    cache = folder / "cache"
    (folder / "m.toml").write_text(MATRIX.replace("CACHE", str(cache)))
    environment = dict(os.environ, **store_at(folder, "build-users-group = nixbld\nsandbox = true\nsandbox-fallback = false\nsubstitute = false\n"
                                                      "sandbox-paths = /bin /usr /lib /lib64 /etc/alternatives\n"))
    words = ("--builders", "", "-j2", "--memory", "1000")
    notes, told = build(folder, environment, "first", *words)
    hits, misses = counted(cache)
    owners = {path.stat().st_uid for path in files_in(cache)}
    groups = {path.stat().st_gid for path in [cache, *cache.rglob("*")]}
    assert not notes and misses > 0, f"{hits} hits, {misses} misses\n{told}"
    assert owners == {FIRST_USER, FIRST_USER + 1} and groups == {FIRST_USER}, f"files of {owners}, groups {groups}"
    build(folder, environment, "second", *words)
    assert counted(cache) == (hits + misses + hits, misses), f"{counted(cache)} after {hits} hits, {misses} misses"
    # One closed folder in it: ccache would fail, the build does not.
    (cache / "0").mkdir(exist_ok=True)
    os.chown(cache / "0", 0, 0)
    (cache / "0").chmod(0o700)
    notes, told = build(folder, environment, "third", *words)
    assert notes == [f"this machine: no compile cache: {cache}/0 is closed to the user that builds"], told
    print(f"users: two users of nixbld share the cache: {misses} objects kept, all taken by the second build; one closed folder in it is no failure")


def can_mount():
    return subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], stderr=subprocess.DEVNULL).returncode == 0


def main():
    need("ccache", "cmake", "ninja", "unshare", also={"a mount namespace of its own": can_mount()})
    if "COMPILE_CACHE_TEST" in os.environ:
        users(Path(sys.argv[3]))
        return
    for part in (remote, users):
        if sys.argv[2:] and part.__name__ not in sys.argv[2:]:
            continue
        with tempfile.TemporaryDirectory(prefix="lathe-cache-") as folder:
            try:
                part(Path(folder))
            finally:
                subprocess.run(["chmod", "-R", "u+w", folder], check=False)


main()

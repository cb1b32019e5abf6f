#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cache_distance.py TORCHLATHE: what a binary cache has of a variant, as `build --dry-run` says it. A real cache is made by `nix copy`
from a store of its own and asked as file:// and over HTTP; then it is cut off, and that must be said. Exits 77 (skipped) without Nix."""
import functools
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from needs import need
from nix_store import store_at

need("nix", "nix-store", "nix-build", also={"root": os.geteuid() == 0})
program = Path(sys.argv[1]).resolve()
mini = Path(__file__).resolve().parent.parent / "nix/mini"
name = "pytorch-python313-cuda13_0-sm90-avx2"


def run(words, env, **more):
    return subprocess.run([str(word) for word in words], env={**os.environ, **env}, capture_output=True, text=True, **more)


def dry_run(folder, *options):
    """The report on one variant, in a store that has nothing yet."""
    env = store_at(folder / "empty", "build-users-group =\nsandbox = false\nrequire-sigs = false\n")
    done = run([program, "build", "--any-cpu", "-m", "cuda-13_0", name, "--nixpkgs", mini, "--state", folder / "state", "--dry-run", "-f", "json", *options], env)
    assert done.returncode == 0, done.stderr + done.stdout
    report = json.loads(done.stdout)
    return report, next(each for each in report["variants"] if each["name"] == name)


def check(what, got, want):
    assert got == want, f"{what}: {got}, expected {want}"
    print(f"ok  {what}")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _, offline = dry_run(folder, "--offline")
        check("offline: asked", _["asked"], False)
        assert offline["build"] > 1 and offline["fetch"] == 0, offline
        small = [each["name"] for each in offline["inputs"] if "cudnn" in each["name"] or "typing" in each["name"]]
        assert small, offline["inputs"]

        # The same store paths, so the same store folder: built there, copied into a cache, and gone again.
        env = store_at(folder / "empty")
        store = folder / "empty/store"
        derivations = [path for path in store.glob("*.drv") if any(path.name[33:-4] == each for each in small)]
        built = run(["nix-store", "--realise", *derivations], env)
        assert built.returncode == 0, built.stderr
        outputs = built.stdout.split()
        cache = folder / "cache"
        copied = run(["nix", "--extra-experimental-features", "nix-command", "copy", "--to", f"file://{cache}", *outputs], env)
        assert copied.returncode == 0, copied.stderr
        gone = run(["nix-store", "--delete", *outputs], env)
        assert gone.returncode == 0, gone.stderr

        def with_cache(uri):
            report, variant = dry_run(folder, "--substituters", uri)
            found = sorted(each["name"] for each in variant["inputs"] if each["state"] == "cache")
            check(f"{uri.split(':')[0]}: what it has", found, sorted(small))
            check(f"{uri.split(':')[0]}: which cache", {each["cache"] for each in variant["inputs"] if each["state"] == "cache"}, {uri})
            check(f"{uri.split(':')[0]}: counts", (variant["fetch"], variant["build"]), (len(outputs), offline["build"] - len(small)))
            assert variant["unpacked_bytes"] > 0 and report["caches"][0]["answers"], report
            return variant

        with_cache(f"file://{cache}")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=cache))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        uri = f"http://127.0.0.1:{server.server_port}"
        variant = with_cache(uri)
        assert variant["download_bytes"] > 0, variant
        server.shutdown()
        server.server_close()

        report, variant = dry_run(folder, "--substituters", uri)
        check("cut off: said", (report["caches"][0]["answers"], bool(report["caches"][0]["trouble"])), (False, True))
        check("cut off: not taken for empty", {each["state"] for each in variant["inputs"] if each["name"] in small}, {"unknown"})
        report, variant = dry_run(folder, "--substituters", f"{uri} file://{cache}")
        check("one cut off, one there", {each["state"] for each in variant["inputs"] if each["name"] in small}, {"cache"})


main()

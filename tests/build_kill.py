#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""build_kill.py TORCHLATHE [KILLS [SEED]]: `kill -9` of torchlathe at random moments, then --resume; again and again.

The real Nix in a store of its own, on nix/mini with a torch that builds in a second. However often it was killed: the results are
those of a run that nobody disturbs, what Nix has is never built again, and the history says so. (Killed between the end of a builder
and Nix' own note of it, Nix does not have the result yet, and builds it again.) Exits 77 (skipped) without Nix.
"""
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from mini_matrix import cpu_matrix
from needs import need
from nix_store import store_at

root = Path(__file__).resolve().parent.parent
program = Path(sys.argv[1]).resolve()
kills = int(sys.argv[2]) if len(sys.argv) > 2 else 24
seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 30)
need("nix-store")

MATRIX = cpu_matrix("kill", (["3.11", "3.12", "3.13"], ["avx", "avx2"]))
VARIANTS = 6


def package_set(folder, mark):
    """nix/mini whose torch needs no compiler. What was built is written down outside the store, when it starts and when it ends."""
    copy = folder / f"mini-{mark}"
    shutil.copytree(root / "nix/mini", copy)
    scripts = copy / "torch/scripts"
    (scripts / "configure.sh").write_text(f"echo start $out >>{folder}/built-{mark}\n")
    (scripts / "build.sh").write_text("sleep 0.$((RANDOM % 5 + 1))\n")
    (scripts / "check.sh").write_text("true\n")
    (scripts / "install.sh").write_text(f"mkdir -p $out $lib $dev $cxxdev $dist; echo {mark} >$out/torch; echo end $out >>{folder}/built-{mark}\n")
    return copy


class Campaign:
    """One state folder and one package set: killed until all is built."""

    def __init__(self, folder, mark):
        self.folder, self.mark, self.kills = folder, mark, 0
        self.state = folder / f"state-{mark}"
        self.starts_when_had = {}  # by output: how often its builder had started when Nix was first seen to have it
        self.environment = dict(os.environ, **store_at(folder))
        self.set = package_set(folder, mark)
        self.command = [program, "build", "--state", self.state, "-m", folder / "m.toml", "--nixpkgs", self.set, "-j2", "--no-verify", "--any-cpu",
                        "--memory", "64"]

    def builders(self, event):
        """How often each output's builder came to this event: {"/store/...": 1}"""
        log = self.folder / f"built-{self.mark}"
        return Counter(line.split()[1] for line in open(log) if line.startswith(event)) if log.exists() else Counter()

    def note_what_nix_has(self):
        database = self.folder / "var/db/db.sqlite"
        if not database.exists():
            return
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20) as nix:
            has = {path for path, in nix.execute("select path from ValidPaths")}
        for output, starts in self.builders("start").items():
            if output in has:
                self.starts_when_had.setdefault(output, starts)

    def start(self, *more):
        self.note_what_nix_has()
        return subprocess.Popen([*self.command, *more], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, limit):
        """Kills up to `limit` times; then lets it end."""
        resume = []
        while self.kills < limit:
            process = self.start(*resume)
            resume = ["--resume"]
            try:
                process.wait(random.uniform(0.02, 3))
                break  # it was done before the blow came
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                self.kills += 1
        process = self.start(*resume)
        told, _ = process.communicate()
        assert process.returncode == 0, f"--resume failed:\n{told}"
        self.check(told)
        return self.kills

    def check(self, told):
        derivations = subprocess.run(["nix-instantiate", *sorted((self.state / "recipes").glob("*.nix")), "--arg", "nixpkgs", self.set],
                                     env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
        wanted = {}
        for recipe, derivation in zip(sorted((self.state / "recipes").glob("*.nix")), derivations.stdout.split()):
            outputs = subprocess.run(["nix-store", "-q", "--outputs", derivation], env=self.environment, stdout=subprocess.PIPE, text=True, check=True)
            wanted[recipe.stem] = set(outputs.stdout.split())
        assert len(wanted) == VARIANTS, wanted
        for name, outputs in wanted.items():
            linked = {os.path.realpath(link) for link in (self.state / "results").iterdir() if re.fullmatch(name + "(-[a-z]+)?", link.name)}
            assert linked == outputs, f"{name} has {linked}, undisturbed it has {outputs}\n{told}"

        ends, starts = self.builders("end"), self.builders("start")
        outputs = {output for group in wanted.values() for output in group}
        assert set(ends) <= outputs and len(ends) == VARIANTS, ends
        again = {output for output, had in self.starts_when_had.items() if starts[output] != had}
        assert not again, f"built although Nix had it: {again}"
        if self.kills == 0:
            assert set(ends.values()) == {1}, f"built twice: {ends}"
        rows = json.loads(subprocess.run([program, "history", "--state", self.state, "--most", "1000", "-f", "json"], env=self.environment,
                                         stdout=subprocess.PIPE, check=True).stdout)["builds"]
        assert not [row for row in rows if row["status"] == "running"], rows
        # Beside them what they share: typing-extensions, triton with its source and its LLVM.
        others = {row["variant"] for row in rows if row["status"] in ("built", "cached")} - set(wanted)
        shared = re.compile(r"typing-extensions-[\d.]+|source|(python[\d.]+-)?triton-(llvm-)?[\w.-]+")
        assert all(shared.fullmatch(other) for other in others), others
        assert set(wanted) <= {row["variant"] for row in rows if row["status"] in ("built", "cached")}, rows


def main():
    random.seed(seed)
    print(f"seed {seed}")
    done = campaigns = 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lathe-kill-") as name:
        folder = Path(name)
        (folder / "m.toml").write_text(MATRIX)
        # Nix makes its database at its first start, as no build does: killed before it has written the first file, it is beyond repair.
        subprocess.run(["nix-store", "--init"], env=dict(os.environ, **store_at(folder)), check=True)
        try:
            while done < kills:
                done += Campaign(folder, campaigns).run(kills - done)
                campaigns += 1
        finally:
            subprocess.run(["chmod", "-R", "u+w", folder], check=False)
    print(f"{done} kills in {campaigns} matrices of {VARIANTS}, {time.monotonic() - started:.0f} s: the same results, nothing built that Nix had")


main()

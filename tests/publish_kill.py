#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""publish_kill.py TORCHLATHE: `publish --to` killed at random moments, with a stand-in for nix that copies slowly.

After each kill: index.json is whole JSON, index.html is whole, the ledger opens, the index names nothing that the ledger lacks,
and nothing that the cache lacks; the next run publishes the rest, and nothing twice.
"""
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

program = Path(sys.argv[1]).resolve()
rounds = 25
isas = ["avx", "avx2", "avx512", "avx512vnni", "avx512bf16"]
random.seed(8)

NIX = """#!/bin/sh
case "$*" in
  *path-info*) echo "x 1234"; exit 0;;
  *copy*) sleep 0.02; for path; do :; done; touch "$CACHE/$(basename "$path")"; echo "$path" >> "$CACHE/copied";;
esac
"""

with tempfile.TemporaryDirectory(prefix="lathe-publish-") as folder:
    os.chdir(folder)
    here = Path(folder)
    matrix = '[matrix]\nname = "few"\n[nixpkgs.p]\nrev = "' + "a" * 40 + '"\ntorch = "2.9.1"\ncuda = "12.9"\n'
    matrix += '[[build]]\nkind = "cpu"\npytorch = ["2.9.1"]\npython = ["3.11", "3.12", "3.13"]\nisas = ' + json.dumps(isas) + "\n"
    (here / "m.toml").write_text(matrix)
    (here / "bin").mkdir()
    (here / "bin/nix").write_text(NIX)
    (here / "bin/nix").chmod(0o755)
    environment = dict(os.environ, PATH=f"{here}/bin:{os.environ['PATH']}", CACHE=f"{here}/cache")
    names = [v["name"] for v in json.loads(subprocess.check_output([program, "list", "-m", "m.toml", "-f", "json"]))["variants"]]
    assert len(names) == 15
    command = [program, "publish", "-m", "m.toml", "--to", f"file://{here}/cache"]
    (here / "cache").mkdir()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)  # nothing is built: makes the history
    results = here / ".torchlathe/results"
    results.mkdir()
    history = sqlite3.connect(here / ".torchlathe/history.db")
    history.execute("INSERT INTO runs (id, started, matrix, driver, pid) VALUES (1, 1, 'few', 'nix', 1)")
    for number, name in enumerate(names):
        path = here / f"store/{number:032d}-{name}"
        path.mkdir(parents=True)
        (results / name).symlink_to(path)
        history.execute("INSERT INTO builds (run, variant, started, status) VALUES (1, ?, 1, 'built')", (name,))
    history.commit()
    history.close()

    def look():
        index = json.loads((here / "cache/index.json").read_text())
        assert (here / "cache/index.html").read_text().endswith("</html>\n")
        listed = {v["name"]: v["store_path"] for v in index["variants"]}
        ledger = sqlite3.connect(here / ".torchlathe/history.db")
        assert ledger.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = ledger.execute("SELECT variant, what FROM published").fetchall()
        ledger.close()
        assert set(listed.items()) <= set(rows), "the index names what the ledger lacks"
        assert all((here / "cache" / Path(path).name).exists() for _, path in rows), "the ledger names what the cache lacks"
        assert len(rows) == len(set(rows)), "published twice"
        return len(rows)

    kills, done = 0, 0
    for _ in range(rounds):
        child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(random.uniform(0.02, 0.4))
        if child.poll() is None:
            kills += 1
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        done = look()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    assert look() == len(names)
    assert len(json.loads((here / "cache/index.json").read_text())["variants"]) == len(names)
    assert kills > 0
    print(f"{kills} kills; {done} of {len(names)} published before the last run, all after it")

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Carves the installed PyTorch for the GPU in this machine and proves that it computes the same, bit for bit.

README.md beside says what is compared. Knows nothing of the samples themselves (samples.py)."""
import argparse
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from judge import judge

HERE = Path(__file__).resolve().parent


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torchlathe", required=True, help="the program")
    parser.add_argument("--gpu", help="compute capability [the GPU in this machine]")
    parser.add_argument("--out", default="proof", help="folder for results [proof]")
    parser.add_argument("--work", help="folder for the carved copy [a temporary one]")
    parser.add_argument("--jobs", type=int, default=4, help="processes for each run [4]")
    parser.add_argument("--limit", type=int, default=20, help="samples of each operator and type [20]")
    parser.add_argument("--minutes", type=float, default=8.5, help="stop a run after this [8.5]")
    parser.add_argument("--processes", type=int, default=60, help="at most so many of each side where outcomes vary [60]")
    parser.add_argument("--passes", type=int, default=5, help="runs of a sample in each of these [5]")
    parser.add_argument("--environment", action="store_true", help="carve all that lies beside torch too, with NVIDIA's libraries")
    parser.add_argument("--carve", action="append", default=[], help="another option for carve, as --carve=--strip-symbols")
    return parser.parse_args()


def device():
    """Capability and driver, from a process of its own: this one must not hold the GPU."""
    text = subprocess.run([sys.executable, "-c", "import torch; print(*torch.cuda.get_device_capability(), sep='.')"],
                          capture_output=True, text=True)
    if text.returncode:
        sys.exit(f"compare.py: no usable GPU: {text.stderr.strip().splitlines()[-1:]}")
    driver = subprocess.run(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"], capture_output=True, text=True)
    return text.stdout.strip(), driver.stdout.strip()


def carve_environment(torchlathe, gpu, work, more):
    """A folder to put on PYTHONPATH: all that lies beside the installed torch, carved, NVIDIA's libraries too."""
    packages = Path(importlib.util.find_spec("torch").origin).parent.parent
    site, start = work / "site", time.monotonic()
    work.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([torchlathe, "carve", packages, "--gpu", gpu, "--include-vendor", "--output", site, "--format", "json", *more],
                          capture_output=True, text=True)
    if done.returncode not in (0, 1) or not site.is_dir():  # 1: some library has nothing for this GPU
        sys.exit(f"compare.py: carve failed:\n{done.stdout[-2000:]}{done.stderr}")
    report = json.loads(done.stdout)
    report["seconds"] = round(time.monotonic() - start, 2)
    return site, report


def carve(torchlathe, gpu, work, more):
    """A folder to put on PYTHONPATH: the carved torch, and links to all that lies beside the installed one."""
    torch = Path(importlib.util.find_spec("torch").origin).parent
    site = work / "site"
    site.mkdir(parents=True)
    for neighbour in torch.parent.iterdir():
        if neighbour.name not in ("torch", "__pycache__"):
            (site / neighbour.name).symlink_to(neighbour)
    start = time.monotonic()
    done = subprocess.run([torchlathe, "carve", torch, "--gpu", gpu, "--output", site / "torch", "--format", "json", *more],
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"compare.py: carve failed:\n{done.stdout}{done.stderr}")
    report = json.loads(done.stdout)
    report["seconds"] = round(time.monotonic() - start, 2)
    return site, report


class Run:
    """All samples through one torch, in several processes."""

    def __init__(self, name, site, out, options, only=None, deterministic=False, shuffle=None):
        self.name, self.folder, self.limit = name, out / name, options.limit
        self.folder.mkdir(parents=True)
        self.more = ["--deterministic"] if deterministic else []
        if shuffle is not None:
            self.more += ["--passes", str(options.passes), "--shuffle", str(shuffle)]
        if only is not None:
            (self.folder / "only").write_text("\n".join(only))
            self.more += ["--only", str(self.folder / "only")]
        self.environment = dict(os.environ, TORCHINDUCTOR_CACHE_DIR=str(self.folder / "inductor"),
                                TRITON_CACHE_DIR=str(self.folder / "triton"), PYTHONDONTWRITEBYTECODE="1")
        if site:
            self.environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
        if deterministic:
            self.environment["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
        self.shares = options.jobs if only is None else 1
        self.processes = [None] * self.shares
        self.crashes = 0

    def path(self, share):
        return self.folder / f"{share}.jsonl"

    def start(self, share):
        command = [sys.executable, str(HERE / "samples.py"), str(share), str(self.shares), str(self.path(share)), str(self.limit), *self.more]
        log = open(self.folder / f"{share}.log", "a")
        self.processes[share] = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    def step(self):
        """Starts what has died before its end; True while something runs."""
        busy = False
        for share, process in enumerate(self.processes):
            if process is None or process.poll() is None:
                busy = busy or process is not None
            elif process.returncode != 0 and self.crashes < 200 and self.advanced(share):
                self.crashes += 1
                self.start(share)
                busy = True
            else:
                self.processes[share] = None
        return busy

    def advanced(self, share):
        """Did it begin anything since it was started last? If not, starting it again is of no use."""
        size = self.path(share).stat().st_size if self.path(share).exists() else 0
        before, self.sizes = getattr(self, "sizes", {}).get(share, -1), {**getattr(self, "sizes", {}), share: size}
        return size != before

    def stop(self):
        for process in self.processes:
            if process is not None:
                process.kill()
                process.wait()

    def outcomes(self):
        """{sample: what its passes gave, in order}."""
        found = {}
        for name, record in self.results().items():
            found.setdefault(re.sub(r" @\d+$", "", name), []).append(json.dumps(record, sort_keys=True))
        return found

    def results(self):
        found, self.about, self.whole = {}, {}, True
        for share in range(self.shares):
            ended, begun = False, None
            for line in open(self.path(share)) if self.path(share).exists() else []:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue  # cut off by the time limit
                if "about" in record:
                    self.about = record.pop("about")
                elif "begin" in record:
                    if begun and not re.search(r" done( @\d+)?$", begun):
                        found.setdefault(begun, {"crash": True})
                    begun = record["begin"]
                elif "name" in record:
                    found[record.pop("name")] = record
                    begun = None
                else:
                    ended = True
            self.whole = self.whole and ended
        return found


def run_all(runs, end):
    """All at once, until the monotonic time `end`."""
    for run in runs:
        for share in range(run.shares):
            run.start(share)
    try:
        while any([run.step() for run in runs]):
            if time.monotonic() > end:
                print("compare.py: time is up; comparing what there is", flush=True)
                break
            time.sleep(0.5)
    finally:
        for run in runs:
            run.stop()


class Verdicts:
    """What became of each sample, round by round. Only what the rounds before left open is run again."""

    def __init__(self, site, out, wanted):
        self.site, self.out, self.wanted = site, out, wanted
        self.runs, self.end = [], time.monotonic() + wanted.minutes * 60
        self.equal, self.same_with_deterministic, self.unsteady, self.different = [], [], [], []

    def round(self, label, repeats, **how):
        sides = [[Run(f"{label}-{side}-{n + 1}", site, self.out, self.wanted, **how) for n in range(repeats)]
                 for side, site in (("original", None), ("carved", self.site))]
        runs = sides[0] + sides[1]
        run_all(runs, self.end)
        self.runs += runs
        self.results = [[run.results() for run in side] for side in sides]
        return compare(*self.results)

    def run(self):
        self.equal, unsteady, different, self.errors = self.round("all", 2)
        self.first, self.backward = self.results, sum(has_gradient(self.results[0][0][name]) for name in self.equal)
        print(f"first round: {len(self.equal)} equal, {len(unsteady)} unsteady, {len(different)} to be looked at", flush=True)
        contested = sorted(unsteady + different)
        if contested:
            self.same_with_deterministic, _, differ_still, _ = self.round("deterministic", 2, only=contested, deterministic=True)
            self.unsteady = sorted(set(unsteady) - set(self.same_with_deterministic))
            different = sorted((set(different) - set(self.same_with_deterministic)) | set(differ_still))
            print(f"with deterministic algorithms: {len(self.same_with_deterministic)} of these {len(contested)} equal", flush=True)
        self.by_outcomes(sorted(set(self.unsteady) | set(different)))

    def by_outcomes(self, names):
        """Rounds of six processes a side, until every sample is judged or the processes are used up."""
        self.unsteady, self.open = [], []
        shown = [{name: [] for name in names} for _ in range(2)]
        number = 0
        while names and number < self.wanted.processes and time.monotonic() < self.end:
            runs = [[Run(f"outcomes-{side}-{number + n + 1}", site, self.out, self.wanted, only=names, shuffle=number + n)
                     for n in range(6)] for side, site in (("original", None), ("carved", self.site))]
            run_all(runs[0] + runs[1], self.end)
            self.runs += runs[0] + runs[1]
            number += 6
            for side, some in zip(shown, runs):
                for found in (run.outcomes() for run in some):
                    for name in names:
                        if name in found:
                            side[name].append(found[name])
            verdicts = {name: judge(shown[0][name], shown[1][name]) for name in names}
            print(f"outcomes of {number} processes a side: {json.dumps(Counter(verdicts.values()))}", flush=True)
            self.different += [name for name in names if verdicts[name] == "different"]
            self.unsteady += [name for name in names if verdicts[name] in ("within", "equal") and number >= 12]
            names = [name for name in names if name not in self.different and name not in self.unsteady]
        self.open = names
        self.outcomes = {name: [len({o for process in side[name] for o in process}) for side in shown] for name in shown[0]}


def has_gradient(result):
    return result.get("backward", "none") != "none" and not str(result["backward"]).startswith("error")


def compare(originals, carved):
    """Names: equal, unsteady (the originals disagree), different (all carved runs disagree with steady originals)."""
    equal, unsteady, different, errors = [], [], [], 0
    common = set.intersection(*(set(r) for r in originals + carved))
    for name in sorted(common):
        wanted = [r[name] for r in originals]
        got = [r[name] for r in carved]
        if any(w != wanted[0] for w in wanted):
            unsteady.append(name)
        elif any(g == wanted[0] for g in got):
            equal.append(name)
            errors += "error" in wanted[0] or "crash" in wanted[0]
        else:
            different.append(name)
    return equal, unsteady, different, errors


def library_sizes(folder):
    return sum(f.stat().st_size for f in Path(folder).rglob("*.so*") if f.is_file() and not f.is_symlink())


def main():
    wanted = options()
    out = Path(wanted.out)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    capability, driver = device()
    gpu = wanted.gpu or capability
    work = Path(wanted.work or tempfile.mkdtemp(prefix="lathe-gpu-"))
    try:
        site, carved = (carve_environment if wanted.environment else carve)(wanted.torchlathe, gpu, work, wanted.carve)
        print(f"carved for {gpu} in {carved['seconds']} s: {carved['size_before']:,} -> {carved['size_after']:,} bytes", flush=True)
        for file in carved["files"]:
            if file["outcome"] == "carved":
                print(f"  {file['path']}: {file['size_before']:,} -> {file['size_after']:,} bytes, "
                      f"{file['images_before']} -> {file['images_after']} images", flush=True)
        start = time.monotonic()
        verdicts = Verdicts(site, out, wanted)
        verdicts.run()
    finally:
        if not wanted.work:
            shutil.rmtree(work, ignore_errors=True)
    original, copy = (next(run for run in verdicts.runs if f"all-{side}" in run.name) for side in ("original", "carved"))
    report = {"driver": driver, "original": original.about, "carved": copy.about, "carve": carved,
              "seconds": round(time.monotonic() - start, 1), "whole": all(run.whole for run in verdicts.runs),
              "crashes": {run.name: run.crashes for run in verdicts.runs if run.crashes},
              "samples": [len(r) for side in verdicts.first for r in side], "equal": len(verdicts.equal),
              "equal_with_backward": verdicts.backward, "equal_errors": verdicts.errors,
              "equal_with_deterministic_algorithms": verdicts.same_with_deterministic,
              "unsteady": verdicts.unsteady, "open": verdicts.open, "outcomes": verdicts.outcomes, "different": verdicts.different}
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps({k: report[k] for k in ("driver", "original", "carved", "seconds", "whole", "crashes", "samples")}, indent=1))
    print("unsteady in the original:", ", ".join(verdicts.unsteady) or "none")
    print("open:", ", ".join(f"{name} ({'/'.join(map(str, verdicts.outcomes[name]))} outcomes)" for name in verdicts.open) or "none")
    for name in verdicts.different:
        print(f"DIFFERENT {name}: {verdicts.first[0][0][name]} {verdicts.first[1][0].get(name)}")
    print(f"{len(verdicts.equal)} samples equal bit for bit ({verdicts.backward} with gradients, {verdicts.errors} of them the same "
          f"error), {len(verdicts.same_with_deterministic)} more with deterministic algorithms, {len(verdicts.unsteady)} with "
          f"several outcomes that are all the original's, {len(verdicts.open)} open, {len(verdicts.different)} different")
    if not verdicts.equal or not copy.about or copy.about.get("file") == original.about.get("file"):
        sys.exit("compare.py: the carved torch did not run")
    return 1 if verdicts.different else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: MIT
"""Calls of every command, for tests of what all of them print: tests/width.py, tests/output_schemas.py. make_scene() puts the files there that
they are called with: two fat libraries, recipes of which some are wrong, a history, a PyTorch that does not import."""
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import small_wheel
from mini_matrix import cpu_matrix
from needs import need

tests = Path(__file__).resolve().parent
root = tests.parent
VARIANT = "pytorch-python313-cuda13_0-sm90-avx512"
NIX = shutil.which("nix-instantiate") and os.access("/nix/store", os.W_OK) and os.geteuid() == 0

# (arguments; does it take --format json?). $TESTS is the folder tests/.
PLAIN = [["--help"], ["init", "new.toml"], ["help", "list"], ["help", "carve"], ["help", "shrink"], ["help", "gpus"], ["help", "exit-codes"], ["help", "environment"],
         ["list", "--help"], ["carve", "--help"], ["build", "--help"], ["select", "--help"], ["docs", "page.md", "-n", "-m", "cuda-13_0"],
         ["explain"], ["audit", "--explain", "all"], ["list", "--gpu", "5090", "-m", "cuda-13_0"], ["list", "-m", "nowhere"],
         ["carve", "lib", "--gpu", "9.0"], ["shrink", "lib", "--gpu", "9.0", "-n"], ["report", "-m", "cuda-13_0", "--recipes", "recipes", "--history", "-o", "page.html"], ["report", "lib", "-n"], ["serve"], ["show", "-m", "cuda-13_0", "pytorch-python313-cuda13_0-sm90"], ["lsit"], ["diagnose", "nowhere.log"]]
WITH_JSON = [
    *[["list", "-m", name] for name in ("cuda-12_8", "cuda-13_0", "cuda-13_0-vision-audio", "m.toml")],
    ["list", "-m", "pytorch-2.10", "--python", "3.13", "--isa", "avx2"],
    ["show", "-m", "cuda-13_0", VARIANT], ["show", "-m", "m.toml", "pytorch-python313-cpu-avx2"],
    *[["catalog", table] for table in ("gpus", "cpus", "isas", "cuda", "nixpkgs", "pins", "patches", "torch", "jetsons", "magma", "triton",
                                       "capabilities", "hosts", "instances", "pytorch")],
    ["generate", "-m", "cuda-13_0", "-o", "fresh", "-n"], ["generate", "-m", "cuda-13_0", "-o", "fresh"],
    ["generate", "-m", "cuda-13_0", "-o", "fresh"],
    ["audit", "recipes", "-m", "cuda-13_0"], ["audit", "recipes", "-m", "cuda-13_0", "--all"], ["plan", "recipes", "-m", "cuda-13_0"],
    ["import", "recipes", "-o", "imported.toml"], ["apply", "recipes", "-m", "cuda-13_0", "-n"], ["apply", "recipes", "-m", "cuda-13_0"],
    ["apply", "recipes", "-m", "cuda-13_0"], ["apply", "recipes", "--forget"],
    ["toolkit"], ["toolkit", "-o", "toolkit", "-n"], ["toolkit", "--urls"], ["toolkit", "nccl", "--urls", "--system", "aarch64-linux"],
    ["history"], ["history", "--limit", "1"], ["publish", "--list"],
    ["diagnose", *(f"$TESTS/logs/{path.name}" for path in sorted((tests / "logs").glob("*.log"))[::20])], ["diagnose", "page.md"],
    ["inspect", "lib"], ["inspect", "lib/libone.so", "--gpu", "12.0"], ["inspect", "lib", "--files"], ["inspect", "recipes"], ["inspect", "torch.whl"],
    ["verify", VARIANT, "lib"], ["verify", "pytorch-python313-cpu-avx2", "lib"],
    ["carve", "lib", "--gpu", "9.0", "-n"], ["carve", "lib", "--gpu", "9.0,RTX 5090", "-o", "carved"], ["carve", "torch.whl", "--gpu", "9.0", "-o", "wheels"],
    ["carve", "lib/libone.so", "--gpu", "7.0", "-o", "none.so"],
    ["carve", "lib", "--gpu", "9.0", "-o", "slim", "--side", "slim.side"], ["restore", "slim", "--side", "slim.side", "-n"],
    ["restore", "slim", "--side", "slim.side", "-o", "restored"], ["restore", "slim", "--side", "lib/libone.so", "-o", "never"],
    ["shrink", "torch-folder", "--gpu", "9.0", "--compress", "zstd", "-n"], ["shrink", "lib", "--gpu", "9.0", "-o", "shrunk"],
    ["export", "--wheels", "index-wheels", "--gpu", "9.0", "-o", "site"], ["export", "--wheels", "nowhere", "--gpu", "9.0", "-o", "other-site"],
    ["detect"], *[["detect", "--from", f"$TESTS/machines/{name}.json"] for name in ("dgx-a100-mig", "dgx-a100-mig-empty", "gb200", "b300-driver-570")],
    ["select"], ["select", "--gpu", "RTX 5090", "--cpu", "Zen 5"], ["select", "--gpu", "RTX 5090", "--cpu", "Zen 5", "--all"],
    ["select", "--gpu", "none", "--cpu", "Zen 4"], ["select", "--published", "listed.json", "--gpu", "GTX 1080", "--cpu", "Zen 4"],
    ["doctor"], ["doctor", "torch-folder", "--gpu", "GTX 1080"], ["doctor", "--gpu", "H100", "--cpu", "Sapphire Rapids"],
    ["smoke", VARIANT, "torch-folder"],
    *[["explain", *words] for words in (["gpu-missing"], ["no", "kernel", "image", "is", "available"], ["RTX 5090"], ["Zen 5"],
                                        ["TORCH_CUDA_ARCH_LIST"], ["sm121-patch"], ["why", "is", "my", "build", "slow"])],
    ["version"],
    ["list", "-m", "nowhere"], ["list", "--isa", "avx3", "-m", "cuda-13_0"], ["inspect", "nowhere.so"], ["carve", "lib", "--gpu", "RTX 9999"],
]
BUILD = ["build", "-m", "m.toml", "--any-cpu", "--nixpkgs", f"{tests}/../nix/mini"]
WITH_NIX = [[*BUILD, "-n"], [*BUILD, "--isa", "avx2"], [*BUILD, "--isa", "avx2"], ["conform", "-m", "cuda-13_0", "--gpu", "9.0", "--isa", "avx2", "--nixpkgs", f"{tests}/../nix/mini", "--rev",
             "6a030d535719c5190187c4cec156f335e95e3211"],
            ["publish", "-m", "m.toml", "--to", "file:///nowhere/cache", "-n"]]
if shutil.which("cmake"):
    WITH_JSON += [["arch-patch", f"{tests}/../nix/mini/torch", "--gpu", "12.1", "--gpu", "12.0a"],
                  ["arch-patch", f"{tests}/../nix/mini/torch", "--gpu", "12.0f", "-o", "widen.patch"]]


def calls():
    """(arguments, takes JSON)."""
    return [(call, False) for call in PLAIN] + [(call, True) for call in WITH_JSON + (WITH_NIX if NIX else [])]


def make_libraries(folder):
    for name, containers in (("libone.so", ["sm_80,sm_90=90000,compute_90"] * 3 + ["sm_90a"]), ("libtwo.so", ["sm_50,sm_86,sm_120"] * 2)):
        subprocess.run([sys.executable, tests / "fat_library.py", folder / "lib" / name, *containers, "--list", "sm_80 sm_90"], check=True)
    (folder / "lib/readme.txt").write_text("no code\n")


def make_torch(folder):
    package = folder / "torch-folder/torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('raise ImportError("libcudnn.so.9: cannot open shared object file: No such file or directory")\n')
    (package / "version.py").write_text("__version__ = '2.10.0'\ncuda: str = '13.0'\n")
    (package / "lib").mkdir()
    shutil.copy(folder / "lib/libone.so", package / "lib/libtorch_cuda.so")
    subprocess.run([sys.executable, "-m", "zipfile", "-c", folder / "torch.whl", "torch"], cwd=folder / "torch-folder", check=True)


def make_wheels(folder):
    small_wheel.make(folder / "index-wheels", "two", "1.0", folder / "lib/libone.so")
    small_wheel.make(folder / "index-wheels", "plain", "2.0")
    (folder / "index-wheels/odd-1.0-py3-none-any.whl").write_text("not a wheel\n")


def make_history(folder):
    (folder / ".torchlathe").mkdir()
    database = sqlite3.connect(folder / ".torchlathe/history.db")
    database.executescript((root / "src/jobs/history/schema.sql").read_text() + "PRAGMA user_version = 5;")
    rows = [(VARIANT, 1700000000, 9000.0, "built", "", "", 7 << 30), (f"{VARIANT}vnni", 1700010000, 90.0, "failed", "compiler-killed", "", 30 << 30),
            ("pytorch-python313-cuda13_0-sm120-avx512bf16", 1700020000, 5.0, "mismatch", "",
             "named for 12.0, but contains no GPU code: it is a CPU-only build", None)]
    database.executemany("INSERT INTO builds (run, variant, started, seconds, status, rule, verdict, peak_bytes, log) VALUES (1, ?, ?, ?, ?, ?, ?, ?, '')",
                         rows)
    database.commit()
    database.close()


def make_scene(binary, folder):
    """The environment that the calls run with, in `folder`."""
    need("gcc")
    folder = Path(folder)
    (folder / "lib").mkdir()
    make_libraries(folder)
    make_torch(folder)
    make_wheels(folder)
    make_history(folder)
    shutil.copytree(tests / "nix/seed-003", folder / "recipes")
    (folder / "recipes/torch-by-hand.nix").write_text("{ pkgs ? import <nixpkgs> { } }: pkgs.hello\n")
    (folder / "m.toml").write_text(cpu_matrix("words", (["3.13"], ["avx2", "avx512"])))
    (folder / "page.md").write_text("# A page\n\n<!-- torchlathe:begin variants -->\n<!-- torchlathe:end -->\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TORCHLATHE_", "COLUMNS"))}
    environment |= {"PATH": f"{binary.parent}:{environment['PATH']}", "HOME": str(folder), "TESTS": str(tests), "NO_COLOR": "1", "LC_ALL": "C.UTF-8",
                    "NIX_CONFIG": "build-users-group =\nsubstitute = false\nsandbox = false"}
    listed = subprocess.run([binary, "list", "-m", "cuda-13_0", "-f", "json"], env=environment, check=True, stdout=subprocess.PIPE).stdout
    (folder / "listed.json").write_bytes(listed)
    return environment


def run_call(binary, arguments, folder, environment):
    """(exit code, standard output, standard error)."""
    words = [word.replace("$TESTS", str(tests)) for word in arguments]
    done = subprocess.run([binary, *words], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=300)
    return done.returncode, done.stdout.decode(), done.stderr.decode()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the least CPU that `torchlathe inspect` states against runs on lesser processors.

  isa_wheels.py TORCHLATHE FOLDER [WHEEL...]

Installs the packages below into FOLDER/site, once, imports and uses each on processors that qemu-user pretends
(FOLDER/runs.json keeps what came of it; delete it to run them again), and on this machine's own. A file that a
process had mapped when it ended well on a processor below the file's stated minimum refutes that statement; so does
a package for the sum of its files. Prints a table in Markdown. Exit code 1 when a statement is refuted, 77 without
qemu or on another kind of machine.

Says nothing of AVX-512: qemu 7.2 does not emulate it. A machine without AVX-512 refutes false claims of it all the same.
"""
import json
import os
import platform
import re
import shutil
import subprocess
import sys

# The levels of the verdict, from least to best, and a processor of each.
LEVELS = ["x86-64", "x86-64-v2", "avx", "avx2", "avx512", "avx512vnni", "avx512bf16"]
MODELS = {"x86-64": "qemu64,-sse3,-cx16,-ssse3,-sse4.1,-sse4.2,-popcnt,-sse4a,-lahf-lm",
          "x86-64-v2": "Nehalem", "avx": "SandyBridge", "avx2": "Haswell"}
TIMEOUT = 400  # seconds; torch takes the longest
LOADED = "\nimport re as _re\nprint('LOADED', *sorted(set(_re.findall(r'/\\S+\\.so\\S*', open('/proc/self/maps').read()))))\n"

# Package, its module folders and libraries under site/, a use of it.
WHEELS = [
    ("numpy", "numpy numpy.libs", "import numpy as n; a = n.random.rand(300, 300); n.sort(a); n.fft.fft(a @ a); n.linalg.svd(a[:20])"),
    ("scipy", "scipy scipy.libs", "import numpy as n, scipy.linalg as l, scipy.fft as f; l.inv(n.eye(50) * 2); f.dct(n.ones(99))"),
    ("pandas", "pandas", "import pandas as p; p.DataFrame({'a': [1, 2, 1], 'b': [.5, 1, 2]}).groupby('a').b.mean()"),
    ("pyarrow", "pyarrow", "import pyarrow as p, pyarrow.compute as c; c.sum(p.array(range(999))); c.sort_indices(p.array([3., 1.]))"),
    ("scikit-learn", "sklearn scikit_learn.libs", "from sklearn.cluster import KMeans; KMeans(2, n_init=1).fit([[0.], [1.], [9.]])"),
    ("h5py", "h5py h5py.libs", "import h5py; h5py.File('x', 'w', driver='core', backing_store=False)['d'] = [1., 2.]"),
    ("lxml", "lxml", "from lxml import etree; etree.fromstring('<a><b/></a>').xpath('//b')"),
    ("pillow", "PIL pillow.libs", "from PIL import Image, ImageFilter; Image.new('RGB', (64, 64)).resize((33, 33)).filter(ImageFilter.BLUR)"),
    ("matplotlib", "matplotlib mpl_toolkits", "import matplotlib.ft2font, matplotlib._path, matplotlib.backends.backend_agg"),
    ("opencv-python-headless", "cv2 opencv_python_headless.libs",
     "import cv2, numpy as n; cv2.GaussianBlur(cv2.resize(n.ones((64, 64, 3), n.uint8), (33, 33)), (5, 5), 0)"),
    ("cryptography", "cryptography", "from cryptography.fernet import Fernet; f = Fernet(Fernet.generate_key()); f.decrypt(f.encrypt(b'a'))"),
    ("grpcio", "grpc", "import grpc; grpc.insecure_channel('localhost:1').close()"),
    ("tokenizers", "tokenizers", "from tokenizers import Tokenizer, models; Tokenizer(models.BPE({'a': 0}, [])).encode('aaa')"),
    ("orjson", "orjson", "import orjson; orjson.loads(orjson.dumps([1, 'a' * 99]))"),
    ("zstandard", "zstandard", "import zstandard as z; z.decompress(z.compress(bytes(9999)))"),
    ("ctranslate2==4.8.5", "ctranslate2 ctranslate2.libs",
     "import ctranslate2 as c, numpy as n; c.get_supported_compute_types('cpu'); c.StorageView.from_array(n.ones(9, n.float32))"),
    ("onnxruntime", "onnxruntime", "import onnxruntime as o; o.get_available_providers(); o.SessionOptions()"),
    ("faiss-cpu", "faiss faiss_cpu.libs", "import faiss, numpy as n; i = faiss.IndexFlatL2(16); i.add(n.ones((99, 16), 'f')); i.search(n.ones((1, 16), 'f'), 3)"),
    ("polars", "_polars_runtime_32 polars", "import polars as p; p.DataFrame({'a': [1, 2, 3]}).select(p.col('a').sum())"),
    ("simsimd", "simsimd simsimd.libs", "import simsimd, numpy as n; simsimd.cosine(n.ones(64, 'f'), n.ones(64, 'f'))"),
    ("numkong", "numkong numkong.libs", "import numkong"),
    # Small ones, most of whose code is kernels that somebody picks.
    ("pycryptodome", "Crypto", "from Crypto.Cipher import AES; AES.new(bytes(16), AES.MODE_GCM, nonce=bytes(12)).encrypt_and_digest(bytes(99))"),
    ("google-crc32c", "google_crc32c google_crc32c.libs", "import google_crc32c as c; c.value(bytes(9999))"),
    ("crc32c", "crc32c", "import crc32c; crc32c.crc32c(bytes(9999))"),
    ("pybase64", "pybase64", "import pybase64; pybase64.b64decode(pybase64.b64encode(bytes(9999)))"),
    ("rapidfuzz", "rapidfuzz", "from rapidfuzz import fuzz, process; process.cdist(['a' * 70, 'b'], ['ab', 'c'], scorer=fuzz.ratio)"),
    ("blosc2", "blosc2", "import blosc2; blosc2.decompress(blosc2.compress(bytes(80000), typesize=4))"),
    ("isal", "isal", "from isal import isal_zlib as z; z.decompress(z.compress(bytes(9999))); z.crc32(bytes(999))"),
    ("pysimdjson", "simdjson csimdjson.abi3.so", "import simdjson; simdjson.Parser().parse(b'[1, 2.5, \"a\"]').as_list()"),
    ("soxr", "soxr soxr.libs", "import soxr, numpy as n; soxr.resample(n.ones(999), 48000, 16000)"),
    ("numexpr", "numexpr", "import numexpr as e, numpy as n; a = n.ones(9999); e.evaluate('a * 2 + sin(a)')"),
    ("usearch", "usearch usearch.libs", "import usearch.index as u, numpy as n; i = u.Index(ndim=16); i.add(1, n.ones(16, 'f')); i.search(n.ones(16, 'f'), 1)"),
    ("xxhash", "xxhash", "import xxhash; xxhash.xxh3_128(bytes(9999)).digest()"),
    ("blake3", "blake3", "import blake3; blake3.blake3(bytes(99999)).digest()"),
    ("llvmlite", "llvmlite", "import llvmlite.binding as l; l.get_host_cpu_name()"),
    ("jaxlib", "jaxlib", "import glob, jaxlib.cpu_feature_guard, ctypes, os; ctypes.CDLL(os.path.dirname(jaxlib.__file__) + '/libjax_common.so')"),
    ("jax-cuda12-pjrt", "jax_plugins", "import ctypes, glob, sys; ctypes.CDLL(glob.glob(sys.path[1] + '/jax_plugins/xla_cuda12/*.so')[0])"),
    ("tensorflow-cpu", "tensorflow", "import tensorflow as t; t.reduce_sum(t.ones([9, 9]) @ t.ones([9, 9])).numpy()"),
    ("torch", "torch", "import torch as t; a = t.rand(64, 64); (a @ a).sort(); t.nn.functional.gelu(a).sum().item()"),
]


def install(folder, package):
    """The site folder that has the package; None without the index. Two that cannot agree on what they need have their own."""
    name = package.split("=")[0]
    site = os.path.join(folder, "site-" + name if name in ("tensorflow-cpu", "torch") else "site")
    done = os.path.join(site, ".have-" + name)
    if os.path.exists(done):
        return site
    pip = [sys.executable, "-m", "pip", "install", "-q", "--only-binary", ":all:", "--no-warn-conflicts", "--upgrade", "--target", site, package]
    if subprocess.run(pip, stderr=subprocess.DEVNULL, check=False).returncode:
        return None
    open(done, "w").close()
    return site


def run(site, code, model):
    """What came of it, and the libraries that were mapped at its end."""
    command = [sys.executable, "-c", code + LOADED]
    if model:
        command = ["qemu-x86_64", "-cpu", model, *command]
    environment = dict(os.environ, PYTHONPATH=site, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return {"result": "no answer in time", "loaded": []}
    if done.returncode == 0:
        loaded = re.findall(r"^LOADED (.*)$", done.stdout, re.M)[-1].split()
        return {"result": "runs", "loaded": [os.path.realpath(f) for f in loaded if f.startswith(os.path.realpath(site))]}
    # 132, -4: SIGILL; qemu says "illegal instruction" and ends with the signal.
    if done.returncode in (-4, 132) or "Illegal instruction" in done.stderr or "uncaught target signal 4" in done.stderr:
        return {"result": "illegal instruction", "loaded": []}
    last = (done.stderr.strip() or "?").splitlines()[-1]
    return {"result": f"ends with {done.returncode}: {last[:90]}", "loaded": []}


def inspect(torchlathe, paths):
    done = subprocess.run([torchlathe, "inspect", "-f", "json", *paths], stdout=subprocess.PIPE, check=False)
    report = json.loads(done.stdout)
    return {os.path.realpath(f["path"]): f["cpu"] for f in report["files"] if "cpu" in f}, report.get("cpu")


def index(cpu):
    """Of the stated minimum; what no level has says that no processor of the catalogue will do."""
    return LEVELS.index(cpu["least_isa"]) if cpu["least_isa"] else len(LEVELS)


def own_level():
    flags = set(re.search(r"^flags\s*:(.*)$", open("/proc/cpuinfo").read(), re.M)[1].split())
    for level, needed in (("avx512bf16", "avx512_bf16"), ("avx512vnni", "avx512_vnni"), ("avx512", "avx512vl"), ("avx2", "avx2"), ("avx", "avx")):
        if needed in flags:
            return level
    return "x86-64-v2"


def stated(cpu):
    text = cpu["least_isa"] or "none known"
    if cpu["besides"]:
        text += " and " + "+".join(cpu["besides"])
    return text + ("; unknown: " + "+".join(cpu["undecided"]) if cpu["undecided"] else "")


def main():
    torchlathe, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    if not shutil.which("qemu-x86_64") or platform.machine() != "x86_64":
        print("skipped: qemu-x86_64 (Debian: qemu-user) is missing, or this is no x86-64 machine")
        return 77
    os.makedirs(folder, exist_ok=True)
    kept = os.path.join(folder, "runs.json")
    runs = json.load(open(kept)) if os.path.exists(kept) else {}
    machines = [*MODELS.items(), (own_level(), None)]
    print("| wheel | stated | " + " | ".join(f"{level}{'' if model else ', this machine'}" for level, model in machines) + " |")
    print("| --- | --- |" + " --- |" * len(machines))
    refuted, wheels, compared = [], 0, 0
    for package, parts, code in WHEELS:
        if sys.argv[3:] and package not in sys.argv[3:]:
            continue
        site = install(folder, package)
        paths = [os.path.join(site, part) for part in parts.split() if os.path.exists(os.path.join(site, part))] if site else []
        if not paths:
            print(f"| {package} | cannot be had from the Python index |" + " |" * len(machines))
            continue
        files, total = inspect(torchlathe, paths)
        cells = []
        for level, model in machines:
            key = f"{package} {model}"
            if key not in runs:
                runs[key] = run(site, code, model)
                with open(kept + ".new", "w") as out:
                    json.dump(runs, out, indent=1)
                os.replace(kept + ".new", kept)
            got = runs[key]
            cells.append(got["result"])
            if got["result"] != "runs":
                continue
            least = LEVELS.index(level)
            known = [f for f in got["loaded"] if f in files]
            compared += len(known)
            wrong = [f for f in known if index(files[f]) > least]
            if total and index(total) > least:
                wrong.append("the whole of it")
            refuted += [f"{package} runs on {level}, stated for {os.path.basename(f)}: {stated(files.get(f, total))}" for f in wrong]
        wheels += 1
        print(f"| {package} | {stated(total) if total else '-'} | " + " | ".join(cells) + " |", flush=True)
    for line in refuted:
        print("refuted:", line)
    print(f"{wheels} wheels, {compared} files beside runs, {len(refuted)} statements refuted")
    return 1 if refuted else 0


if __name__ == "__main__":
    sys.exit(main())

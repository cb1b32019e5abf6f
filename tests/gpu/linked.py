#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Device-linked libraries (nvcc -rdc=true) before and after a carve, on the GPU in this machine, loaded lazily and eagerly.

  linked.py samples TORCHLATHE            libraries made here with nvcc: what ran runs, what failed fails with the same error
  linked.py nccl BEFORE AFTER             every collective of one rank, all types and operations: the same bytes
  linked.py bitsandbytes BEFORE AFTER     folders with the package in it: quantised, multiplied, optimised: the same bytes

Exit code 0: all is the same; 1: something differs."""
import itertools
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

MODES = ("LAZY", "EAGER")


def child(mode, code, *arguments, env=None):
    """What a process of its own prints: the driver reads its variables once."""
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True,
                          env={**os.environ, "CUDA_MODULE_LOADING": mode, "CUDA_CACHE_DISABLE": "1", **(env or {})})
    died = [] if done.returncode == 0 else [f"exit code {done.returncode}: {done.stderr.strip()[-300:]}"]
    return done.stdout.splitlines() + died


def compare(what, code, before, after, env=None):
    different = 0
    for mode in MODES:
        old, new = child(mode, code, before, env=env), child(mode, code, after, env=env)
        wrong = [pair for pair in itertools.zip_longest(old, new) if pair[0] != pair[1]]
        failed = sum("error" in line or "exit code" in line for line in old)
        different += len(wrong)
        print(f"{what}, {mode.lower()}: {len(old)} results, {failed} of them errors before, {len(wrong)} differ", flush=True)
        for pair in wrong[:5]:
            print("  before:", pair[0], "\n  after: ", pair[1])
    return different


# --- samples

KERNELS = r"""
extern __device__ float NAME_shift(float a);
__global__ void NAME_kernel(float* a) { a[threadIdx.x] = NAME_shift(a[threadIdx.x]); }
extern "C" int NAME_run() {
  float *d, h[32];
  for (int i = 0; i < 32; ++i) h[i] = i;
  cudaError_t error = cudaMalloc(&d, sizeof h);
  if (error) return -1000 - error;
  cudaMemcpy(d, h, sizeof h, cudaMemcpyHostToDevice);
  NAME_kernel<<<1, 32>>>(d);
  if ((error = cudaGetLastError())) return -error;
  if ((error = cudaDeviceSynchronize())) return -2000 - error;
  cudaMemcpy(h, d, sizeof h, cudaMemcpyDeviceToHost);
  int sum = 0;
  for (int i = 0; i < 32; ++i) sum += (int)h[i];
  return sum;
}
"""
SHIFT = "__device__ float NAME_table[4] = {1, 2, 3, 4};\n__device__ float NAME_shift(float a) { return a + NAME_table[threadIdx.x & 3]; }\n"
RUN = "import ctypes, sys; print(getattr(ctypes.CDLL(sys.argv[1]), sys.argv[2])())"

# name: code of the two object files and of their device link, as compute_XX/code,code; for a device of 9.0.
SAMPLES = {
    "linked": (["80/sm_80", "90/sm_90"], ["80/sm_80", "90/sm_90"], ["80/sm_80", "90/sm_90"]),
    "linked_specific": (["80/sm_80,compute_80", "90a/sm_90a"], ["80/sm_80,compute_80", "90a/sm_90a"], ["80/sm_80", "90a/sm_90a"]),
    "relinks_ptx": (["80/sm_80,compute_80"], ["80/sm_80,compute_80"], ["80/sm_80"]),
    "relinks_cubins": (["80/sm_80", "90/sm_90"], ["80/sm_80", "90/sm_90"], ["80/sm_80"]),
    "relinks_both": (["80/sm_80,compute_80"], ["80/sm_80", "90/sm_90"], ["80/sm_80"]),
    "relinks_newest": (["80/sm_80,compute_80", "90/compute_90"], ["80/sm_80,compute_80", "90/compute_90"], ["80/sm_80"]),
    "half": (["80/sm_80,compute_80"], ["80/sm_80"], ["80/sm_80"]),
    "nothing": (["80/sm_80"], ["80/sm_80"], ["80/sm_80"]),
}
# Which options carve gets: for a device that only another GPU's code is linked for, the library is carved for both.
GPUS = {"half": "8.0,9.0", "nothing": "8.0,9.0"}


def nvcc(*arguments):
    subprocess.run(["nvcc", *arguments], check=True, capture_output=True)


def codes(texts):
    return [word for text in texts for word in ("-gencode", "arch=compute_{0},code=[{1}]".format(*text.split("/")))]


def make_objects(name, one, other, linked):
    for part, text, code in (("a", KERNELS, one), ("b", SHIFT, other)):
        Path(f"{name}_{part}.cu").write_text(text.replace("NAME", name))
        nvcc("-dc", "-Xcompiler", "-fPIC", *codes(code), f"{name}_{part}.cu", "-o", f"{name}_{part}.o")
    nvcc("-dlink", "-Xcompiler", "-fPIC", *codes(linked), f"{name}_a.o", f"{name}_b.o", "-o", f"{name}_link.o")
    return [f"{name}_a.o", f"{name}_b.o", f"{name}_link.o"]


def make_sample(name):
    nvcc("-shared", "-o", f"{name}.so", *make_objects(name, *SAMPLES[name]))


# Two device links in one library, of which one must be linked again.
def make_two():
    one = make_objects("two_one", *SAMPLES["linked"])
    nvcc("-shared", "-o", "two.so", *one, *make_objects("two_other", *SAMPLES["relinks_ptx"]))


def samples(torchlathe):
    os.chdir(tempfile.mkdtemp())
    with ThreadPoolExecutor() as threads:
        for made in [threads.submit(make_sample, name) for name in SAMPLES] + [threads.submit(make_two)]:
            made.result()
    different = 0
    for library, functions in [(name, [name]) for name in SAMPLES] + [("two", ["two_one", "two_other"])]:
        for more in ([], ["--minimal"], ["--strip-symbols"], ["--compress", "zstd"], ["--compress", "lz4"]):
            after = f"{library}{''.join(more)}.carved.so"
            gpu = GPUS.get(library, "9.0")
            done = subprocess.run([torchlathe, "carve", f"{library}.so", "--gpu", gpu, "--output", after, *more],
                                  capture_output=True, text=True)
            print(done.stdout.splitlines()[1] if done.stdout else done.stderr)
            for function, mode in itertools.product(functions, MODES):
                old = child(mode, RUN, f"./{library}.so", function + "_run")
                new = child(mode, RUN, f"./{after}", function + "_run")
                same = old == new
                different += not same
                print(f"  {function} {' '.join(more)} {mode.lower()}: {old[0]} before, {new[0]} after{'' if same else '  DIFFERS'}", flush=True)
    return different


# --- NCCL

NCCL = r"""
import ctypes, hashlib, sys
import numpy as np
rt, nccl = ctypes.CDLL("libcudart.so.13"), ctypes.CDLL(sys.argv[1])
P, N = ctypes.c_void_p, ctypes.c_size_t
def must(error, what):
    if error: print(what, "error", error); sys.exit()
comm, devices = P(), (ctypes.c_int * 1)(0)
must(rt.cudaSetDevice(0), "device")
must(nccl.ncclCommInitAll(ctypes.byref(comm), 1, devices), "init")
count = 1 << 16
random = np.random.default_rng(7)
raw = random.integers(0, 256, 8 * count, dtype=np.uint8)
send, receive = P(), P()
rt.cudaMalloc(ctypes.byref(send), N(8 * count)); rt.cudaMalloc(ctypes.byref(receive), N(8 * count))
def show(what, error):
    out = np.empty(8 * count, np.uint8)
    error = error or rt.cudaDeviceSynchronize()
    rt.cudaMemcpy(out.ctypes.data_as(P), receive, N(8 * count), 2)
    print(what, "error %d" % error if error else hashlib.sha256(out.tobytes()).hexdigest()[:16])
def fresh():
    rt.cudaMemcpy(send, raw.ctypes.data_as(P), N(8 * count), 1); rt.cudaMemset(receive, 0, N(8 * count))
for kind in range(12):
    operations = [("op%d" % op, op) for op in range(5)]
    for residence in (0, 1):
        made = ctypes.c_int()
        scalar = np.array([3.0], {6: np.float16, 8: np.float64}.get(kind, np.float32)) if kind in (6, 7, 8) else np.array([3], np.int64)
        place = scalar.ctypes.data_as(P)
        if residence == 0:
            place = P(); rt.cudaMalloc(ctypes.byref(place), N(8)); rt.cudaMemcpy(place, scalar.ctypes.data_as(P), N(scalar.nbytes), 1)
        if nccl.ncclRedOpCreatePreMulSum(ctypes.byref(made), place, kind, residence, comm) == 0:
            operations.append(("premul%d" % residence, made.value))
    for name, op in operations:
        for what, call in (("allreduce", lambda: nccl.ncclAllReduce(send, receive, N(count), kind, op, comm, None)),
                           ("reduce", lambda: nccl.ncclReduce(send, receive, N(count), kind, op, 0, comm, None)),
                           ("reducescatter", lambda: nccl.ncclReduceScatter(send, receive, N(count), kind, op, comm, None))):
            fresh(); show("%s type %d %s" % (what, kind, name), call())
    for what, call in (("allgather", lambda: nccl.ncclAllGather(send, receive, N(count), kind, comm, None)),
                       ("broadcast", lambda: nccl.ncclBroadcast(send, receive, N(count), kind, 0, comm, None))):
        fresh(); show("%s type %d" % (what, kind), call())
def exchange():
    nccl.ncclGroupStart()
    error = nccl.ncclSend(send, N(count), 7, 0, comm, None) or nccl.ncclRecv(receive, N(count), 7, 0, comm, None)
    return nccl.ncclGroupEnd() or error
fresh(); show("send and receive", exchange())
nccl.ncclCommDestroy(comm)
"""

# --- bitsandbytes

BITSANDBYTES = r"""
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import torch, bitsandbytes
import bitsandbytes.functional as F
def told(value):
    if torch.is_tensor(value): return hashlib.sha256(value.detach().contiguous().cpu().view(torch.uint8).numpy().tobytes()).hexdigest()[:12]
    if isinstance(value, (tuple, list)): return "(" + " ".join(map(told, value)) + ")"
    if hasattr(value, "absmax"): return told([value.absmax] + ([value.offset] if getattr(value, "offset", None) is not None else []))
    return ""
def show(name, call):
    try: print(name, told(call()))
    except Exception as error: print(name, "error", type(error).__name__, str(error).splitlines()[0][:100])
make = torch.Generator(device="cuda").manual_seed(3)
def random(*shape, dtype): return torch.randn(*shape, generator=make, device="cuda").to(dtype)
print("library", bitsandbytes.cextension.lib.__class__.__name__)
for dtype in (torch.float32, torch.float16, torch.bfloat16):
    a = random(1024, 1024, dtype=dtype)
    for size in (64, 128, 256, 512, 1024, 2048, 4096):
        for kind in ("nf4", "fp4"):
            show(f"quantize_4bit {dtype} {kind} {size}", lambda: F.quantize_4bit(a, blocksize=size, quant_type=kind))
            show(f"dequantize_4bit {dtype} {kind} {size}", lambda: F.dequantize_4bit(*F.quantize_4bit(a, blocksize=size, quant_type=kind)))
        show(f"quantize_blockwise {dtype} {size}", lambda: F.quantize_blockwise(a, blocksize=size))
        show(f"dequantize_blockwise {dtype} {size}", lambda: F.dequantize_blockwise(*F.quantize_blockwise(a, blocksize=size)))
    for kind in ("nf4", "fp4"):
        x = random(1, 1024, dtype=dtype)
        packed, state = F.quantize_4bit(a, blocksize=64, quant_type=kind)
        show(f"gemv_4bit {dtype} {kind}", lambda: F.gemv_4bit(x, packed.t(), state=state))
        show(f"matmul_4bit {dtype} {kind}", lambda: bitsandbytes.matmul_4bit(random(32, 1024, dtype=dtype), packed.t(), quant_state=state))
    for name in ("adam", "momentum", "rmsprop", "lion", "adagrad", "ademamix"):
        def step():
            p = torch.nn.Parameter(random(64, 4096, dtype=dtype)); 
            optimiser = {"adam": bitsandbytes.optim.Adam8bit, "momentum": bitsandbytes.optim.SGD8bit, "rmsprop": bitsandbytes.optim.RMSprop8bit,
                         "lion": bitsandbytes.optim.Lion8bit, "adagrad": bitsandbytes.optim.Adagrad8bit, "ademamix": bitsandbytes.optim.AdEMAMix8bit}[name]
            o = optimiser([p], lr=0.01, **({"momentum": 0.9} if name == "momentum" else {}))
            for _ in range(3): p.grad = random(64, 4096, dtype=dtype); o.step()
            return [p] + [v for v in o.state[p].values() if torch.is_tensor(v)]
        show(f"{name}8bit {dtype}", step)
half = random(256, 1024, dtype=torch.float16)
show("int8_vectorwise_quant", lambda: F.int8_vectorwise_quant(half)[:2])
show("int8_vectorwise_quant threshold", lambda: F.int8_vectorwise_quant(half, threshold=3.0))
show("int8_double_quant", lambda: F.int8_double_quant(half)[:4])
left, right = (torch.randint(-127, 127, (256, 1024), generator=make, device="cuda", dtype=torch.int8) for _ in range(2))
show("int8_linear_matmul", lambda: F.int8_linear_matmul(left, right))
show("int8_mm_dequant", lambda: F.int8_mm_dequant(F.int8_linear_matmul(left, right), random(256, dtype=torch.float32).abs(), random(256, dtype=torch.float32).abs()))
layer = bitsandbytes.nn.Linear8bitLt(1024, 512, has_fp16_weights=False, threshold=6.0); torch.manual_seed(5)
layer.weight.data = torch.randn(512, 1024); layer.bias.data = torch.randn(512); layer = layer.half().cuda()
show("Linear8bitLt", lambda: layer(half))
torch.manual_seed(5)
layer = bitsandbytes.nn.Linear4bit(1024, 512, quant_type="nf4", compress_statistics=True).cuda()
show("Linear4bit", lambda: layer(half.float()))
"""


def main(what, *arguments):
    if what == "samples":
        return samples(os.path.abspath(arguments[0]))
    if what == "nccl":
        return compare("NCCL", NCCL, *arguments)
    if what == "bitsandbytes":
        return compare("bitsandbytes", BITSANDBYTES, *arguments)
    sys.exit(__doc__)


if __name__ == "__main__":
    different = main(*sys.argv[1:])
    print(f"{different} differ")
    sys.exit(different != 0)

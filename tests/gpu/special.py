#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a program sees of containers that the GPU in this machine (of 9.0) cannot run: with their code, with their smallest image,
and emptied by `torchlathe carve`.

  special.py samples TORCHLATHE        libraries made here with nvcc; every call of the runtime that asks for a kernel or a variable
  special.py torch TORCHLATHE OUT      the installed torch's operator samples, its code for 10.0 alone against none at all

Exit code 0: all is the same; 1: something differs."""
import argparse
import collections
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import compare as comparing
from linked import MODES, child, nvcc

SOURCE = r"""
#include <cuda_runtime.h>
#include <cooperative_groups.h>
#include <cstdio>
__device__ float NAME_table[4] = {1, 2, 3, 4};
__constant__ float NAME_constant[4];
__global__ void NAME_kernel(float* a) { if (a) a[threadIdx.x] += NAME_table[threadIdx.x & 3] + NAME_constant[0]; }
template <int N> __global__ void NAME_other(float* a) { extern __shared__ float s[]; s[threadIdx.x] = N; if (a) *a = s[0]; }
template __global__ void NAME_other<3>(float*);
static void* argument[1] = {nullptr};
static float* nothing = nullptr;
static int launched() { cudaError_t e = cudaGetLastError(); return e ? e : cudaDeviceSynchronize(); }
extern "C" int NAME_call(int what) {
  argument[0] = &nothing;
  cudaFuncAttributes facts; int number = 0; void* place = nullptr; size_t size = 0; float four[4] = {};
  switch (what) {
    case 0: NAME_kernel<<<1, 32>>>(nullptr); return launched();
    case 1: NAME_other<3><<<1, 32, 128>>>(nullptr); return launched();
    case 2: return cudaFuncGetAttributes(&facts, (const void*)NAME_kernel);
    case 3: return cudaFuncSetAttribute((const void*)NAME_other<3>, cudaFuncAttributeMaxDynamicSharedMemorySize, 65536);
    case 4: return cudaOccupancyMaxActiveBlocksPerMultiprocessor(&number, NAME_kernel, 128, 0);
    case 5: return cudaLaunchCooperativeKernel((const void*)NAME_kernel, dim3(1), dim3(32), argument, 0, 0);
    case 6: return cudaGetSymbolAddress(&place, NAME_table);
    case 7: return cudaGetSymbolSize(&size, NAME_constant);
    case 8: return cudaMemcpyToSymbol(NAME_constant, four, sizeof four);
    case 9: return cudaMemcpyFromSymbol(four, NAME_table, sizeof four);
    case 10: return cudaFuncSetCacheConfig((const void*)NAME_kernel, cudaFuncCachePreferL1);
    case 11: { cudaFunction_t function; return cudaGetFuncBySymbol(&function, (const void*)NAME_kernel); }
    case 12: { cudaKernel_t kernel; return cudaGetKernel(&kernel, (const void*)NAME_kernel); }
    case 13: {
      cudaStream_t stream; cudaGraph_t graph = nullptr; cudaStreamCreate(&stream);
      cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal);
      NAME_kernel<<<1, 32, 0, stream>>>(nullptr);
      int launch = cudaGetLastError(), end = cudaStreamEndCapture(stream, &graph); cudaGetLastError();
      size_t nodes = 0; if (graph) cudaGraphGetNodes(graph, nullptr, &nodes);
      return launch * 1000000 + end * 1000 + (int)nodes;
    }
    case 14: {
      cudaLaunchConfig_t config = {}; config.gridDim = dim3(1); config.blockDim = dim3(32);
      return cudaLaunchKernelExC(&config, (const void*)NAME_kernel, argument);
    }
    case 15: { cudaGraph_t graph; cudaGraphNode_t node; cudaGraphCreate(&graph, 0); cudaKernelNodeParams p = {};
      p.func = (void*)NAME_kernel; p.gridDim = dim3(1); p.blockDim = dim3(32); p.kernelParams = argument;
      return cudaGraphAddKernelNode(&node, graph, nullptr, 0, &p); }
    case 16: return cudaFuncGetAttributes(&facts, (const void*)NAME_kernel) ? 0 : facts.binaryVersion * 1000 + facts.ptxVersion;
    case 17: { const char* name = nullptr; int e = cudaFuncGetName(&name, (const void*)NAME_kernel); return e; }
    case 18: return cudaOccupancyAvailableDynamicSMemPerBlock(&size, NAME_kernel, 1, 32);
    case 19: return cudaDeviceSynchronize() * 1000 + cudaPeekAtLastError();
  }
  return -1;
}
"""
CALLS = 20
# Of each library its parts, a container each, as compute_XX/code,code. A part with "90" is one that runs.
LIBRARIES = {
    "older": {"a": "80/sm_80", "good": "90/sm_90"},
    "newer": {"a": "100/sm_100", "b": "120a/sm_120a", "good": "90/sm_90"},
    "newer_ptx": {"a": "100/sm_100,compute_100", "b": "120/compute_120", "good": "90/sm_90,compute_90"},
    "family": {"a": "100f/sm_100f,compute_100f", "b": "103a/sm_103a", "good": "90a/sm_90a"},
    "many": {"a": "80/sm_80 86/sm_86 100/sm_100 120/sm_120", "good": "80/sm_80 90/sm_90"},
    "alone": {"a": "80/sm_80 100/sm_100"},
}
FORMS = {"keeps": ["--keep-special"], "emptied": []}
# Every call of every part, the parts in this order and in the other; what the one breaks the next sees.
RUN = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
for part in sys.argv[3].split(","):
    for what in eval(sys.argv[4]):
        print(part, what, getattr(library, sys.argv[2] + part + "_call")(what), flush=True)
"""


def make(name, parts):
    objects = []
    for part, code in parts.items():
        source = Path(f"{name}{part}.cu")
        source.write_text(SOURCE.replace("NAME", name + part))
        words = [word for text in code.split() for word in ("-gencode", "arch=compute_{0},code=[{1}]".format(*text.split("/")))]
        nvcc("-c", "-Xcompiler", "-fPIC", *words, str(source), "-o", f"{name}{part}.o")
        objects.append(f"{name}{part}.o")
    nvcc("-shared", "-o", f"{name}.so", *objects)
    nvcc("-shared", "-cudart", "shared", "-o", f"{name}_shared.so", *objects)


def carved(torchlathe, library, form):
    after = f"{library}.{form}.so"
    # one that serves nothing for 9.0 is carved in a folder: a library alone is refused
    folder = Path(f"{library}.{form}.folder")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "in").mkdir(parents=True)
    shutil.copy(f"{library}.so", folder / "in")
    shutil.copy("older.so", folder / "in" / "beside.so")
    done = subprocess.run([torchlathe, "carve", str(folder / "in"), "--gpu", "9.0", "--output", str(folder / "out"), *FORMS[form]],
                          capture_output=True, text=True)
    if not (folder / "out").exists():
        sys.exit(f"special.py: {done.stdout}{done.stderr}")
    shutil.copy(folder / "out" / f"{library}.so", after)
    return after


def samples(torchlathe):
    os.chdir(tempfile.mkdtemp())
    for name, parts in LIBRARIES.items():
        make(name, parts)
    differ, seen, errors = 0, 0, collections.Counter()
    forward, backward = f"range({CALLS})", f"reversed(range({CALLS}))"
    with ThreadPoolExecutor(8) as threads:
        for name, parts in LIBRARIES.items():
            for library, form in itertools.product((name, f"{name}_shared"), FORMS):
                after = carved(torchlathe, library, form)
                print(f"{after}: {os.path.getsize(library + '.so'):,} -> {os.path.getsize(after):,} bytes", flush=True)
                ways = list(itertools.product(MODES, ((1, forward), (-1, backward)),
                                              ({}, {"CUDA_DISABLE_PTX_JIT": "1"}) if "ptx" in name else ({},)))

                def both(way):
                    mode, (order, calls), more = way
                    arguments = (name, ",".join(list(parts)[::order]), calls)
                    return [child(mode, RUN, f"./{file}", *arguments, env=more) for file in (f"{library}.so", after)]

                for way, (old, new) in zip(ways, threads.map(both, ways)):
                    wrong = [pair for pair in itertools.zip_longest(old, new) if pair[0] != pair[1]]
                    seen += len(old)
                    errors.update(line.split()[-1] for line in old if not line.startswith("good "))
                    differ += len(wrong)
                    for was, now in wrong[:6]:
                        print(f"  {way}: {was} before, {now} after  DIFFERS", flush=True)
    if not errors["209"]:
        sys.exit("special.py: no answer of a part that cannot run: nothing was compared")
    print(f"{seen} answers; of parts that cannot run: {errors.most_common(12)}")
    return differ


def torch(torchlathe, out):
    """No kernel of torch runs on 9.0 on either side: each sample ends the same way."""
    out = Path(out) / "special-torch"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    wanted = argparse.Namespace(limit=2, jobs=4)
    runs = []
    work = Path(tempfile.mkdtemp(prefix="lathe-special-"))
    for name, gpu in (("code", "10.0"), ("empty", "none")):
        site, report = comparing.carve(torchlathe, gpu, work / name, [])
        print(f"{name}: for {gpu}: {report['size_before']:,} -> {report['size_after']:,} bytes", flush=True)
        runs.append(comparing.Run(name, site, out, wanted))
    comparing.run_all(runs, time.monotonic() + 240)
    one, other = (run.results() for run in runs)
    common = sorted(set(one) & set(other))
    differ = [name for name in common if one[name] != other[name]]
    errors = collections.Counter(str(one[name].get("error", "crash" if "crash" in one[name] else "no error"))[:90] for name in common)
    for name in differ[:20]:
        print(f"DIFFERENT {name}: {json.dumps(one[name])} {json.dumps(other[name])}")
    print(f"{len(common)} samples of {len(one)} and {len(other)}; {errors.most_common(8)}")
    shutil.rmtree(work, ignore_errors=True)
    return len(differ) if common else 1


if __name__ == "__main__":
    different = {"samples": samples, "torch": torch}[sys.argv[1]](os.path.abspath(sys.argv[2]), *sys.argv[3:])
    print(f"{different} differ")
    sys.exit(different != 0)

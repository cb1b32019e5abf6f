#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Device code that libraries keep as data, before and after a carve, on the GPU in this machine.

  embedded.py load BEFORE AFTER   every container that is data through the driver, by each call that takes one: the same
                                         error or the same kernels with the same attributes; reads the files by itself
  embedded.py run BEFORE AFTER WHAT...   folders with NVIDIA's libraries, each in turn put in the place of those that the installed
                                         torch loads (and taken out again): fft, matmul, conv, sparse

All with CUDA's cache of compiled code off. Exit code 0: all is the same; 1: something differs."""
import ctypes
import mmap
import os
import struct
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

MAGIC = struct.pack("<IHH", 0xBA55ED50, 1, 16)
ATTRIBUTES = range(16)


def segments(data):
    table, entry, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    for i in range(count):
        kind, _, offset, address, _, in_file, in_memory = struct.unpack_from("<IIQQQQQ", data, table + i * entry)
        if kind == 1:
            yield offset, address, in_file, in_memory


def sections_with_wrappers(data):
    """Addresses of .nv_fatbin and __nv_relfatbin, which load_all.py looks at."""
    table, entry, count, names = struct.unpack_from("<Q", data, 40)[0], *struct.unpack_from("<HHH", data, 58)
    rows = [struct.unpack_from("<IIQQQQ", data, table + i * entry) for i in range(count)]
    for name, _, _, address, _, size in rows:
        at = rows[names][4] + name
        if bytes(data[at:data.find(b"\0", at)]) in (b".nv_fatbin", b"__nv_relfatbin"):
            yield address, address + size


def entries(container):
    """Kind and GPU of each image; None: it is no container."""
    at, images = 16, []
    while at < len(container):
        if len(container) - at < 64:
            return None
        kind, version, header, payload = struct.unpack_from("<HHIQ", container, at)
        arch, = struct.unpack_from("<I", container, at + 28)
        if version != 0x101 or header < 64 or at + header + payload > len(container):
            return None
        images.append((kind, arch))
        at += header + payload
    return images if images and at == len(container) else None


class Image:
    """A library's memory as the loader makes it: the file's bytes, zeros behind them, nothing between segments."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.loads = list(segments(self.data))

    def read(self, address, size):
        out = bytearray()
        while len(out) < size:
            at = address + len(out)
            for offset, begin, in_file, in_memory in self.loads:
                if begin <= at < begin + in_memory:
                    part = min(size - len(out), begin + in_memory - at)
                    from_file = max(0, min(part, begin + in_file - at))
                    out += self.data[offset + at - begin:offset + at - begin + from_file] + bytes(part - from_file)
                    break
            else:
                raise LookupError(f"{at:#x} is not loaded")
        return bytes(out)


def containers(image):
    """Address, size and images of each container outside of the sections that the runtime reads."""
    others = list(sections_with_wrappers(image.data))
    for offset, address, in_file, _ in image.loads:
        at = image.data.find(MAGIC, offset, offset + in_file)
        while at >= 0:
            place = address + at - offset
            size = 16 + struct.unpack_from("<Q", image.data, at + 8)[0]
            step = 8
            if at + size <= offset + in_file and size > 16 and not any(a <= place < b for a, b in others):
                images = entries(image.data[at:at + size])
                if images:
                    yield place, size, images
                    step = size
            at = image.data.find(MAGIC, at + step, offset + in_file)


def kernels(cu, library):
    count = ctypes.c_uint()
    error = cu.cuLibraryGetKernelCount(ctypes.byref(count), library)
    if error:
        return "count", error
    handles = (ctypes.c_void_p * max(count.value, 1))()
    error = cu.cuLibraryEnumerateKernels(handles, count, library)
    found = {}
    for handle in handles[:count.value]:
        name, function, values = ctypes.c_char_p(), ctypes.c_void_p(), []
        cu.cuKernelGetName(ctypes.byref(name), ctypes.c_void_p(handle))
        values.append(("function", cu.cuKernelGetFunction(ctypes.byref(function), ctypes.c_void_p(handle))))
        for attribute in ATTRIBUTES:
            value = ctypes.c_int(-1)
            failed = cu.cuKernelGetAttribute(ctypes.byref(value), attribute, ctypes.c_void_p(handle), 0)
            values.append(("error", failed) if failed else value.value)
        found[name.value] = values
    return error, found


def outcome(cu, container):
    """What each call of the driver makes of a container: an error, or the kernels."""
    library, module, out = ctypes.c_void_p(), ctypes.c_void_p(), []
    error = cu.cuLibraryLoadData(ctypes.byref(library), container, None, None, 0, None, None, 0)
    out.append(error or kernels(cu, library))
    if not error:
        cu.cuLibraryUnload(library)
    for call in ("cuModuleLoadFatBinary", "cuModuleLoadData"):
        error = getattr(cu, call)(ctypes.byref(module), container)
        count = ctypes.c_uint()
        out.append((call, error or cu.cuModuleGetFunctionCount(ctypes.byref(count), module), count.value))
        if not error:
            cu.cuModuleUnload(module)
    return out


def load(before, after):
    cu = ctypes.CDLL("libcuda.so.1")
    device, context = ctypes.c_int(), ctypes.c_void_p()
    assert cu.cuInit(0) == 0 and cu.cuDeviceGet(ctypes.byref(device), 0) == 0
    assert cu.cuDevicePrimaryCtxRetain(ctypes.byref(context), device) == 0 and cu.cuCtxSetCurrent(context) == 0
    old, new = Image(before), Image(after)
    counts, different, changed, errors = Counter(), 0, 0, Counter()
    for address, size, images in containers(old):
        was, now = old.read(address, size), new.read(address, size)
        sources = any(kind != 2 for kind, _ in images)
        if was == now and sources and counts["sources"] >= 200:
            counts["sources not compiled, equal byte for byte"] += 1  # each takes the driver's compiler a while
            continue
        counts["sources" if sources else "machine code"] += 1
        changed += was != now
        one, other = outcome(cu, was), outcome(cu, now)
        errors[str(one[0]) if isinstance(one[0], int) else "loaded"] += was != now
        if one != other:
            different += 1
            if different < 6:
                print(f"  {address:#x} {images}: {str(one)[:300]} before, {str(other)[:300]} after")
    print(f"{os.path.basename(before)}: {dict(counts)}; {changed} emptied, by what the driver said before: {dict(errors)}; {different} differ", flush=True)
    return different != 0 or not counts


RUN = r"""
import hashlib, os, sys
names = sys.argv[1:]
import torch
def told(value):
    if torch.is_tensor(value):
        if value.layout != torch.strided: return told([value.values()])
        value = torch.view_as_real(value) if value.is_complex() else value
        return hashlib.sha256(value.detach().contiguous().cpu().view(torch.uint8).numpy().tobytes()).hexdigest()[:12]
    return " ".join(map(told, value))
def show(name, call):
    try: print(name, told(call()))
    except Exception as error: print(name, "error", type(error).__name__, str(error).splitlines()[0][:100])
make = torch.Generator(device="cuda").manual_seed(11)
def random(*shape, dtype=torch.float32):
    if dtype.is_complex: return torch.complex(random(*shape, dtype=torch.float64), random(*shape, dtype=torch.float64)).to(dtype)
    return torch.randn(*shape, generator=make, device="cuda", dtype=torch.float64).to(dtype)
F = torch.nn.functional
def fft():
    for dtype in (torch.complex64, torch.complex128, torch.complex32):
        sizes = (2, 3, 5, 7, 8, 11, 13, 16, 30, 64, 97, 100, 128, 243, 256, 512, 625, 1000, 1024, 1331, 2048, 2187, 4096, 4099, 8192, 10007, 16384, 32768, 65536, 131072, 1048576)
        for size in [s for s in sizes if dtype != torch.complex32 or s & (s - 1) == 0]:
            for batch in (1, 16):
                x = random(batch, size, dtype=dtype)
                show(f"fft {dtype} {batch}x{size}", lambda: torch.fft.fft(x)); show(f"ifft {dtype} {batch}x{size}", lambda: torch.fft.ifft(x))
                if dtype != torch.complex32:
                    r = x.real.contiguous()
                    show(f"rfft {dtype} {batch}x{size}", lambda: torch.fft.rfft(r)); show(f"irfft {dtype} {batch}x{size}", lambda: torch.fft.irfft(x, n=size))
    for shape in ((32, 32), (100, 60), (512, 512), (1000, 1000), (17, 31), (64, 64, 64), (30, 20, 50)):
        for dtype in (torch.complex64, torch.complex128):
            x = random(*shape, dtype=dtype); r = x.real.contiguous()
            show(f"fftn {dtype} {shape}", lambda: torch.fft.fftn(x)); show(f"rfftn {dtype} {shape}", lambda: torch.fft.rfftn(r))
            show(f"irfftn {dtype} {shape}", lambda: torch.fft.irfftn(torch.fft.rfftn(r), s=shape))
def matmul():
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.complex64, torch.complex128):
        for m, n, k in ((1, 1, 1), (8, 8, 8), (17, 33, 65), (64, 64, 64), (128, 256, 512), (1, 4096, 4096), (4096, 1, 4096), (1000, 1000, 1000), (1024, 1024, 1024), (2048, 4096, 1024), (4096, 4096, 4096)):
            a, b = random(m, k, dtype=dtype), random(k, n, dtype=dtype)
            for ta in (0, 1):
                for tb in (0, 1):
                    x = a.t().contiguous().t() if ta else a; y = b.t().contiguous().t() if tb else b
                    show(f"mm {dtype} {m} {n} {k} {ta}{tb}", lambda: x @ y)
            if not dtype.is_complex:
                bias = random(n, dtype=dtype); w = b.t().contiguous()
                show(f"linear {dtype} {m} {n} {k}", lambda: F.linear(a, w, bias)); show(f"addmm gelu {dtype} {m} {n} {k}", lambda: torch._addmm_activation(bias, a, b, use_gelu=True))
            show(f"bmm {dtype} {m} {n} {k}", lambda: torch.bmm(a.expand(3, m, k), b.expand(3, k, n)))
    torch.backends.cuda.matmul.allow_tf32 = True
    for size in (64, 1000, 2048):
        a, b = random(size, size), random(size, size); show(f"tf32 {size}", lambda: a @ b)
    one = torch.tensor(1.0, device="cuda")
    for m, n, k in ((16, 16, 16), (64, 128, 256), (1024, 1024, 1024), (2048, 4096, 1024)):
        for kind in (torch.float8_e4m3fn, torch.float8_e5m2):
            for out in (torch.bfloat16, torch.float16, torch.float32):
                a, b = random(m, k).to(kind), random(n, k).to(torch.float8_e4m3fn).t()
                show(f"fp8 {kind} {out} {m} {n} {k}", lambda: torch._scaled_mm(a, b, one, one, out_dtype=out))
        i, j = random(m, k).mul(40).to(torch.int8), random(n, k).mul(40).to(torch.int8).t()
        show(f"int8 {m} {n} {k}", lambda: torch._int_mm(i, j))
def conv():
    for tf32 in (False, True):
        torch.backends.cudnn.allow_tf32 = tf32
        for benchmark in (False,):
            torch.backends.cudnn.deterministic = True
            for dtype in (torch.float32, torch.float16, torch.bfloat16):
                for dims, (n, c, size, o, k), options in itertools_product((1, 2, 3), ((1, 1, 16, 4, 3), (4, 16, 32, 32, 3), (2, 64, 28, 64, 1), (8, 32, 17, 48, 5)), ({}, {"stride": 2}, {"padding": 1}, {"dilation": 2}, {"groups": 0})):
                    o2 = dict(options); o2["groups"] = c if o2.get("groups", 1) == 0 and o % c == 0 else 1
                    x = random(n, c, *(size,) * dims, dtype=dtype).requires_grad_(); w = random(o, c // o2["groups"], *(k,) * dims, dtype=dtype).requires_grad_()
                    conv = (F.conv1d, F.conv2d, F.conv3d)[dims - 1]
                    def both(x=x, w=w, conv=conv, o2=o2):
                        y = conv(x, w, **o2); return (y, *torch.autograd.grad(y.sum(), (x, w)))
                    show(f"conv{dims} {dtype} tf32 {tf32} {n} {c} {size} {o} {k} {o2}", both)
                    if dims == 2:
                        xl, wl = x.detach().to(memory_format=torch.channels_last), w.detach().to(memory_format=torch.channels_last)
                        show(f"conv2 channels last {dtype} tf32 {tf32} {n} {c} {size} {o} {k} {o2}", lambda: F.conv2d(xl, wl, **o2))
                        if not options: show(f"conv2 transposed {dtype} {n} {c} {size} {o} {k}", lambda: F.conv_transpose2d(x, random(c, 8, k, k, dtype=dtype)))
    for dtype in (torch.float32, torch.float16):
        for net in (torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN):
            torch.manual_seed(3); layer = net(64, 128, 2, bidirectional=True).cuda().to(dtype)
            show(f"{net.__name__} {dtype}", lambda: layer(random(20, 8, 64, dtype=dtype))[0])
        norm = torch.nn.BatchNorm2d(32).cuda(); show(f"batchnorm {dtype}", lambda: norm(random(8, 32, 20, 20, dtype=dtype)))
    from torch.nn.attention import sdpa_kernel, SDPBackend
    for dtype in (torch.float16, torch.bfloat16):
        for heads, length, depth in ((4, 128, 64), (8, 1000, 64), (8, 1024, 128)):
            for causal in (False, True):
                q, k, v = (random(2, heads, length, depth, dtype=dtype) for _ in range(3))
                with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
                    show(f"cudnn attention {dtype} {heads} {length} {depth} {causal}", lambda: F.scaled_dot_product_attention(q, k, v, is_causal=causal))
def itertools_product(*all):
    import itertools; return itertools.product(*all)
def sparse():
    for dtype in (torch.float32, torch.float64, torch.complex64, torch.float16, torch.bfloat16):
        for rows, columns, wide, density in ((64, 64, 8, 0.1), (500, 700, 33, 0.05), (2000, 2000, 128, 0.01), (4096, 1024, 1, 0.02)):
            dense = random(rows, columns, dtype=dtype) * (torch.rand(rows, columns, generator=make, device="cuda") < density)
            right = random(columns, wide, dtype=dtype)
            csr = dense.to_sparse_csr(); coo = dense.to_sparse_coo()
            show(f"csr mm {dtype} {rows} {columns} {wide}", lambda: csr @ right)
            show(f"coo mm {dtype} {rows} {columns} {wide}", lambda: torch.sparse.mm(coo, right))
            show(f"csr mv {dtype} {rows} {columns}", lambda: csr @ right[:, 0].contiguous())
            if dtype in (torch.float32, torch.float64, torch.complex64):
                show(f"csr csr {dtype} {rows} {columns}", lambda: (csr @ dense.t().contiguous().to_sparse_csr()).to_dense())
                show(f"sampled {dtype} {rows} {columns}", lambda: torch.sparse.sampled_addmm(csr, random(rows, 32, dtype=dtype), random(32, columns, dtype=dtype)))
                if rows == columns:
                    low = (dense.tril() + 5 * torch.eye(rows, device="cuda", dtype=dtype)).to_sparse_csr()
                    show(f"triangular {dtype} {rows}", lambda: torch.triangular_solve(right, low, upper=False)[0])
            if rows % 16 == 0 and columns % 16 == 0 and dtype != torch.float16 and dtype != torch.bfloat16:
                show(f"bsr mm {dtype} {rows}", lambda: dense.to_sparse_bsr((16, 16)) @ right)
for name in names: {"fft": fft, "matmul": matmul, "conv": conv, "sparse": sparse}[name]()
loaded = sorted({line.split()[-1] for line in open("/proc/self/maps") if any(w in line for w in ("libcufft.so", "libcublasLt.so", "libcusparse.so", "libcudnn_engines_pre"))})
print(*loaded, file=sys.stderr)
"""


def child(name):
    """What a process of its own prints, as name: outcome; and the libraries that it had loaded."""
    done = subprocess.run([sys.executable, "-c", RUN, name], capture_output=True, text=True,
                          env={**os.environ, "CUDA_CACHE_DISABLE": "1"})
    tail = (done.stderr.strip().splitlines() or [""])[-1]
    lines = [tuple(line.rsplit(" ", 1)) if " error " not in line else tuple(line.split(" error ", 1)) for line in done.stdout.splitlines()]
    if done.returncode:
        lines.append(("the process", f"exit code {done.returncode}: {tail[:200]}"))
    return dict(lines), tail


class Installed:
    """NVIDIA's libraries of the torch that is installed, replaced by links into a folder."""

    def __init__(self, folder):
        import importlib.util
        site = os.path.dirname(os.path.dirname(importlib.util.find_spec("torch").origin))
        names = {name for name in os.listdir(folder) if ".so" in name}
        self.places = [os.path.join(at, name) for at, _, files in os.walk(os.path.join(site, "nvidia")) for name in files if name in names]

    def use(self, folder):
        for place in self.places:
            if not os.path.exists(place + ".installed"):
                os.rename(place, place + ".installed")
            if os.path.lexists(place):
                os.remove(place)
            os.symlink(os.path.join(os.path.abspath(folder), os.path.basename(place)), place)

    def restore(self):
        for place in self.places:
            if os.path.exists(place + ".installed"):
                os.replace(place + ".installed", place)


def outcomes(installed, folder, names, times):
    """Of each task and each result in it, every outcome that was seen."""
    installed.use(folder)
    seen, places = {name: {} for name in names}, set()
    with ThreadPoolExecutor(6) as threads:
        for name, (results, loaded) in zip(names * times, threads.map(child, names * times)):
            places.update(loaded.split())
            for what, value in results.items():
                seen[name].setdefault(what, set()).add(value)
    wrong = [place for place in places if not place.startswith(os.path.abspath(folder))]
    if wrong or not places:
        sys.exit(f"loaded from elsewhere: {wrong}")
    print(f"{folder}: {times} processes each, {len(places)} libraries of that folder were loaded", flush=True)
    return seen


def merge(seen, more):
    for name, results in more.items():
        for what, values in results.items():
            seen[name].setdefault(what, set()).update(values)


def run(before, after, *names):
    """Different: an outcome that the original does not have, in a result where the original has one alone after all repetitions."""
    installed, names = Installed(before), list(names)
    try:
        old, new = outcomes(installed, before, names, 3), outcomes(installed, after, names, 3)
        doubtful = [name for name in names if any(new[name].get(what, set()) - values or len(values) > 1 for what, values in old[name].items())]
        if doubtful:
            merge(old, outcomes(installed, before, doubtful, 12))
            merge(new, outcomes(installed, after, doubtful, 12))
    finally:
        installed.restore()
    different = 0
    for name in names:
        unsteady = [what for what, values in old[name].items() if len(values) > 1]
        wrong = [what for what in old[name].keys() | new[name].keys()
                 if what not in unsteady and old[name].get(what) != new[name].get(what)]
        errors = sum(any(len(value) != 12 for value in values) for values in old[name].values())
        different += len(wrong)
        print(f"{name}: {len(old[name])} results, {errors} of them errors before, {len(unsteady)} with several outcomes in the original, {len(wrong)} differ", flush=True)
        for what in wrong[:8]:
            print("  differs:", what, old[name].get(what), new[name].get(what))
        for what in unsteady:
            both = old[name][what] & new[name].get(what, set())
            print(f"  unsteady: {what}: {len(old[name][what])} outcomes before, {len(new[name].get(what, set()))} after, {len(both)} of them the same")
    return different


def main(what, *arguments):
    if what not in ("load", "run"):
        sys.exit(__doc__)
    os.environ["CUDA_CACHE_DISABLE"] = "1"
    return {"load": load, "run": run}[what](*arguments)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) != 0)

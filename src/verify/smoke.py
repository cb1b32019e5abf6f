# SPDX-License-Identifier: MIT
"""Runs one build of PyTorch and says what happened, one JSON record a line: what `torchlathe smoke` judges.

  smoke.py FOLDER_OF_PACKAGES      (run with python -I: nothing of the user's own is imported)

Before each check a record {"begin": NAME} is written, so that a crash tells which check it was. A check's record is
{"check": NAME, "ok": true or false, "detail": TEXT} or, where it could not be done, {"check": NAME, "skipped": WHY}.
Facts are {"fact": NAME, "value": ...}. Judges nothing that needs knowledge of GPUs: that is torchlathe's.
"""
import json
import os
import shutil
import sys
import tempfile
import time

started = time.monotonic()


def say(**record):
    record["seconds"] = round(time.monotonic() - started, 3)
    # To the file descriptor itself: a library that takes over sys.stdout changes nothing.
    sys.__stdout__.write(json.dumps(record) + "\n")
    sys.__stdout__.flush()


def fact(name, read):
    try:
        say(fact=name, value=read())
    except Exception as error:  # a fact that cannot be had is none
        say(fact=name, value=None, error=f"{type(error).__name__}: {error}"[:500])


class Skip(Exception):
    pass


def check(name, run):
    say(begin=name)
    try:
        say(check=name, ok=True, detail=str(run() or ""))
    except Skip as why:
        say(check=name, skipped=str(why))
    except Exception as error:
        say(check=name, ok=False, detail=f"{type(error).__name__}: {error}"[:1000])


def require(condition, what):
    if not condition:
        raise AssertionError(what)


def main():
    sys.path.insert(0, sys.argv[1])
    say(begin="import")
    try:
        import torch
    except BaseException as error:
        say(check="import", ok=False, detail=f"{type(error).__name__}: {error}"[:2000])
        return
    say(check="import", ok=True, detail=str(torch.__file__))
    fact("python", lambda: "%d.%d" % sys.version_info[:2])
    fact("version", lambda: str(torch.__version__))
    fact("cuda_version", lambda: torch.version.cuda)
    fact("cuda_available", lambda: bool(torch.cuda.is_available()))
    fact("arch_list", lambda: list(torch._C._cuda_getArchFlags().split()) if torch.version.cuda else [])
    fact("cpu_capability", lambda: torch.backends.cpu.get_cpu_capability())
    fact("cudnn_version", lambda: torch.backends.cudnn.version() if torch.version.cuda else None)
    fact("config", lambda: torch.__config__.show())
    fact("parts", lambda: parts(torch))
    fact("profiler", lambda: sorted(each.name for each in torch.profiler.supported_activities()))
    devices = []
    if torch.version.cuda and torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(i)
            devices.append({"name": properties.name, "capability": "%d.%d" % torch.cuda.get_device_capability(i)})
    say(fact="devices", value=devices)
    torch.manual_seed(7)
    cpu_checks(torch)
    gpu_checks(torch, devices)
    say(fact="done", value=True)


def parts(torch):
    """The libraries that are built in, each with its release where it says one. One that cannot be asked is left out."""
    with_cuda = bool(torch.version.cuda)
    questions = {
        "cuDNN": lambda: with_cuda and torch.backends.cudnn.is_available() and release(torch.backends.cudnn.version()),
        "NCCL": lambda: with_cuda and nccl_release(),
        "MAGMA": lambda: bool(torch.cuda.has_magma),
        "MKL": lambda: torch.backends.mkl.is_available(),
        "OpenBLAS": lambda: "BLAS_INFO=open" in torch.__config__.show(),
        "oneDNN": lambda: torch.backends.mkldnn.is_available(),
        "distributed": lambda: torch.distributed.is_available(),
        "flash attention": lambda: with_cuda and torch.backends.cuda.is_flash_attention_available(),
    }
    found = []
    for name, ask in questions.items():
        try:
            answer = ask()
        except Exception:
            continue
        if answer:
            found.append(name if answer is True else f"{name} {answer}")
    return found


def nccl_release():
    from torch.cuda import nccl
    return ".".join(map(str, nccl.version()))


def release(number):
    """91301 -> 9.13.1, 8907 -> 8.9.7: cuDNN's two ways to count."""
    large = 10000 if number >= 90000 else 1000
    return f"{number // large}.{number % large // 100}.{number % 100}"


def near(torch, got, want, tolerance):
    got, want = got.detach().cpu().to(torch.float64), want.detach().cpu().to(torch.float64)
    require(got.shape == want.shape, f"shape {tuple(got.shape)} in place of {tuple(want.shape)}")
    require(bool(torch.isfinite(got).all()), "the result holds infinities or NaN")
    off = float((got - want).abs().max() / want.abs().max().clamp_min(1e-30))
    require(off <= tolerance, f"off by {off:.3g} of the largest value, allowed is {tolerance:.3g}")
    return f"off by {off:.2g}"


def cpu_checks(torch):
    a, b = torch.randn(96, 80, dtype=torch.float64), torch.randn(80, 72, dtype=torch.float64)
    # Plain sums, in Python: no library of PyTorch's has a part in them.
    rows, columns = a.tolist(), b.t().tolist()
    plain = torch.tensor([[sum(x * y for x, y in zip(row, column)) for column in columns] for row in rows], dtype=torch.float64)
    check("cpu matmul", lambda: near(torch, a.float() @ b.float(), plain, 1e-5))
    check("cpu matmul bf16", lambda: near(torch, a.bfloat16() @ b.bfloat16(), plain, 3e-2))
    check("cpu convolution", lambda: convolution(torch, "cpu"))
    check("cpu linear algebra", lambda: solve(torch, "cpu"))
    check("cpu fft", lambda: fft(torch, "cpu"))
    check("cpu autograd", lambda: gradient(torch, "cpu"))
    check("cpu threads", lambda: threads(torch))


def threads(torch):
    x = torch.randn(1 << 20)
    near(torch, (x.double() * 2).sum(), x.double().sum() * 2, 1e-9)
    return f"{torch.get_num_threads()} threads"


def convolution(torch, device):
    x, w = torch.randn(2, 3, 20, 20, dtype=torch.float64), torch.randn(4, 3, 3, 3, dtype=torch.float64)
    patches = torch.nn.functional.unfold(x, 3)  # the same sums as one product of matrices
    want = (w.reshape(4, -1) @ patches).reshape(2, 4, 18, 18)
    return near(torch, torch.nn.functional.conv2d(x.float().to(device), w.float().to(device)), want, 5e-3)


def solve(torch, device):
    a = torch.randn(64, 64, dtype=torch.float64) + 64 * torch.eye(64, dtype=torch.float64)
    x = torch.randn(64, 8, dtype=torch.float64)
    return near(torch, torch.linalg.solve(a.float().to(device), (a @ x).float().to(device)), x, 1e-4)


def fft(torch, device):
    x = torch.randn(1000, dtype=torch.float64)
    back = torch.fft.ifft(torch.fft.fft(x.float().to(device))).real
    near(torch, back, x, 1e-5)
    k = torch.arange(1000, dtype=torch.float64)
    one = torch.complex((x * torch.cos(2 * torch.pi * 3 * k / 1000)).sum(), -(x * torch.sin(2 * torch.pi * 3 * k / 1000)).sum())
    got = torch.fft.fft(x.float().to(device))[3].cpu()
    require(abs(complex(got) - complex(one)) < 1e-3 * max(1.0, abs(complex(one))), f"term 3 is {complex(got)}, not {complex(one)}")
    return "and back"


def gradient(torch, device):
    x = torch.randn(100, dtype=torch.float32, device=device, requires_grad=True)
    (x * x).sum().backward()
    return near(torch, x.grad, 2 * x, 1e-6)


def gpu_checks(torch, devices):
    names = ["gpu matmul", "gpu matmul bf16", "gpu convolution", "gpu linear algebra", "gpu fft", "gpu sort", "gpu scan",
             "gpu sparse", "gpu random", "gpu attention", "gpu autograd", "gpu compile", "nccl"]
    if not devices:
        why = "this build has no CUDA" if not torch.version.cuda else "PyTorch sees no GPU"
        for name in names:
            say(check=name, skipped=why)
        return
    for i, device in enumerate(devices):
        suffix = "" if len(devices) == 1 else f" on {i}"
        on_gpu(torch, f"cuda:{i}", suffix)
    check("gpu compile", lambda: compiled(torch))
    check("nccl", lambda: nccl(torch))


def nccl(torch):
    """All devices' tensors are summed into each of them; with one device that is a copy, by NCCL's own kernel."""
    try:
        from torch.cuda import nccl as library
        version = nccl_release()
    except (ImportError, AttributeError):
        raise Skip("this build has no NCCL") from None
    parts = [torch.full((1000,), 1.0 + i, device=f"cuda:{i}") for i in range(torch.cuda.device_count())]
    sums = [torch.zeros_like(part) for part in parts]
    library.all_reduce(parts, sums)
    want = torch.full((1000,), float(sum(range(1, len(parts) + 1))))
    require(all(torch.equal(got.cpu(), want) for got in sums), "the sum is wrong")
    return f"NCCL {version}, {len(parts)} device{'s' * (len(parts) > 1)}"


def compiled(torch):
    """torch.compile through Triton, which makes its code on this machine and needs a C compiler for it."""
    try:
        import triton
    except ImportError:
        raise Skip("Triton is not installed") from None
    if not any(shutil.which(name) for name in (os.environ.get("CC") or "cc", "gcc", "clang")):
        raise Skip("Triton needs a C compiler, and there is none")
    with tempfile.TemporaryDirectory(prefix="lathe-smoke-") as folder:
        os.environ.update(TORCHINDUCTOR_CACHE_DIR=folder, TRITON_CACHE_DIR=folder, TORCHINDUCTOR_COMPILE_THREADS="1")
        x = torch.randn(1000, 257, dtype=torch.float64)
        function = lambda x: torch.nn.functional.gelu(x) * 2 + x.sum(dim=1, keepdim=True)
        return near(torch, torch.compile(function)(x.float().cuda()), function(x), 1e-4) + f", Triton {triton.__version__}"


def on_gpu(torch, device, suffix):
    torch.backends.cuda.matmul.allow_tf32 = False

    def matmul(dtype, tolerance):
        a, b = torch.randn(257, 130, dtype=torch.float64), torch.randn(130, 65, dtype=torch.float64)
        result = near(torch, a.to(dtype).to(device) @ b.to(dtype).to(device), a @ b, tolerance)
        torch.cuda.synchronize(device)
        return result

    def cudnn():
        if not torch.backends.cudnn.is_available():
            raise Skip("this build has no cuDNN")
        return convolution(torch, device) + f", cuDNN {torch.backends.cudnn.version()}"

    def sort():
        x = torch.randn(100_000)
        require(torch.equal(torch.sort(x.to(device)).values.cpu(), torch.sort(x).values), "not in the CPU's order")

    def scan():
        x = torch.randint(0, 9, (100_000,))
        require(torch.equal(torch.cumsum(x.to(device), 0).cpu(), torch.cumsum(x, 0)), "not the CPU's sums")

    def sparse():
        x = torch.randn(200, 100, dtype=torch.float64) * (torch.rand(200, 100) < 0.1)
        y = torch.randn(100, 16, dtype=torch.float64)
        return near(torch, x.float().to(device).to_sparse_csr() @ y.float().to(device), x @ y, 1e-4)

    def random():
        x = torch.randn(1_000_000, device=device)
        mean, deviation = float(x.mean()), float(x.std())
        require(abs(mean) < 0.01 and abs(deviation - 1) < 0.01, f"mean {mean}, deviation {deviation}")

    def attention():
        q, k, v = (torch.randn(2, 4, 128, 64, dtype=torch.float64) for _ in range(3))
        want = torch.softmax(q @ k.transpose(-1, -2) / 8, -1) @ v
        got = torch.nn.functional.scaled_dot_product_attention(*(t.half().to(device) for t in (q, k, v)))
        return near(torch, got, want, 1e-2)

    check("gpu matmul" + suffix, lambda: matmul(torch.float32, 1e-5))
    check("gpu matmul bf16" + suffix, lambda: matmul(torch.bfloat16, 3e-2))
    check("gpu convolution" + suffix, cudnn)
    check("gpu linear algebra" + suffix, lambda: solve(torch, device))
    check("gpu fft" + suffix, lambda: fft(torch, device))
    check("gpu sort" + suffix, sort)
    check("gpu scan" + suffix, scan)
    check("gpu sparse" + suffix, sparse)
    check("gpu random" + suffix, random)
    check("gpu attention" + suffix, attention)
    check("gpu autograd" + suffix, lambda: gradient(torch, device))


main()

# SPDX-License-Identifier: MIT
"""One share of a run: samples.py SHARE SHARES RESULTS LIMIT [--only FILE] [--deterministic] [--passes N --shuffle SEED].

Appends a JSON line a sample to RESULTS, at most LIMIT samples of each operator and type. --only: the names to run, one a line.
--deterministic: by PyTorch's deterministic algorithms where it has them, and with new memory filled. --passes: all of it so
often, in an order of its own each time and between blocks of used memory that change, for outcomes that one run does not show. Started again on the same
RESULTS it goes on behind the last sample that was begun. Knows nothing of what is compared with what: compare.py does.
"""
import argparse
import hashlib
import json
import os
import random
import sys
import types
import unittest
import zlib

# PyTorch's test helpers import it; nothing here calls it.
try:
    import expecttest  # noqa: F401
except ImportError:
    stub = types.ModuleType("expecttest")
    stub.TestCase = type("TestCase", (unittest.TestCase,), {})
    stub.assert_expected_inline = lambda *a, **k: None
    sys.modules["expecttest"] = stub

import torch  # noqa: E402

DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def tensors(value):
    """All tensors in a nest of tuples, lists, dicts and named tuples, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors(item)


def digest_of(tensor):
    tensor = tensor.detach()
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_quantized:
        tensor = tensor.int_repr()
    tensor = tensor.resolve_conj().resolve_neg().cpu().contiguous()
    head = f"{tensor.dtype}{tuple(tensor.shape)}".encode()
    if tensor.numel() == 0:
        return hashlib.sha256(head).hexdigest()[:24]
    raw = tensor.flatten().view(torch.uint8).numpy().tobytes()
    return hashlib.sha256(head + raw).hexdigest()[:24]


def digest(value):
    found = [digest_of(tensor) for tensor in tensors(value)]
    if not found:
        return "plain " + repr(value)[:200]
    return " ".join(found) if len(found) < 8 else hashlib.sha256(" ".join(found).encode()).hexdigest()[:24]


def gradients(out, inputs):
    outs = [t for t in tensors(out) if t.requires_grad and t.is_floating_point()]
    leaves = [t for t in tensors(inputs) if t.requires_grad and t.is_leaf]
    if not outs or not leaves:
        return "none"
    return digest([g for g in torch.autograd.grad(outs, leaves, [torch.ones_like(t) for t in outs], allow_unused=True)
                   if g is not None])


def run_sample(op, sample):
    torch.manual_seed(0)
    out = op(sample.input, *sample.args, **sample.kwargs)
    result = {"forward": digest(out)}
    try:
        result["backward"] = gradients(out, (sample.input, sample.args, sample.kwargs))
    except (RuntimeError, NotImplementedError) as error:
        result["backward"] = "error " + str(error).splitlines()[0][:120]
    return result


def guarded(work):
    try:
        return work()
    except Exception as error:  # the error is the result: it must be the same on both sides
        text = (str(error).splitlines() or [""])[0][:160]
        if isinstance(error, torch.AcceleratorError if hasattr(torch, "AcceleratorError") else ()):
            raise
        return {"error": f"{type(error).__name__}: {text}"}


def operator_samples(share, shares, limit):
    """(name, work) for each sample of this share; the inputs are made only when they are needed."""
    from torch.testing._internal.common_methods_invocations import op_db
    units = [(op, dtype) for op in op_db for dtype in DTYPES if dtype in op.supported_dtypes("cuda")]
    for op, dtype in units:
        unit = f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name
        unit += " " + str(dtype).removeprefix("torch.")
        if zlib.crc32(unit.encode()) % shares != share:
            continue
        yield unit, lambda op=op, dtype=dtype, unit=unit: unit_samples(op, dtype, unit, limit)


def unit_samples(op, dtype, unit, limit):
    torch.manual_seed(zlib.crc32(unit.encode()))
    autograd = op.supports_autograd and dtype in op.supported_backward_dtypes("cuda")
    try:
        for index, sample in enumerate(op.sample_inputs("cuda", dtype, requires_grad=autograd)):
            if index >= limit:
                return
            yield f"{unit} #{index}", lambda sample=sample: run_sample(op, sample)
    except Exception as error:  # some samples cannot be made on every GPU
        text = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:120]}"
        yield f"{unit} samples", lambda: {"error": text}


def library_samples():
    """Larger work for the libraries beside the operators."""
    import torch.nn.functional as F

    def random(*shape, dtype=torch.float32, seed=1):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float32).to("cuda", dtype)

    for dtype in DTYPES:
        name = str(dtype).removeprefix("torch.")
        yield f"cublas matmul {name}", lambda d=dtype: digest(random(1024, 512, dtype=d) @ random(512, 768, dtype=d, seed=2))
        yield f"cublas bmm {name}", lambda d=dtype: digest(torch.bmm(random(16, 128, 64, dtype=d), random(16, 64, 96, dtype=d)))
        yield f"cublas linear {name}", lambda d=dtype: digest(F.linear(random(64, 1024, dtype=d), random(512, 1024, dtype=d), random(512, dtype=d)))
        yield f"cudnn conv2d {name}", lambda d=dtype: digest(F.conv2d(random(8, 16, 64, 64, dtype=d), random(32, 16, 3, 3, dtype=d), padding=1))
        yield f"cudnn conv3d {name}", lambda d=dtype: digest(F.conv3d(random(2, 4, 16, 16, 16, dtype=d), random(8, 4, 3, 3, 3, dtype=d)))
        yield f"cudnn batch_norm {name}", lambda d=dtype: digest(F.batch_norm(random(8, 16, 32, 32, dtype=d), None, None, training=True))
        yield f"layer_norm {name}", lambda d=dtype: digest(F.layer_norm(random(64, 1024, dtype=d), (1024,)))
        for causal in (False, True):
            yield f"sdpa causal={causal} {name}", lambda d=dtype, c=causal: digest(F.scaled_dot_product_attention(
                *(random(4, 8, 256, 64, dtype=d, seed=s) for s in (1, 2, 3)), is_causal=c))
        yield f"sort {name}", lambda d=dtype: digest(torch.sort(random(1_000_000, dtype=d), stable=True))
        yield f"topk {name}", lambda d=dtype: digest(torch.topk(random(100_000, dtype=d), 100).values)
        yield f"cumsum {name}", lambda d=dtype: digest(torch.cumsum(random(64, 5000, dtype=d), 1))
        yield f"softmax {name}", lambda d=dtype: digest(torch.softmax(random(256, 4096, dtype=d), 1))
    yield "cudnn lstm", lambda: digest(lstm(random))
    yield "unique", lambda: digest(torch.unique((random(100_000) * 100).int()))
    yield "cub histogram", lambda: digest(torch.bincount((random(100_000).abs() * 50).long()))
    yield "fft", lambda: digest([torch.fft.fft(random(64, 1000)), torch.fft.rfft2(random(8, 128, 96)), torch.fft.ifftn(random(32, 32, 32))])
    yield "sparse", lambda: digest([random(500, 500).relu().to_sparse_csr() @ random(500, 64), torch.sparse.mm(random(300, 300).relu().to_sparse(), random(300, 10))])
    square = lambda: random(96, 96) @ random(96, 96).T + 96 * torch.eye(96, device="cuda")
    yield "linalg solve", lambda: digest(torch.linalg.solve(square(), random(96, 8)))
    yield "linalg cholesky", lambda: digest(torch.linalg.cholesky(square()))
    yield "linalg qr", lambda: digest(torch.linalg.qr(random(128, 64)))
    yield "linalg svd", lambda: digest(torch.linalg.svdvals(random(128, 64)))
    yield "linalg eigh", lambda: digest(torch.linalg.eigvalsh(square()))
    yield "linalg det", lambda: digest(torch.linalg.slogdet(square()))
    yield "training step", lambda: digest(training_step(random))
    yield "torch.compile", lambda: digest(compiled(random))


def lstm(random):
    torch.manual_seed(3)
    return torch.nn.LSTM(64, 128, 2).cuda()(random(20, 8, 64))[0]


def small_model():
    torch.manual_seed(4)
    return torch.nn.Sequential(torch.nn.Linear(256, 512), torch.nn.GELU(), torch.nn.LayerNorm(512), torch.nn.Linear(512, 10)).cuda()


def training_step(random):
    model = small_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for seed in range(3):
        optimizer.zero_grad()
        model(random(64, 256, seed=seed)).square().mean().backward()
        optimizer.step()
    return list(model.parameters())


def compiled(random):
    model = torch.compile(small_model())
    out = model(random(64, 256))
    out.sum().backward()
    return [out] + [p.grad for p in model.parameters()]


def main():
    wanted = options()
    share, shares, limit = wanted.share, wanted.shares, wanted.limit
    if wanted.deterministic:
        torch.use_deterministic_algorithms(True, warn_only=True)
    only = set(open(wanted.only).read().splitlines()) if wanted.only else None
    units = {name.rpartition(" ")[0] for name in only or ()}
    seen = begun_already(wanted.results)
    results = open(wanted.results, "a", buffering=1)

    def take(name, work, turn):
        begin = name if turn == 0 else f"{name} @{turn}"
        if begin in seen or (only is not None and name not in only):
            return
        results.write(json.dumps({"begin": begin}) + "\n")
        outcome = guarded(work)
        torch.cuda.synchronize()
        results.write(json.dumps({"name": begin, **(outcome if isinstance(outcome, dict) else {"forward": outcome})}) + "\n")

    def library_work():
        return [(None, lambda name=name, work=work: [(name, work)]) for name, work in library_samples()] if share == 0 else []

    if share == 0:
        results.write(json.dumps({"about": about()}) + "\n")
    for turn in range(wanted.passes):
        work = library_work() + [(unit, make) for unit, make in operator_samples(share, shares, limit) if only is None or unit in units]
        around = Surroundings(wanted.shuffle, turn) if wanted.shuffle is not None else None
        if around:
            around.order.shuffle(work)
        for unit, make in work:
            done = f"{unit} done" if turn == 0 else f"{unit} done @{turn}"
            if unit and done in seen:
                continue
            if around:
                around.change()
            for name, sample in make():
                take(name, sample, turn)
            if unit:
                results.write(json.dumps({"begin": done}) + "\n")
    results.write(json.dumps({"end": True}) + "\n")


class Surroundings:
    """Blocks of GPU memory in use, filled with what nobody expects: other addresses and other leftovers for each unit of work."""

    def __init__(self, seed, turn):
        self.order = random.Random(f"{seed} {turn}")
        self.blocks = []

    def change(self):
        self.blocks += [torch.full((self.order.randrange(1, 1 << 22),), self.order.randrange(256), dtype=torch.uint8, device="cuda")
                        for _ in range(self.order.randrange(4))]
        self.order.shuffle(self.blocks)
        del self.blocks[8:]


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("share", type=int)
    parser.add_argument("shares", type=int)
    parser.add_argument("results")
    parser.add_argument("limit", type=int)
    parser.add_argument("--only")
    parser.add_argument("--deterministic", action="store_true")
    parser.add_argument("--passes", type=int, default=1)
    parser.add_argument("--shuffle", type=int)
    return parser.parse_args()


def begun_already(path):
    if not os.path.exists(path):
        return set()
    with open(path) as lines:
        return {json.loads(line).get("begin") for line in lines if line.endswith("\n")}


def about():
    return {"torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(),
            "gpu": torch.cuda.get_device_name(), "capability": list(torch.cuda.get_device_capability()),
            "arch_list": torch.cuda.get_arch_list(), "file": torch.__file__, "python": sys.version.split()[0]}


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""collectives.py run RESULTS.json [--own-choice] | collectives.py compare BEFORE.json AFTER.json...

run: all of NCCL's collectives over all GPUs of this machine, one process each, through torch.distributed: each in the types that
torch passes on, with sums, products, minima, maxima and averages, for one to 8 million elements, under each algorithm and protocol that
is forced in turn, or with --own-choice as NCCL chooses. The inputs are small whole numbers, so that any order of sums has one result.
RESULTS: a SHA-256 of what each rank got, or what NCCL said. Which NCCL was used, and the size of its file, stands in it too.
compare: every result of BEFORE is in each AFTER, and equal. Exit code 1 when one is not.
"""
import hashlib
import json
import os
import sys

# NCCL_ALGO, NCCL_PROTO; "" leaves the choice to NCCL.
FORCED = [("", ""), ("Ring", "LL"), ("Ring", "LL128"), ("Ring", "Simple"), ("Tree", "LL"), ("Tree", "LL128"), ("Tree", "Simple")]
TYPES = ["float32", "float64", "float16", "bfloat16", "int8", "uint8", "int32", "int64", "float8_e4m3fn", "float8_e5m2"]
SIZES = [1, 1000, 65536, 8 << 20]


def loaded_nccl():
    """The file, and its bytes."""
    with open("/proc/self/maps") as maps:
        return {path: os.path.getsize(path) for path in sorted({line.split()[-1] for line in maps if "libnccl" in line})}


def work(rank, ranks, place, algorithm, protocol):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=os.environ["COLLECTIVES_PORT"])
    for name, value in (("NCCL_ALGO", algorithm), ("NCCL_PROTO", protocol)):
        if value:
            os.environ[name] = value
    import torch
    import torch.distributed as dist

    torch.cuda.set_device(rank)
    dist.init_process_group("nccl", rank=rank, world_size=ranks, device_id=torch.device("cuda", rank))
    results = {}

    def note(name, make):
        try:
            got = make()
            torch.cuda.synchronize()
            parts = got if isinstance(got, (list, tuple)) else [got]
            digest = hashlib.sha256()
            for part in parts:
                digest.update(part.contiguous().view(torch.uint8).cpu().numpy().tobytes())
            results[name] = digest.hexdigest()
        except Exception as error:  # what NCCL or torch refuses is a result too
            results[name] = "error: " + str(error).splitlines()[0][:120]

    for type_name in TYPES:
        kind = getattr(torch, type_name)
        for size in SIZES if algorithm == "" else SIZES[::3] + [65536]:
            def data(salt, count=size):
                values = torch.arange(count, device="cuda") * (7 + salt) + 3 * rank + salt
                return (values % 3 + (rank + salt) % 2).to(kind)

            def reduced(operation, salt):
                tensor = data(salt)
                dist.all_reduce(tensor, getattr(dist.ReduceOp, operation))
                return tensor

            def scattered(operation, salt):
                out = torch.empty(size, dtype=kind, device="cuda")
                dist.reduce_scatter_tensor(out, data(salt, size * ranks), getattr(dist.ReduceOp, operation))
                return out

            def to_root(operation, salt):
                tensor = data(salt)
                dist.reduce(tensor, 0, getattr(dist.ReduceOp, operation))
                return tensor if rank == 0 else tensor[:0]

            def broadcast():
                tensor = data(5)
                dist.broadcast(tensor, ranks - 1)
                return tensor

            def gathered():
                out = torch.empty(size * ranks, dtype=kind, device="cuda")
                dist.all_gather_into_tensor(out, data(6))
                return out

            def exchanged():
                out = torch.empty(size * ranks, dtype=kind, device="cuda")
                dist.all_to_all_single(out, data(7, size * ranks))
                return out

            def round_trip():
                out = torch.empty(size, dtype=kind, device="cuda")
                operations = [dist.P2POp(dist.isend, data(8), (rank + 1) % ranks), dist.P2POp(dist.irecv, out, (rank - 1) % ranks)]
                for request in dist.batch_isend_irecv(operations):
                    request.wait()
                return out

            of = f"{algorithm or 'own choice'} {protocol} {type_name} {size}".replace("  ", " ")
            for operation in ("SUM", "PRODUCT", "MIN", "MAX", "AVG"):
                note(f"{of} all_reduce {operation}", lambda: reduced(operation, 1))
                note(f"{of} reduce_scatter {operation}", lambda: scattered(operation, 2))
                note(f"{of} reduce {operation}", lambda: to_root(operation, 3))
            note(f"{of} broadcast", broadcast)
            note(f"{of} all_gather", gathered)
            note(f"{of} all_to_all", exchanged)
            note(f"{of} send and receive", round_trip)
    with open(f"{place}.{rank}", "w") as file:
        json.dump({"nccl": ".".join(map(str, torch.cuda.nccl.version())), "file": loaded_nccl(), "gpu": torch.cuda.get_device_name(rank),
                   "results": results}, file)
    dist.destroy_process_group()


def run(place, forced):
    import torch
    import torch.multiprocessing as processes

    ranks = torch.cuda.device_count()
    whole = {"ranks": ranks, "results": {}}
    for number, (algorithm, protocol) in enumerate(forced):
        os.environ["COLLECTIVES_PORT"] = str(29500 + number)
        processes.spawn(work, (ranks, place, algorithm, protocol), nprocs=ranks)
        for rank in range(ranks):
            with open(f"{place}.{rank}") as file:
                part = json.load(file)
            os.remove(f"{place}.{rank}")
            whole.update(nccl=part["nccl"], file=part["file"], gpu=part["gpu"])
            whole["results"].update({f"rank {rank} {name}": value for name, value in part["results"].items()})
    with open(place, "w") as file:
        json.dump(whole, file)
    print(f"{ranks} x {whole['gpu']}, NCCL {whole['nccl']} {whole['file']}: {len(whole['results'])} results,",
          sum(value.startswith("error") for value in whole["results"].values()), "of them errors")


def compare(before, after):
    with open(before) as one, open(after) as other:
        before, after = json.load(one), json.load(other)
    assert before["results"], "nothing was run"
    different = [name for name, value in before["results"].items() if after["results"].get(name) != value]
    print(f"{len(before['results'])} results, {len(different)} different")
    for name in different[:20]:
        print(f"  {name}: {before['results'][name]} {after['results'].get(name)}")
    return not different and before["ranks"] == after["ranks"]


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(sys.argv[2], FORCED[:1] if sys.argv[3:] == ["--own-choice"] else FORCED)
    else:
        sys.exit(0 if all([compare(sys.argv[2], other) for other in sys.argv[3:]]) else 1)

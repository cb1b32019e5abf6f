"""torchlathe's C++ library; import torchlathe instead."""

from collections.abc import Callable, Sequence
import enum
import os
import pathlib


class Severity(enum.Enum):
    error = 0

    warning = 1

    note = 2

class Finding:
    """What was found to be wrong, or worth knowing."""

    @property
    def rule(self) -> str:
        """Stable; `torchlathe explain RULE` says what it means."""

    @property
    def severity(self) -> Severity: ...

    @property
    def file(self) -> str: ...

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...

    @property
    def what(self) -> str: ...

    @property
    def cause(self) -> str: ...

    @property
    def fix(self) -> str: ...

    def __repr__(self) -> str: ...

class Runs(enum.Enum):
    all = 0
    """Every container has machine code for the device."""

    ptx = 1
    """Every container has code, some only as PTX."""

    some = 2
    """Some containers have none."""

    none = 3
    """No container has any."""

class DeviceCode:
    """All images of one kind for one GPU."""

    @property
    def name(self) -> str:
        """sm_90, sm_90a, compute_90 (PTX)."""

    @property
    def images(self) -> int: ...

    @property
    def bytes(self) -> int: ...

    @property
    def unpacked_bytes(self) -> int: ...

    def __repr__(self) -> str: ...

class Coverage:
    """What a device runs of a file's code."""

    @property
    def device(self) -> str: ...

    @property
    def runs(self) -> Runs: ...

    @property
    def containers(self) -> int: ...

    @property
    def containers_without(self) -> int: ...

    @property
    def text(self) -> str: ...

    def __repr__(self) -> str: ...

class InspectedFile:
    """A file with machine code or device code."""

    @property
    def path(self) -> str: ...

    @property
    def bytes(self) -> int: ...

    @property
    def format(self) -> str: ...

    @property
    def machine(self) -> str: ...

    @property
    def soname(self) -> str: ...

    @property
    def code(self) -> list[DeviceCode]: ...

    @property
    def coverage(self) -> list[Coverage]: ...

    @property
    def findings(self) -> list[Finding]: ...

    def __repr__(self) -> str: ...

class Inspection:
    """What files hold."""

    @property
    def files(self) -> list[InspectedFile]: ...

    @property
    def coverage(self) -> list[Coverage]: ...

    @property
    def findings(self) -> list[Finding]: ...

    def on(self, gpu: str) -> Coverage:
        """Whether a GPU runs it: its name, or a capability as 9.0."""

class CarvedFile:
    @property
    def path(self) -> str: ...

    @property
    def outcome(self) -> str: ...

    @property
    def old_bytes(self) -> int: ...

    @property
    def new_bytes(self) -> int: ...

    @property
    def images(self) -> int: ...

    @property
    def images_kept(self) -> int: ...

    @property
    def old_code(self) -> str: ...

    @property
    def new_code(self) -> str: ...

    @property
    def findings(self) -> list[Finding]: ...

    def __repr__(self) -> str: ...

class Carved:
    """What a carve did."""

    @property
    def files(self) -> list[CarvedFile]: ...

    @property
    def old_bytes(self) -> int: ...

    @property
    def new_bytes(self) -> int: ...

    @property
    def failures(self) -> list[Finding]: ...

    @property
    def path(self) -> pathlib.Path | None:
        """Of what was written; None when nothing was."""

class HostGpu:
    @property
    def name(self) -> str: ...

    @property
    def capability(self) -> str: ...

    @property
    def memory(self) -> int: ...

    def __repr__(self) -> str: ...

class Host:
    """A machine, as far as it decides which build runs there."""

    @property
    def machine(self) -> str: ...

    @property
    def cpu(self) -> str: ...

    @property
    def isas(self) -> list[str]:
        """Instruction sets that the CPU runs, the best last."""

    @property
    def cores(self) -> int: ...

    @property
    def gpus(self) -> list[HostGpu]: ...

    @property
    def driver(self) -> str: ...

    @property
    def cuda(self) -> str: ...

    @property
    def notes(self) -> list[Finding]: ...

    @property
    def record(self) -> str:
        """All of it as JSON; `read_host` reads it."""

class Choice:
    """A variant, held against a machine."""

    @property
    def name(self) -> str: ...

    @property
    def matrix(self) -> str: ...

    @property
    def why(self) -> str: ...

    @property
    def missing(self) -> list[Finding]: ...

    def __repr__(self) -> str: ...

class Selection:
    """Which variants start on a machine."""

    @property
    def starting(self) -> list[Choice]:
        """Best first."""

    @property
    def excluded(self) -> list[Choice]: ...

    @property
    def changes(self) -> list[str]:
        """Where none starts: what would have to change."""

    @property
    def best(self) -> Choice | None:
        """The first of `starting`; None when none starts."""

class Verification:
    """A build held against its name."""

    @property
    def name(self) -> str: ...

    @property
    def kept(self) -> bool:
        """No finding is an error."""

    @property
    def cpu_scanned(self) -> bool: ...

    @property
    def findings(self) -> list[Finding]: ...

class Gpu:
    """A row of the hardware tables."""

    @property
    def name(self) -> str: ...

    @property
    def aliases(self) -> list[str]: ...

    @property
    def capability(self) -> str: ...

    @property
    def segment(self) -> str: ...

    @property
    def source(self) -> str: ...

    def __repr__(self) -> str: ...

def gpus() -> list[Gpu]:
    """All GPUs of the hardware tables."""

def find_gpu(name: str) -> Gpu | None:
    """A GPU by its name or alias, without regard to letter case."""

def runs_on(code: str, gpu: str) -> bool:
    """Whether a cubin (sm_90) or PTX (compute_90) runs on a GPU."""

def inspect(paths: Sequence[str | os.PathLike[str]], threads: int, embedded_code: bool, on_file: Callable[[str, int], object] | None) -> Inspection: ...

def carve(source: str | os.PathLike[str], destination: str | os.PathLike[str], gpus: Sequence[str], minimal: bool, keep_special: bool, require_full: bool, strip_symbols: bool, dry_run: bool, include_vendor: bool, threads: int, progress: Callable[[int, int], object] | None) -> Carved: ...

def verify(variant: str, paths: Sequence[str | os.PathLike[str]], matrix: str, gpu_only: bool, threads: int, on_file: Callable[[str, int], object] | None) -> Verification: ...

def detect() -> Host:
    """
    This machine. What cannot be found out is missing, and a note says why.
    """

def imagine(gpus: Sequence[str], cpu: str) -> Host:
    """
    A machine made up from names: GPUs as RTX 5090 or 12.0, a CPU as Zen 4 or avx2.
    """

def read_host(record: str) -> Host:
    """A machine that was recorded before: Host.record."""

def select(host: Host | None, matrices: Sequence[str], names: Sequence[str], cuda: Sequence[str], python: Sequence[str], pytorch: Sequence[str], prefer: str) -> Selection: ...

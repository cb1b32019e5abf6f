#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clean_roots.py PACKAGES: installs each package into fresh systems without a network, and uses what was installed. Needs root."""
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import oci  # noqa: E402
from contents import root, version  # noqa: E402
from module import run  # noqa: E402
from roots import Root, systems  # noqa: E402

packages = Path(sys.argv[1]).resolve()
deb, tarball = f"torchlathe_{version()}-1_amd64.deb", f"torchlathe-{version()}-x86_64-linux.tar.gz"


def check_program(machine, program):
    """What a newcomer does first."""
    told = machine.said(program, "version")
    assert told.startswith(f"torchlathe {version()} ("), told
    machine.said(program, "detect")
    assert "9.0: all" in machine.said(program, "inspect", "/tmp/libfat.so", "--gpu", "H100")
    machine.said(program, "carve", "/tmp/libfat.so", "--gpu", "H100", "-o", "/tmp/carved.so")
    assert "8.0: none" in machine.said(program, "inspect", "/tmp/carved.so", "--gpu", "A100", code=1)
    assert "pytorch-python313-cuda13_0-sm120-avx2" in machine.said(program, "select", "--gpu", "RTX 5090", "--cpu", "avx2", "-q")


def check_tarball(machine, _):
    machine.said("tar", "-C", "/opt", "-xf", f"/tmp/{tarball}")
    check_program(machine, f"/opt/{tarball.removesuffix('.tar.gz')}/bin/torchlathe")


def files_of(machine):
    return set(machine.said("find", "/usr", "/etc", "/var/lib/dpkg/info", "-type", "f").split())


def check_deb(machine, _):
    before = files_of(machine)
    machine.said("dpkg", "-i", f"/tmp/{deb}")
    assert machine.said("dpkg", "--verify", "torchlathe") == ""
    check_program(machine, "torchlathe")
    machine.said("bash", "-c", "source /usr/share/bash-completion/completions/torchlathe; COMP_WORDS=(torchlathe ins) COMP_CWORD=1; "
                               "_torchlathe; [[ ${COMPREPLY[0]} == inspect ]]")
    machine.said("dpkg", "--purge", "torchlathe")
    left = files_of(machine) - before
    assert not left, f"the package leaves {left}"


def check_wheel(machine, system):
    (wheel,) = [path.name for path in packages.glob(f"torchlathe-{version()}-{system.python}-*.whl")]
    # Debian's own pip, which comes as a wheel, installs into /usr/local.
    machine.said("sh", "-c", f'python3 "$(echo /usr/share/python-wheels/pip-*.whl)"/pip install --no-index --break-system-packages /tmp/{wheel}')
    check_program(machine, "torchlathe")
    assert machine.said("python3", "-m", "torchlathe", "-V").startswith(f"torchlathe {version()} (")
    print(machine.said("python3", "/tmp/use_module.py", "/tmp/libfat.so").strip())


def check_image(folder, library):
    run("skopeo", "inspect", f"oci-archive:{packages / oci.name('x86_64')}")
    config = oci.unpacked(packages / oci.name("x86_64"), folder)
    machine = Root(folder)
    machine.put(library)
    check_program(machine, *config["config"]["Entrypoint"])


def lintian():
    said = run("lintian", "--fail-on", "error,warning", "--display-info", "--allow-root", packages / deb)
    print(f"lintian: {said.strip() or 'no problems found'}")


def check(system, here, files):
    checks = {"tarball": check_tarball, "deb": check_deb} | ({"wheel": check_wheel} if system.python else {})
    for what, use in checks.items():
        with tempfile.TemporaryDirectory(prefix="root-", dir=here) as folder:
            machine = Root.of(system, packages.parent / "packaging/roots", Path(folder))
            machine.put(*files)
            use(machine, system)
        print(f"{system.suite}: {what} installed and used")


def be_root():
    if os.geteuid() != 0:
        os.execvp("sudo", ["sudo", sys.executable, *sys.argv])


def main():
    lacking = [name for name in ("debootstrap", "lintian", "skopeo") if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")]
    if lacking:
        sys.exit(f"clean_roots.py needs {', '.join(lacking)}")
    be_root()
    lintian()
    with tempfile.TemporaryDirectory(prefix="lathe-clean-") as name:
        here = Path(name)
        library = here / "libfat.so"
        run(sys.executable, root / "tests/fat_library.py", library, "sm_80,sm_90")
        files = [library, root / "tests/use_module.py", *(path for path in packages.iterdir() if path.suffix != ".tar")]
        for system in systems:
            check(system, here, files)
        (here / "image").mkdir()
        check_image(here / "image", library)
        print("image: read by skopeo, unpacked and run")


main()

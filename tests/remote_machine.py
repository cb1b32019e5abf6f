# SPDX-License-Identifier: MIT
"""Machines on loopback for tests: each an sshd with keys of its own, and behind it Nix with a store of its own."""
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from needs import sshd

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def descendants(process):
    """Ids of all that a process started and that still live."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    found = [process]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


class Machine:
    """An sshd with its own keys, and behind it a Nix with its own store."""

    def __init__(self, folder, name, only="", sandbox_paths="", within=()):
        """`only`: the one command that its ssh runs, whatever is asked for, with this machine's store; "": a shell. `sandbox_paths`: more
        of them. `within`: words before the sshd, such as unshare's."""
        self.name, self.folder, self.port = name, folder / name, free_port()
        self.folder.mkdir()
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / key], check=True)
        (self.folder / "nix.conf").write_text("build-users-group =\nsubstitute = false\n"
                                              f"sandbox-paths = /bin /usr /lib /lib64 /etc/alternatives {sandbox_paths}\n"
                                              "system-features = big-parallel\n")
        (self.folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host\nAuthorizedKeysFile {self.folder}/user.pub\n"
            f"PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nSetEnv NIX_CONF_DIR={self.folder}"
            + (f" NIX_REMOTE=local?root={self.folder}/store\nForceCommand {only}\n" if only else "\n"))
        Path("/run/sshd").mkdir(exist_ok=True)
        self.process = subprocess.Popen([*within, sshd, "-D", "-f", self.folder / "sshd_config", "-E", self.folder / "sshd.log"])
        protocol = "ssh" if "nix-store" in only else "ssh-ng"
        self.uri = f"{protocol}://{name}" + ("" if only else f"?remote-store=local%3Froot%3D{self.folder}/store")

    def ssh_config(self):
        return (f"Host {self.name}\n HostName 127.0.0.1\n Port {self.port}\n User root\n IdentityFile {self.folder}/user\n"
                f" IdentitiesOnly yes\n StrictHostKeyChecking no\n UserKnownHostsFile {self.folder}/known\n LogLevel ERROR\n")

    def kill(self):
        for one in reversed(descendants(self.process.pid)):
            try:
                os.kill(one, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()


def wait_for(machine):
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", machine.port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"{machine.name} does not listen")

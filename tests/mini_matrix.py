# SPDX-License-Identifier: MIT
"""The matrix that tests of `build` share: the release and pin that nix/mini stands for, and CPU builds of it."""

HEAD = """[matrix]
name = "NAME"
package = "pytorch"

[nixpkgs.canonical]
rev = "6a030d535719c5190187c4cec156f335e95e3211"

[pytorch."2.10.0"]
hash = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ="
"""


def words(items):
    return ", ".join(f'"{item}"' for item in items)


def cpu_matrix(name, *builds, more=""):
    """`builds`: (Pythons, instruction sets) each; `more`: other tables."""
    text = HEAD.replace("NAME", name) + more
    for pythons, isas in builds:
        text += f'''
[[build]]
kind = "cpu"
pytorch = "2.10.0"
python = [{words(pythons)}]
isas = [{words(isas)}]
'''
    return text

# SPDX-License-Identifier: MIT
"""How triton calls the C compiler, when a program runs."""


def command(source, libraries):
    cc_cmd = ["cc", source, "-shared"]
    cc_cmd += [f"-l{lib}" for lib in libraries]
    return cc_cmd

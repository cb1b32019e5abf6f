# SPDX-License-Identifier: MIT
"""A Nix store of its own for a test: nothing of the machine's is used or changed."""


def store_at(folder, config="build-users-group =\nsandbox = false\nsubstitute = false\n"):
    """What the environment has to say."""
    return dict(NIX_STORE_DIR=f"{folder}/store", NIX_STATE_DIR=f"{folder}/var", NIX_LOG_DIR=f"{folder}/log", NIX_CONF_DIR=f"{folder}/etc",
                NIX_REMOTE="", NIX_CONFIG=config)

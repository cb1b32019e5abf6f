# SPDX-License-Identifier: MIT
llvm = download()  # noqa: F821

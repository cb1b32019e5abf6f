#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The documents as a site: build/site/html. Its tools come from the Python index, by site/requirements.txt, into build/site/venv.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=build/site/venv
if ! cmp -s site/requirements.txt "$venv/installed"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r site/requirements.txt
  cp site/requirements.txt "$venv/installed"
fi
# Not -q: a warning that is not shown does not count for --strict.
if ! NO_MKDOCS_2_WARNING=1 "$venv/bin/mkdocs" build --clean --strict -f site/mkdocs.yml >build/site/log 2>&1; then
  cat build/site/log
  exit 1
fi
python3 site/check.py build/site/html

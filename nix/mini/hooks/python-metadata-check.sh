# SPDX-License-Identifier: MIT
# The check of nixpkgs from July 2026 on: the installed metadata must be found under pname, and be of that version.
if [ -z "${dontCheckPythonMetadata:-}" ]; then
  echo "Checking metadata of $pname $version"
  PYTHONPATH=$out/$PYTHON_SITE_PACKAGES python3 -S - "$pname" "$version" <<'EOF'
import importlib.metadata, sys
name, wanted = sys.argv[1:]
found = importlib.metadata.version(name)
if found != wanted:
    sys.exit(f"{name}: the metadata say {found}, the package {wanted}")
EOF
fi

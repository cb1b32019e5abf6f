# SPDX-License-Identifier: MIT
# The phases of stdenv that recipes hook into. Runs in Nix's build folder with the derivation's attributes as variables.
export HOME=$PWD TMPDIR=${TMPDIR:-$PWD}
for input in ${nativeBuildInputs:-}; do PATH=$input/bin:$PATH; done
for input in ${nativeBuildInputs:-}; do
  [ ! -f "$input/nix-support/setup-hook" ] || source "$input/nix-support/setup-hook"
done
if [ -n "${buildCommand:-}" ]; then
  eval "$buildCommand"
  exit 0
fi

# Which compilers these are, where stdenv would say a store path: a compile cache must know.
export NIX_CC="g++ $(g++ -dumpfullversion)"
[ -z "${CUDA_NVCC:-}" ] || NIX_CC="$NIX_CC, nvcc $("$CUDA_NVCC/bin/nvcc" --version | tail -n 1)"

phase() { # NAME: preNAME, NAMEPhase, postNAME
  local hook code
  echo "Running phase: $1Phase"
  for hook in "pre${1^}" "$1Phase" "post${1^}"; do
    code=${!hook:-}
    [ -z "$code" ] || eval "$code"
  done
}

patchSource() {
  local patch
  for patch in ${patches:-}; do
    echo "applying patch $patch"
    patch -p1 <"$patch"
  done
}

if [ -n "${src:-}" ]; then
  echo "Running phase: unpackPhase"
  cp -r "$src" source
  chmod -R u+w source
  cd source
fi
patchPhase=patchSource
for name in patch configure build install check; do phase $name; done

# SPDX-License-Identifier: MIT
# The phases of stdenv that recipes hook into. Runs in Nix's build folder with the derivation's attributes as variables.
if [ -e "${NIX_ATTRS_SH_FILE:-/nonexistent}" ]; then
  # Structured attributes: lists are arrays, and only what is in env reaches other programs.
  source "$NIX_ATTRS_SH_FILE"
  for output in "${!outputs[@]}"; do export "$output=${outputs[$output]}"; done
  for variable in "${!env[@]}"; do export "$variable=${env[$variable]}"; done
  for list in nativeBuildInputs buildInputs propagatedBuildInputs patches; do
    [[ $(declare -p $list 2>/dev/null) != "declare -a"* ]] || { words="$list[*]" words=${!words}; unset $list; declare $list="$words"; }
  done
  export PATH
fi
export HOME=$PWD TMPDIR=${TMPDIR:-$PWD}
# $compileCache: a ccache of the machine, so that what many builds compile alike is compiled once. A recipe's own comes before it.
cached=
if [ -n "${compileCache:-}" ]; then
  cached=ccache
  export CCACHE_DIR=${CCACHE_DIR:-$compileCache} CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
fi
# What a build sees of its inputs, and of all that they propagate: programs, Python's modules, what CMake finds.
declare -A seen_inputs
add_input() {
  [ -z "${seen_inputs[$1]:-}" ] || return 0
  seen_inputs[$1]=1
  local folder more
  [ ! -d "$1/bin" ] || PATH=$1/bin:$PATH
  export CMAKE_PREFIX_PATH=$1${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}
  for folder in "$1"/lib/python*/site-packages; do
    [ ! -d "$folder" ] || export PYTHONPATH=$folder${PYTHONPATH:+:$PYTHONPATH}
  done
  [ ! -f "$1/nix-support/propagated-build-inputs" ] || for more in $(<"$1/nix-support/propagated-build-inputs"); do add_input "$more"; done
}
for input in ${nativeBuildInputs:-} ${buildInputs:-} ${propagatedBuildInputs:-}; do add_input "$input"; done
for input in ${nativeBuildInputs:-}; do
  [ ! -f "$input/nix-support/setup-hook" ] || source "$input/nix-support/setup-hook"
done

# substituteInPlace FILE... --replace-fail|--replace-warn|--replace-quiet OLD NEW ...
substituteInPlace() {
  local files=() file how old new text
  while [ $# -gt 0 ] && [[ $1 != --replace* ]]; do files+=("$1"); shift; done
  while [ $# -gt 0 ]; do
    how=$1 old=$2 new=$3
    shift 3
    for file in "${files[@]}"; do
      text=$(<"$file")
      if [[ $text == *"$old"* ]]; then
        printf '%s\n' "${text//"$old"/"$new"}" >"$file"
      elif [ "$how" = --replace-fail ]; then
        echo "substituteStream() in derivation $name: ERROR: pattern $old doesn't match anything in file '$file'" >&2
        return 1
      elif [ "$how" != --replace-quiet ]; then
        echo "substituteStream() in derivation $name: WARNING: pattern $old doesn't match anything in file '$file'" >&2
      fi
    done
  done
}

# Propagated inputs are written down in one output: dev where there is one. It also hands on the outputs with programs and libraries.
recordPropagated() {
  local into=${dev:-${out:-}} more="${propagatedBuildInputs:-}"
  [ -z "${dev:-}" ] || more="$more ${out:-} ${lib:-}"
  [ -z "${more// /}" ] || { mkdir -p "$into/nix-support"; echo "$more" >>"$into/nix-support/propagated-build-inputs"; }
}

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
recordPropagated
[ -z "${preFixup:-}${postFixup:-}" ] || phase fixup
[ -z "${installCheckPhase:-}" ] || phase installCheck

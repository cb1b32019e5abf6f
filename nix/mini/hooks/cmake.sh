# SPDX-License-Identifier: MIT
# As nixpkgs' cmake does: configures into build/ and goes there, unless the package says how itself. Nothing of the machine is found but
# through the inputs; only the compilers are.
cmakeConfigurePhase() {
  local prefixes=
  for input in ${buildInputs:-}; do prefixes=$prefixes${prefixes:+;}$input; done
  mkdir -p build
  cd build
  cmake .. ${cmakeFlags:-} -DCMAKE_INSTALL_PREFIX="$out" -DCMAKE_PREFIX_PATH="$prefixes" -DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF \
    -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF -DCMAKE_FIND_USE_SYSTEM_PACKAGE_REGISTRY=OFF
}
: "${configurePhase:=cmakeConfigurePhase}"

# SPDX-License-Identifier: MIT
# As nixpkgs' ninja does: builds what CMake configured, unless the package says how itself.
export CMAKE_GENERATOR=Ninja
ninjaBuildPhase() {
  ninja -j "${NIX_BUILD_CORES:-1}" ${ninjaFlags:-}
}
: "${buildPhase:=ninjaBuildPhase}"

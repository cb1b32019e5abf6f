# SPDX-License-Identifier: MIT
# torchlathe from the source tree that this file lies in: `pkgs.callPackage ./package.nix { }`.
{
  lib,
  stdenv,
  cmake,
  ninja,
  pkg-config,
  bzip2,
  cli11,
  fmt,
  libdeflate,
  lz4,
  nlohmann_json,
  openssl,
  re2,
  sqlite,
  tomlplusplus,
  xz,
  zlib,
  zstd,
}:
stdenv.mkDerivation {
  pname = "torchlathe";
  # As CMake has it: `.` matches the ends of lines too.
  version = builtins.head (builtins.match ".*project\\(torchlathe VERSION ([0-9.]+).*" (builtins.readFile ../CMakeLists.txt));
  # What a checkout has besides its sources: build folders of several gigabytes.
  src = lib.cleanSourceWith {
    src = ./..;
    filter = path: type: lib.cleanSourceFilter path type && !(type == "directory" && baseNameOf path == "build" && dirOf path == toString ./..);
  };
  nativeBuildInputs = [ cmake ninja pkg-config ];
  buildInputs = [ bzip2 cli11 fmt libdeflate lz4 nlohmann_json openssl re2 sqlite tomlplusplus xz zlib zstd ];
  cmakeFlags = [ "-DCMAKE_BUILD_TYPE=Release" "-DBUILD_TESTING=OFF" ];
  ninjaFlags = [ "torchlathe" ];
  installPhase = ''
    install -Dm755 torchlathe "$out/bin/torchlathe"
  '';
  meta = {
    description = "Inspect, carve and build PyTorch for the hardware that you have";
    license = lib.licenses.mit;
    mainProgram = "torchlathe";
    platforms = lib.platforms.linux;
  };
}

# SPDX-License-Identifier: MIT
# A package of nixpkgs' torch's shape (four outputs that refer to each other) and its carved self, made by the real Nix with
# nothing but a shell. `program`: the folder with the torchlathe to try.
{ program, library, path }:
let
  make = attributes: script: derivation (attributes // {
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-e" "-u" "-c" script ];
    PATH = path;
  });
  pkgs.runCommand = name: attributes: script:
    make (removeAttrs attributes [ "passthru" "meta" "nativeBuildInputs" ] // { inherit name; }) ''
      PATH=${program}:$PATH
      TMPDIR=''${TMPDIR:-/tmp}
      ${script}
    '' // attributes.passthru // { inherit (attributes) passthru meta; };
  carve = import ../../nix/carve.nix { inherit pkgs; torchlathe = program; };

  other = make { name = "dependency"; } "echo other > $out";
  fat = make { name = "python3.13-torch-2.9.1"; outputs = [ "out" "lib" "dev" "cxxdev" ]; } ''
    site=$out/lib/python3.13/site-packages/torch
    mkdir -p $site $lib/lib $dev/include $cxxdev/nix-support
    cp ${library} $lib/lib/libtorch_cuda.so
    # What the linker and Python leave of paths: in text, in binary files, in links.
    printf '%s' "$lib/lib:${other}" >> $lib/lib/libtorch_cuda.so
    printf '\0\1\2%s/lib/libtorch_cuda.so\0' "$lib" > $site/_C.so
    echo "prefix = '$out', '$lib', '${other}'" > $site/version.py
    ln -s $lib/lib $site/lib
    ln -s $out $dev/include/python
    echo "$cxxdev $dev $lib $out" > $cxxdev/nix-support/propagated-build-inputs
    chmod 444 $site/version.py
  '' // { pname = "pytorch-python313-cuda13_0-sm80_sm90-avx2"; version = "2.9.1"; passthru.kept = 1; passthru.gpuArch = "both"; meta.license = "bsd3"; };
in
{
  inherit fat;
  carved = carve {
    package = fat;
    gpus = [ "9.0" ];
    pname = "pytorch-python313-cuda13_0-sm90-avx2";
    passthru.gpuArch = "sm90";
    meta.description = "for 9.0";
  };
  # The same from a bare path, as a user has it who knows no expression for it.
  bare = carve { package = "${fat.lib}"; gpus = [ "9.0" ]; };
  # Out of a package set's own, of which a recipe says what it expects.
  own =
    let
      torch = fat // { pname = "torch"; cudaSupport = true; cudaCapabilities = [ "8.0" "9.0+PTX" ]; cudaPackages.cudaMajorMinorVersion = "12.8"; };
      from = package: more: carve ({ inherit package; gpus = [ "9.0" ]; pname = "slim"; expect = { version = "2.9.1"; cuda = "12.8"; }; } // more);
    in
    {
      taken = from torch { };
      release = from torch { expect.version = "2.10.0"; };
      cuda = from torch { expect.cuda = "13.0"; };
      cpu = from (torch // { cudaSupport = false; }) { };
      silent = from (removeAttrs torch [ "cudaPackages" ]) { };
      code = from torch { gpus = [ "9.0" "12.0" ]; };
      refused = from torch { refuse = "no machine has it"; };
    };
}

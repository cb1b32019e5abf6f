# SPDX-License-Identifier: MIT
# A package set with the interface of nixpkgs, as far as recipes of PyTorch use it, whose torch is a real CUDA library of a few
# files. Recipes build from it unchanged: nix-build RECIPE.nix --arg nixpkgs ./nix/mini. It takes compiler, CMake, Python and the CUDA
# toolkit from the machine, so it needs `sandbox = false` or their folders let into the sandbox. What it stands for:
# docs/formats/mini.md.
{
  system ? builtins.currentSystem,
  config ? { },
  overlays ? [ ],
}:
let
  lib = import ./lib.nix;
  inherit (lib) makeOverridable fix;
  mkDerivation = lib.mkDerivationFor { inherit system failures config stdenv; };
  # What runCommand makes has no compiler, as in nixpkgs.
  mkDerivationNoCC = lib.mkDerivationFor { inherit system failures config; stdenv = stdenv // { cc = null; }; };
  stdenv = { inherit mkDerivation; hostPlatform = { inherit system; }; cc.program = "g++"; };

  # Failures on demand: TORCHLATHE_MINI_FAIL="KIND REGEX;KIND REGEX", each for the packages whose pname matches.
  failures = lib.readFailures (builtins.getEnv "TORCHLATHE_MINI_FAIL");

  pythonSet =
    final: digits:
    let
      companion =
        pfinal: module: version:
        makeOverridable (import ./companion.nix) {
          inherit lib module version;
          inherit (pfinal) python torch;
        };
      version = builtins.substring 0 1 digits + "." + builtins.substring 1 (-1) digits;
      base = pfinal: {
        python = { inherit version; sitePackages = "lib/python${version}/site-packages"; pythonVersion = version; };
        typing-extensions = import ./typing_extensions.nix { inherit mkDerivation; inherit (pfinal) python; };
        triton = makeOverridable (import ./triton.nix) { inherit lib mkDerivation; inherit (pfinal) python; llvm = final.triton-llvm; };
        torch = makeOverridable (import ./torch.nix) {
          inherit lib mkDerivation config;
          inherit (pfinal) python typing-extensions triton;
          inherit (final) blas cudaPackages magma;
          cudaSupport = config.cudaSupport or false;
          gpuTargets = [ ];
        };
        torchvision = companion pfinal "torchvision" "0.24.1";
        torchaudio = companion pfinal "torchaudio" "2.9.1";
      };
      make =
        extra:
        let
          set = lib.extended base (final.pythonPackagesExtensions ++ extra);
        in
        set // { override = arguments: make (extra ++ [ (arguments.overrides or (_: _: { })) ]); };
    in
    make [ ];

  cuda =
    version:
    import ./cuda.nix {
      inherit lib mkDerivation config version system;
    };

  # What carves; `torchlathe build` says that it does.
  program =
    let path = builtins.getEnv "TORCHLATHE_PROGRAM"; in
    if path == "" then throw "TORCHLATHE_PROGRAM does not say where the torchlathe is that carves" else path;

  base = final: import ./debian.nix { inherit mkDerivation; } // {
    inherit lib system config mkDerivation;
    pkgs = final;
    stdenv = stdenv // { cc = stdenv.cc // { cc.lib = final.nothing; }; };
    # Programs find their libraries on the machine: nothing to patch.
    autoPatchelfHook = final.nothing;
    nothing = mkDerivation { name = "nothing"; buildCommand = "mkdir $out"; };
    # torchlathe's own package, which nix/carve.nix calls, is not built here, but taken from the machine.
    callPackage =
      target: arguments:
      let
        recipe = if builtins.isFunction target then target else import target;
        given = builtins.intersectAttrs (builtins.functionArgs recipe) final // arguments;
      in
      if !builtins.isFunction target && baseNameOf target == "package.nix" then final.torchlathe else recipe given;
    pythonPackagesExtensions = [ ];
    python3Packages = final.python313Packages;
    python310Packages = pythonSet final "310";
    python311Packages = pythonSet final "311";
    python312Packages = pythonSet final "312";
    python313Packages = pythonSet final "313";
    python314Packages = pythonSet final "314";
    cudaPackages = let said = builtins.getEnv "TORCHLATHE_MINI_CUDA"; in final."cudaPackages_${if said == "" then "12_8" else said}";
    cudaPackages_12 = final.cudaPackages_12_8;
    # It moves: TORCHLATHE_MINI_CUDA13="13_2" is that of a later nixpkgs.
    cudaPackages_13 = let moved = builtins.getEnv "TORCHLATHE_MINI_CUDA13"; in if moved == "" then final.cudaPackages_13_0 else final."cudaPackages_${moved}";
    cudaPackages_12_6 = cuda "12.6";
    cudaPackages_12_8 = cuda "12.8";
    cudaPackages_12_9 = cuda "12.9";
    cudaPackages_13_0 = cuda "13.0";
    cudaPackages_13_1 = cuda "13.1";
    cudaPackages_13_2 = cuda "13.2";
    cudaPackages_13_3 = cuda "13.3";
    cudaPackages_13_4 = cuda "13.4";
    magma = makeOverridable (import ./magma.nix) { inherit lib mkDerivation; inherit (final) cudaPackages; };
    triton-llvm = import ./triton-llvm.nix { inherit mkDerivation; };
    # Linear algebra, which this torch has none of: its argument decides what it is told.
    blas = makeOverridable ({ blasProvider }: { provider = blasProvider; }) { blasProvider = final.openblas; };
    openblas.pname = "openblas";
    mkl =
      if system != "x86_64-linux" then
        throw "Package ‘mkl’ is not available on the requested hostPlatform: ${system}"
      else if !(config.allowUnfree or false) then
        throw "Package ‘mkl’ has an unfree license (‘issl’), refusing to evaluate."
      else
        { pname = "mkl"; };
    addDriverRunpath.driverLink = "/run/opengl-driver";
    # The machine's, as the compilers are.
    ccache = mkDerivation {
      pname = "ccache";
      version = "0";
      buildCommand = ''
        mkdir -p $out/bin
        ln -s "$(command -v ccache)" $out/bin/ccache
      '';
    };
    torchlathe = mkDerivation {
      pname = "torchlathe";
      version = "0";
      inherit program;
      # Another program is another derivation.
      content = builtins.hashFile "sha256" program;
      buildCommand = ''
        mkdir -p $out/bin
        ln -s $program $out/bin/torchlathe
      '';
    };
    runCommand =
      name: attributes: script:
      mkDerivationNoCC (attributes // { inherit name; buildCommand = script; });
    fetchFromGitHub = import ./fetch.nix { inherit mkDerivation lib; };
    # LLVM's archive is as good as its name here.
    fetchurl =
      { url, hash }:
      if builtins.match ".*/llvm-project/archive/[0-9a-f]+\\.tar\\.gz" url != null then
        builtins.toFile "llvm-project-${baseNameOf url}" ""
      else
      derivation {
        name = baseNameOf url;
        builder = "builtin:fetchurl";
        system = "builtin";
        inherit url;
        outputHashMode = "flat";
        outputHashAlgo = "sha256";
        outputHash = hash;
        preferLocalBuild = true;
        impureEnvVars = [ ];
        unpack = false;
        executable = false;
      };
    # Enough of it for a script of the build.
    python3 = mkDerivation {
      pname = "python3";
      version = "0";
      buildCommand = ''
        mkdir -p $out/bin
        ln -s "$(python3 -c 'import sys; print(sys.executable)')" $out/bin/python3
      '';
    };
    fetchpatch = arguments: ./patches + "/${arguments.name}";
  };
in
lib.extended base overlays

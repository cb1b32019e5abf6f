# SPDX-License-Identifier: MIT
# torch, torchvision and torchaudio as a recipe meets them in nixpkgs: the arguments that `override` takes, the attributes
# that overrideAttrs sees, and how the one leads to the other. Bodies of shell text are shortened to the lines that matter
# to what a recipe adds. The capabilities and versions come from the pin's facts (pins.toml).
{ note, lib, package }:

let
  inherit (builtins) attrNames attrValues concatStringsSep elem filter intersectAttrs listToAttrs map removeAttrs;

  flag = value: if value then "1" else "0";

  # The arguments that torch takes beside its settings, which are facts of the pin.
  known = listToAttrs (map (name: { inherit name; value = null; }) [
    "cudaPackages" "triton" "blas" "stdenv" "magma" "magma-hip" "magma-cuda-static"
    "rocmPackages" "mpi" "numactl" "triton-cuda" "buildPythonPackage" "_tritonEffective" "effectiveMagma"
    # Only callPackage fills these.
    "lib" "config" "callPackage" "python" "fetchFromGitHub" "fetchFromGitLab" "fetchpatch" "git-unroll" "runCommand"
    "writeShellScript" "autoAddDriverRunpath" "targetPackages" "cmake" "symlinkJoin" "which" "pybind11" "pkg-config"
    "removeReferencesTo" "openssl" "llvmPackages" "astunparse" "binutils" "expecttest" "filelock" "fsspec" "hypothesis"
    "jinja2" "networkx" "packaging" "psutil" "pyyaml" "requests" "sympy" "types-dataclasses" "typing-extensions" "ninja"
    "pillow" "six" "tensorboard" "protobuf" "vulkan-headers" "vulkan-loader" "shaderc" "pythonOlder" "pythonAtLeast"
  ]);

  # Attributes that hold packages.
  mixed = { buildInputs = null; dependencies = null; nativeBuildInputs = null; passthru = null; propagatedBuildInputs = null; };

  checked = settings: name: arguments: value:
    let strange = attrNames (removeAttrs (removeAttrs arguments (attrNames settings)) knownNames); in
    if strange == [ ] then value
    else note { kind = "unknown-argument"; of = name; names = strange; } value;
  knownNames = attrNames known;

  # What hangs on nothing.
  torchOutputs = [ "out" "dev" "lib" "cxxdev" "dist" ];
  hardening = [ "fortify3" ];
  features = [ "big-parallel" ];
  imports = [ "torch" ];
  cudaInputs = [ "cuda_cudart" "cuda_cupti" "cuda_nvcc" "cuda_nvml_dev" "cuda_nvrtc" "cuda_nvtx" "cusparselt" "libcublas" "libcufft" "libcufile" "libcurand" "libcusolver" "libcusparse" "cudnn" "nccl" "cuda_profiler_api" ];
  nothing = [ ];
in
# Once a python package set.
{ pkgs, python, config, pin, label }:

let
  torchVersion = pin.torch;
  torchName = "python3.13-torch-${pin.torch}";
  torchSource = "‹${label}.src:${pin.torch}›";
  torchNeeds = map (name: python.${name}) [ "filelock" "fsspec" "jinja2" "networkx" "sympy" "typing-extensions" ];

  # What callPackage would fill in; `arguments` are those that `override` set.
  defaults = arguments:
    let
      cudaSupport = arguments.cudaSupport or config.cudaSupport;
      rocmSupport = arguments.rocmSupport or config.rocmSupport;
      cudaPackages = arguments.cudaPackages or pkgs.cudaPackages;
      triton = arguments.triton or python.triton;
    in
    {
      inherit cudaSupport rocmSupport cudaPackages triton;
      inherit (pkgs) blas stdenv magma magma-hip magma-cuda-static rocmPackages mpi numactl;
      inherit (python) triton-cuda buildPythonPackage;
      gpuTargets = [ ];
      MPISupport = false;
      buildDocs = false;
      vulkanSupport = false;
      mklDnnSupport = true;
      tritonSupport = true;
      useSystemNccl = cudaSupport || rocmSupport;
      _tritonEffective = if cudaSupport then arguments.triton-cuda or python.triton-cuda else triton;
      effectiveMagma =
        if cudaSupport then arguments.magma-cuda-static or pkgs.magma-cuda-static
        else if rocmSupport then arguments.magma-hip or pkgs.magma-hip
        else arguments.magma or pkgs.magma;
    } // arguments;

  torchAttrs = arguments: final:
    let
      got = defaults arguments;
      inherit (got) cudaSupport cudaPackages rocmSupport effectiveMagma;
      cudaOnly = lib.optionals cudaSupport;
      capabilities =
        if pin.torch_capabilities == [ ] then cudaPackages.flags.cudaCapabilities
        else filter (c: pin.accepted ? ${c}) cudaPackages.flags.cudaCapabilities;
      targets =
        if got.gpuTargets != [ ] then got.gpuTargets
        else if cudaSupport && capabilities == [ ] then
          throw "No supported GPU targets specified. Requested GPU targets: ${concatStringsSep ", " cudaPackages.flags.cudaCapabilities}"
        else capabilities;
      brokenConditions = lib.filterAttrs (_: broken: broken) {
        "CUDA and ROCm are mutually exclusive" = cudaSupport && rocmSupport;
        "CUDA is not targeting Linux" = cudaSupport && !pkgs.stdenv.hostPlatform.isLinux;
        "Unsupported CUDA version" = cudaSupport && !(elem cudaPackages.cudaMajorVersion pin.torch_cuda);
        "Magma cudaPackages does not match cudaPackages" =
          cudaSupport && (effectiveMagma.cudaPackages.cudaMajorMinorVersion or "none") != cudaPackages.cudaMajorMinorVersion;
      };
    in
    checked pin.argument_names label arguments {
      pname = "torch";
      version = torchVersion;
      name = torchName;
      outputs = torchOutputs;
      src = torchSource;
      patches =
        map (name: "‹nixpkgs:patches›/${name}") (
          pin.patches ++ cudaOnly pin.cuda_patches
        );
      postPatch = "# nixpkgs: substitutions in upstream's files\nsubstituteInPlace upstreams-file --replace-fail 'text of its release' 'text'\n" + lib.optionalString cudaSupport "rm cmake/Modules/FindCUDAToolkit.cmake\n";
      preConfigure = lib.optionalString cudaSupport ''
        export TORCH_CUDA_ARCH_LIST="${concatStringsSep ";" targets}"
      '';
      preBuild = ''
        export MAX_JOBS=$NIX_BUILD_CORES
        # nixpkgs: setup.py build --cmake-only
      '';
      preFixup = "# nixpkgs: run paths\n";
      postInstall = "# nixpkgs: splits the outputs\n";
      postFixup = "# nixpkgs: propagated-build-inputs of cxxdev\n";
      dontUseCmakeConfigure = true;
      hardeningDisable = hardening;
      cmakeFlags = [ "-DPYTHON_SIX_SOURCE_DIR:STRING=‹python3Packages.six.src›" "-DCUDAToolkit_VERSION:STRING=${cudaPackages.cudaMajorMinorVersion}" ]
        ++ cudaOnly [ "-DCMAKE_CUDA_COMPILER_TOOLKIT_VERSION:STRING=${cudaPackages.cudaMajorMinorVersion}" ];
      CMAKE_GENERATOR = "Ninja";
      BUILD_NAMEDTENSOR = "1";
      BUILD_DOCS = flag got.buildDocs;
      BUILD_TEST = "0";
      USE_MKLDNN = flag got.mklDnnSupport;
      USE_MKLDNN_CBLAS = flag got.mklDnnSupport;
      USE_SYSTEM_PYBIND11 = true;
      USE_NNPACK = 1;
      USE_MPS = "0";
      USE_DISTRIBUTED = "1";
      USE_NCCL = flag got.useSystemNccl;
      USE_SYSTEM_NCCL = flag got.useSystemNccl;
      USE_STATIC_NCCL = flag got.useSystemNccl;
      PYTORCH_BUILD_VERSION = if pin.torch_style == "rec" then pin.torch else final.version;
      PYTORCH_BUILD_NUMBER = 0;
      env = { NIX_CFLAGS_COMPILE = "-Wno-error"; USE_VULKAN = flag got.vulkanSupport; };
      nativeBuildInputs = [ pkgs.cmake pkgs.which pkgs.ninja python.pybind11 pkgs.pkg-config pkgs.removeReferencesTo ]
        ++ cudaOnly [ pkgs.autoAddDriverRunpath cudaPackages.cuda_nvcc ];
      buildInputs = [ got.blas got.blas.provider ]
        ++ cudaOnly (map (name: cudaPackages.${name}) ([ pin.cccl ] ++ cudaInputs))
        ++ lib.optional (cudaSupport || rocmSupport) effectiveMagma
        ++ [ pkgs.numactl ];
      dependencies = torchNeeds ++ [ got._tritonEffective ];
      propagatedBuildInputs = torchNeeds ++ [ got._tritonEffective python.python ];
      propagatedCxxBuildInputs = nothing;
      pythonImportsCheck = imports;
      doCheck = false;
      requiredSystemFeatures = features;
      passthru = {
        inherit cudaSupport cudaPackages rocmSupport brokenConditions;
        inherit (got) rocmPackages;
        cudaCapabilities = if cudaSupport then capabilities else [ ];
        blasProvider = got.blas.provider;
        pythonModule = python.python;
        tests = { };
      };
      meta = {
        description = "PyTorch: Tensors and Dynamic neural networks in Python with strong GPU acceleration";
        homepage = "https://pytorch.org/";
        changelog = "https://github.com/pytorch/pytorch/releases/tag/v${pin.torch}";
        license = { spdxId = "BSD-3-Clause"; free = true; };
        maintainers = [ ];
        platforms = lib.platforms.linux ++ lib.optionals (!cudaSupport && !rocmSupport) lib.platforms.darwin;
        broken = brokenConditions != { };
      };
    };

  # What makes GPU code when a program runs: of one release, with the LLVM of one commit.
  triton = package.package {
    info = {
      label = "${label}.triton";
      builder = "nixpkgs";
      effective = arguments: { llvm = pkgs.triton-llvm; inherit (config) cudaSupport; } // arguments;
    };
    make = _: _: {
      pname = "triton";
      version = pin.triton;
      outputs = [ "out" "dist" ];
      src = "‹${label}.triton.src:${pin.triton}›";
      patches = map (name: "‹nixpkgs:patches›/${name}") pin.triton_patches;
      postPatch = "# nixpkgs: substitutions in triton's files\n";
    };
  };

  torch = package.package {
    info = { label = "${label}.torch"; builder = "torch"; effective = defaults; set = pkgs; inherit python mixed; };
    make = torchAttrs;
  };

  # torchvision and torchaudio: their GPUs are torch's `cudaCapabilities`, which torch's gpuTargets does not narrow.
  companion = name: version:
    let
      defaultsOf = arguments: { torch = python.torch; stdenv = pkgs.stdenv; cudaSupport = (arguments.torch or python.torch).cudaSupport; } // arguments;
    in
    package.package {
      info = { label = "${label}.${name}"; builder = name; effective = defaultsOf; set = pkgs; inherit python mixed; };
      make = arguments: _:
        let
          got = defaultsOf arguments;
          inherit (got) torch;
          cudaSupport = torch.cudaSupport or false;
        in
        {
          pname = name;
          inherit version;
          name = "python3.13-${name}-${version}";
          src = "‹${label}.${name}.src:${version}›";
          patches = lib.optional (name == "torchaudio") "‹nixpkgs:patches›/0001-setup.py-propagate-cmakeFlags.patch";
          outputs = [ "out" "dist" ];
          postPatch = "# nixpkgs: substitutions in upstream's files\nsubstituteInPlace upstreams-file --replace-fail 'text of its release' 'text'\n";
          preConfigure = lib.optionalString cudaSupport ''
            export TORCH_CUDA_ARCH_LIST="${concatStringsSep ";" torch.cudaCapabilities}"
            export FORCE_CUDA=1
          '';
          preBuild = "";
          env = { };
          nativeBuildInputs = [ python.pybind11 pkgs.which pkgs.ninja ] ++ lib.optional cudaSupport torch.cudaPackages.cuda_nvcc;
          buildInputs = lib.optionals cudaSupport [ torch.cudaPackages.cuda_cudart torch.cudaPackages.${pin.cccl} torch.cudaPackages.libcublas ];
          dependencies = [ torch python.numpy python.pillow ];
          propagatedBuildInputs = [ torch python.numpy python.pillow python.python ];
          pythonImportsCheck = [ name ];
          doCheck = false;
          passthru = { inherit torch cudaSupport; tests = { }; };
          meta = {
            description = "${name} from nixpkgs";
            license = { spdxId = "BSD-3-Clause"; free = true; };
            platforms = lib.platforms.linux ++ lib.platforms.darwin;
            broken = false;
          };
        };
    };
in
{
  inherit torch triton;
  triton-cuda = python.triton.override { cudaSupport = true; };
  torchWithCuda = python.torch.override ({ cudaSupport = true; } // lib.optionalAttrs config.rocmSupport { rocmSupport = false; });
  torchWithRocm = python.torch.override { cudaSupport = false; rocmSupport = true; };
  torchWithoutCuda = python.torch.override { cudaSupport = false; };
  pytorch = note { kind = "alias"; name = "${label}.pytorch"; evaluates = pin.pytorch_alias; } python.torch;
  torchvision = companion "torchvision" pin.torchvision;
  torchaudio = companion "torchaudio" pin.torchaudio;
}

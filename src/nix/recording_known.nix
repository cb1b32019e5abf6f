# SPDX-License-Identifier: MIT
# What is the same for every recipe: the names that nixpkgs is known to have, a recorder for each, the fetchers, the trivial
# builders, the platforms. Evaluated once for a whole folder.
{ note, lib, package, aliases, toolkits }:

let
  inherit (builtins) concatStringsSep elemAt filter isAttrs isString listToAttrs map match replaceStrings toString;

  words = text: filter (word: isString word && word != "") (builtins.split "[ \n]+" text);
  each = names: f: listToAttrs (map (name: { inherit name; value = f name; }) names);

  knownPackages = words ''
    abseil-cpp acl addDriverRunpath addOpenGLRunpath arm-compute-library autoAddDriverRunpath autoconf autoPatchelfHook
    automake bash bazel binutils bison blas boost bzip2 cacert ccache clang cmake coreutils curl cudatoolkit diffutils
    doxygen eigen expat ffmpeg ffmpeg-headless file findutils flex gawk gcc gcc12 gcc13 gcc14 gfortran git git-lfs
    git-unroll glibc glog gnugrep gnumake gnused gnutar gtest hwloc icu jq lapack libdrm libGL libffi libjpeg
    libjpeg_turbo libopus libpng libsndfile libtool libuv libxml2 llvm lld magma-hip makeWrapper meson mkl mold mpi
    mpich ncurses ninja nlohmann_json numactl nvidia-optical-flow-sdk oneDNN openblas openmpi openssl patchelf perl pigz
    pkg-config pkgconf protobuf rdma-core removeReferencesTo rsync shaderc sleef snappy sox sqlite tbb triton-llvm ucc ucx unzip
    util-linux vulkan-headers vulkan-loader wget which xz zip zlib zstd
  '';

  knownPython = words ''
    absl-py aiohttp astunparse black boto3 build certifi cffi click cmake cuda-bindings cython dill einops expecttest
    fairscale filelock flask flit-core fsspec gguf h5py hatchling huggingface-hub hypothesis ipython jinja2 joblib
    jupyter kaldi-io kornia librosa lightning mako matplotlib meson-python mpmath msgpack multiprocess networkx ninja
    notebook numba numpy onnx onnxruntime onnxscript opencv4 opt-einsum packaging pandas parameterized peft pillow pip
    poetry-core protobuf psutil py-cpuinfo pyarrow pybind11 pydantic pytest pytest-xdist pytestCheckHook pythonImportsCheckHook
    pythonRelaxDepsHook pyyaml pyzmq ray regex requests rich safetensors scikit-build scikit-build-core scikit-learn
    scipy sentencepiece setuptools setuptools-scm six soundfile sympy tensorboard tensorboardx tiktoken timm tokenizers
    torch-bin torchmetrics torchsde torchtext tornado tqdm transformers triton triton-bin triton-cuda types-dataclasses
    typing-extensions tzdata unittestCheckHook wheel wrapt xformers yarl
  '';

  knownCuda = words ''
    autoAddCudaCompatRunpath cccl cuda-samples cuda_cccl cuda_compat cuda_crt cuda_cudart cuda_cuobjdump cuda_cupti
    cuda_cuxxfilt cuda_gdb cuda_nvcc cuda_nvdisasm cuda_nvml_dev cuda_nvprof cuda_nvprune cuda_nvrtc cuda_nvtx
    cuda_opencl cuda_profiler_api cuda_sanitizer_api cudatoolkit cudnn cudnn-frontend cusparselt cutensor fabricmanager
    libcal libcublas libcublasmp libcudla libcufft libcufile libcurand libcusolver libcusparse libcusparse_lt libnpp
    libnvfatbin libnvidia_nscq libnvjitlink libnvjpeg libnvptxcompiler libnvshmem libnvvm libcutensor libcusolvermp
    markForCudatoolkitRootHook nccl nccl-tests nsight_compute nsight_systems nvidia_fs saxpy setupCudaHook tensorrt
  '';

  # A compiler as nixpkgs wraps it: `cc` is the bare one; the linker is wrapped in the same way.
  compiler = { label, pname, version, prefix ? "" }:
    let
      part = name: package.named "${label}.${name}";
      isClang = pname == "clang";
      wrapped = {
        targetPrefix = prefix;
        nativePrefix = "";
        libc = part "libc" "glibc" [ "out" "bin" "dev" "static" ] "0";
        libc_bin = part "libc_bin" "glibc" [ "bin" ] "0";
        libc_dev = part "libc_dev" "glibc" [ "dev" ] "0";
        libc_lib = part "libc_lib" "glibc" [ "out" ] "0";
        nativeTools = false;
        nativeLibc = false;
      };
    in
    package.named label pname [ "out" "man" "info" ] version
    // wrapped
    // {
      inherit isClang;
      isGNU = !isClang;
      isArocc = false;
      isZig = false;
      libcxx = null;
      cc = part "cc" pname [ "out" "lib" "libgcc" "dev" "man" "info" ] version // { inherit isClang; isGNU = !isClang; };
      bintools = part "bintools" "binutils-wrapper" [ "out" ] "0"
        // wrapped
        // {
        bintools = part "bintools.bintools" "binutils" [ "out" "lib" "dev" ] "0";
        dynamicLinker = "‹${label}.bintools.dynamicLinker›";
      };
    };
  # By the name of such a thing: "gcc13", "gcc13Stdenv.cc", "llvmPackages.stdenv.cc".
  compilerNamed = label: prefix:
    let release = match "[^0-9]*([0-9]+).*" (replaceStrings [ "cudaPackages_" ] [ "" ] label); in
    compiler {
      inherit label prefix;
      pname = if match ".*(clang|llvm).*" label == null then "gcc" else "clang";
      version = if release == null || match "cudaPackages.*" label != null then "14" else elemAt release 0;
    };

  llvmParts = words "bintools bintools-unwrapped clang-tools clang-unwrapped compiler-rt libclang libcxx libllvm libunwind lld lldb llvm mlir openmp tblgen";
  unprefixed = [ "gcc" "gcc12" "gcc13" "gcc14" "clang" ];

  platformOf = system: platforms.${system} or (platformFor system);
  platforms = listToAttrs (map (system: { name = system; value = platformFor system; }) [ "x86_64-linux" "aarch64-linux" ]);
  platformFor = system:
    let
      parts = match "([^-]+)-(.+)" system;
      cpu = elemAt parts 0;
      kernel = elemAt parts 1;
      isLinux = kernel == "linux";
      isDarwin = kernel == "darwin";
    in
    {
      inherit system isLinux isDarwin;
      isUnix = true;
      isWindows = false;
      isBSD = isDarwin;
      isFreeBSD = false;
      isAndroid = false;
      isMinGW = false;
      isCygwin = false;
      isWasm = false;
      isRiscV = false;
      isRiscV64 = false;
      isPower = false;
      isPower64 = false;
      isMips = false;
      isS390x = false;
      isLoongArch64 = false;
      isBigEndian = false;
      isEfi = true;
      isMacOS = isDarwin;
      isElf = isLinux;
      isMachO = isDarwin;
      useLLVM = isDarwin;
      hasSharedLibraries = true;
      libc = if isDarwin then "libSystem" else "glibc";
      uname = { system = if isDarwin then "Darwin" else "Linux"; processor = if isDarwin && cpu == "aarch64" then "arm64" else cpu; release = null; };
      darwinArch = if cpu == "aarch64" then "arm64" else cpu;
      qemuArch = cpu;
      isStatic = false;
      isMusl = false;
      isGnu = isLinux;
      isx86_64 = cpu == "x86_64";
      isx86 = cpu == "x86_64";
      isx86_32 = false;
      isAarch64 = cpu == "aarch64";
      isAarch32 = false;
      isAarch = cpu == "aarch64";
      is64bit = true;
      is32bit = false;
      isLittleEndian = true;
      config = "${cpu}-${if isDarwin then "apple-darwin" else "unknown-linux-gnu"}";
      linuxArch = if cpu == "aarch64" then "arm64" else cpu;
      extensions = rec { sharedLibrary = if isDarwin then ".dylib" else ".so"; staticLibrary = ".a"; library = sharedLibrary; executable = ""; };
      parsed = {
        cpu = { name = cpu; bits = 64; family = if cpu == "aarch64" then "arm" else "x86"; };
        kernel = { name = kernel; };
        vendor = { name = if isDarwin then "apple" else "unknown"; };
        abi = { name = if isDarwin then "unknown" else "gnu"; };
      };
      gcc = { };
      canExecute = other: other.system == system;
      isCompatible = other: other.system == system;
      emulatorAvailable = _: false;
    };

  fetchers = words "fetchFromGitHub fetchFromGitLab fetchFromGitea fetchFromBitbucket fetchFromSourcehut fetchgit fetchurl fetchzip fetchpatch fetchpatch2 fetchPypi fetchTarball fetchsvn fetchhg requireFile";

  trivialBuilders = rec {
    runCommand = name: env: script: package.made "runCommand" name script (removeAttrs env [ "passthru" ] // { passthru = env.passthru or { }; });
    runCommandLocal = runCommand;
    runCommandCC = runCommand;
    runCommandNoCC = runCommand;
    writeText = name: text: package.made "writeText" name text { };
    writeTextDir = path: text: package.made "writeTextDir" path text { };
    writeTextFile = given: package.made "writeTextFile" given.name given.text (removeAttrs given [ "name" "text" ]);
    writeScript = writeText;
    writeScriptBin = writeText;
    writeShellScript = name: text: package.made "writeShellScript" name text { };
    writeShellScriptBin = name: text: package.made "writeShellScriptBin" name text { meta = { mainProgram = name; }; };
    writeShellApplication = given: package.made "writeShellApplication" given.name given.text { meta = { mainProgram = given.name; }; };
    symlinkJoin = given: package.made "symlinkJoin" given.name (concatStringsSep "\n" (map toString given.paths) + "\n" + given.postBuild or "") (removeAttrs given [ "name" ]);
    buildEnv = symlinkJoin;
    linkFarm = name: entries:
      package.made "linkFarm" name
        (if isAttrs entries then lib.concatLines (lib.mapAttrsToList (path: target: "${path} -> ${target}") entries)
         else lib.concatMapStrings (entry: "${entry.name} -> ${entry.path}\n") entries) { };
    linkFarmFromDrvs = name: drvs: linkFarm name (map (drv: { inherit (drv) name; path = "${drv}"; }) drvs);
    concatText = name: files: package.made "concatText" name (concatStringsSep "\n" (map toString files)) { };
    substituteAll = given: package.made "substituteAll" (given.name or "substituted") (toString (given.src or "")) (removeAttrs given [ "name" ]);
    replaceVars = file: vars: package.made "replaceVars" (baseNameOf (toString file)) (toString file) { inherit vars; };
    applyPatches = given: package.made "applyPatches" (given.name or "patched") (toString (given.src or "")) (removeAttrs given [ "name" ]);
    makeSetupHook = given: script: package.made "makeSetupHook" (given.name or "hook") (toString script) { };
    mkShell = given: package.built "mkShell" ({ name = "shell"; } // given);
  };

  # Functions from one stdenv to another.
  stdenvAdapters = words "overrideCC useMoldLinker useWildLinker keepDebugInfo withCFlags impureUseNativeOptimizations";

  cudaOutputs = [ "out" "dev" "lib" "static" "include" "bin" ];
  labels = [ "cudaPackages" ] ++ builtins.attrNames cudaNames
    ++ map (major: "cudaPackages_${major}") (builtins.attrNames aliases);
  # Name -> release of CUDA; name -> release of Python; name -> interpreter and release.
  cudaNames = listToAttrs (map (version: { name = "cudaPackages_${replaceStrings [ "." ] [ "_" ] version}"; value = version; }) (builtins.attrNames toolkits));
  pythons = listToAttrs (map (minor: { name = "python3${minor}"; value = "3.${minor}"; }) [ "10" "11" "12" "13" "14" ]);
  pythonSets = listToAttrs (map (interpreter: { name = "${interpreter}Packages"; value = { inherit interpreter; version = pythons.${interpreter}; }; }) (builtins.attrNames pythons));
  toolSets = each [ "buildPackages" "pkgsBuildBuild" "pkgsBuildHost" "pkgsBuildTarget" ] (_: null);
  stdenvs = each [ "gccStdenv" "clangStdenv" "gcc12Stdenv" "gcc13Stdenv" "gcc14Stdenv" "ccacheStdenv" ] (_: null);
  pythonLabels = [ "python3Packages" "python3.pkgs" ]
    ++ builtins.concatMap (digits: [ "python${digits}Packages" "python${digits}.pkgs" ]) [ "310" "311" "312" "313" "314" ];
  cudaOf = label: each knownCuda (name: package.named "${label}.${name}" name cudaOutputs label);
  pythonOf = label: each knownPython (name: package.named "${label}.${name}" name [ "out" "dist" ] "0");
in
{
  inherit each platformOf cudaNames pythons pythonSets toolSets stdenvs compilerNamed;
  # What a name may be that stands below one that nobody knows: `llvmPackages_19.llvm`, `pkgsStatic.zlib`.
  belowUnknown = each (knownPackages ++ knownPython ++ knownCuda ++ llvmParts ++ [ "stdenv" "cudaPackages" "python3" "python3Packages" ]) (_: null);
  llvm = each llvmParts (name: package.named "llvmPackages.${name}" name [ "out" "dev" "lib" ] "0");
  names = each (knownPackages ++ knownPython ++ knownCuda ++ [ "true" "false" "null" ]) (_: null) // lib;
  licenses = each [ "asl20" "bsd2" "bsd3" "gpl3Only" "mit" "nvidiaCudaRedist" "unfree" ] (_: null);
  packages = trivialBuilders // each knownPackages (name: package.named name name [ "out" "dev" "lib" "bin" ] "0") // each unprefixed (name: compilerNamed name "") // each fetchers package.fetched // each stdenvAdapters (name: package.function "pkgs.${name}");
  cuda = each labels cudaOf;
  python = each pythonLabels pythonOf;
  inherit cudaOf pythonOf;
}

// SPDX-License-Identifier: MIT
// A right recipe, changed in one meaningful thing at a time: the rule that should find it does. And changed
// in things that mean nothing: no rule finds anything new. All mutants are one folder, so one evaluation.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "audit/audit.h"
#include "audit/rules/rule.h"
#include "base/finding.h"
#include "base/text.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "nix/nix.h"
#include "nix/record.h"
#include "os/file.h"
#include "testing/cached_matrix.h"
#include "testing/scratch_folder.h"
#include "recipe/render.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

struct Mutation {
  const char* rule;  // that finds it; "" : none
  const char* from;
  const char* to;
};

constexpr const char* variant_name = "pytorch-python313-cuda13_0-sm90-avx512";

constexpr Mutation meaningful[] = {
    // GPUs
    {"gpu-targets", "gpuArchSM = \"9.0\"", "gpuArchSM = \"8.9\""},
    {"gpu-targets", "gpuTargets = [ gpuArchSM ]", "gpuTargets = [ gpuArchSM \"8.0\" ]"},
    {"gpu-targets", "gpuTargets = [ gpuArchSM ]", "gpuTargets = [ ]"},
    {"gpu-targets", "gpuTargets = [ gpuArchSM ]", "gpuTargets = [ \"9.0+PTX\" ]"},
    {"gpu-targets", "gpuArchSM = \"9.0\"", "gpuArchSM = \"9.0a\""},
    {"gpu-targets", "export CPATH", "export TORCH_CUDA_ARCH_LIST=\"8.6\"\n      export CPATH"},
    {"gpu-dialect", "gpuArchSM = \"9.0\"", "gpuArchSM = \"sm_90\""},
    {"gpu-dialect", "gpuArchSM = \"9.0\"", "gpuArchSM = \"90\""},
    {"gpu-dialect", "gpuArchSM = \"9.0\"", "gpuArchSM = \"compute_90\""},
    {"gpu-dialect", "gpuArchSM = \"9.0\"", "gpuArchSM = \"10.0f\""},
    {"toolkit-range", "gpuArchSM = \"9.0\"", "gpuArchSM = \"7.0\""},
    {"config-capabilities", "allowUnfree = true;", "allowUnfree = true; cudaCapabilities = [ \"8.0\" ];"},
    // CUDA
    {"cuda-off", "  cudaSupport = true;\n  inherit", "  cudaSupport = false;\n  inherit"},
    {"cuda-off",
     "(pkgs.python313Packages.torch.override {\n  cudaSupport = true;\n  inherit gpuTargets;\n}).",
     "(import nixpkgs { system = \"x86_64-linux\"; overlays = pkgs.overlays; }).python313Packages.torch."},
    {"cuda-off", "export CPATH", "export USE_CUDA=0\n      export CPATH"},
    {"cuda-version", "final.cudaPackages_13_0", "final.cudaPackages_12_9"},
    {"cuda-version", "(final: prev: { cudaPackages = final.cudaPackages_13_0; })", ""},
    {"moving-alias", "final.cudaPackages_13_0", "final.cudaPackages_13"},
    {"cuda-config", "allowUnfree = true;", ""},
    {"cuda-config", "allowBroken = true;", ""},
    {"magma-patch-missing", "magma = prev.magma.overrideAttrs", "magma-unused = prev.magma.overrideAttrs"},
    {"magma-patch-twice", "(old.patches or [ ]) ++ [",
     "(old.patches or [ ]) ++ [ (final.fetchpatch { name = \"clockrate.patch\"; url = "
     "\"https://example.org/x\"; hash = \"sha256-i9InbxD5HtfonB/GyF9nQhFmok3jZ73RxGcIciGBGvU=\"; })"},
    {"magma-patch-twice", "6a030d535719c5190187c4cec156f335e95e3211",
     "0182a361324364ae3f436a63005877674cf45efb"},
    {"cccl-links", "export CPATH=\"${ccclLinks}''${CPATH:+:$CPATH}\"", ""},
    {"find-cuda-toolkit", "# nixpkgs' substitutions insist",
     "patches = [ ];\n        # nixpkgs' substitutions insist"},
    {"cccl-output", "getInclude", "getDev"},
    {"patch-dropped", "# nixpkgs' substitutions insist",
     "patches = builtins.filter (p: baseNameOf p != \"pytorch-pr-108847.patch\") old.patches;\n        #"},
    {"old-substitutions",
     "builtins.replaceStrings [ \"--replace-fail\" ] [ \"--replace-warn\" ] (old.postPatch or \"\")",
     "(old.postPatch or \"\")"},
    {"cccl-links", "for folder in cuda cub thrust nv; do", "for folder in cuda cub nv; do"},
    // The triton that goes with it
    {"triton", "version = \"3.6.0\";", "version = \"3.5.2\";"},
    {"triton", "sha256-JFSpQn+WsNnh7CAPlcpOcUp0nyKXNbJEANdXqmkt4Tc=",
     "sha256-dyNRtS1qtU8C/iAf0Udt/1VgtKGSvng1+r2BtvT9RB4="},
    {"triton", "archive/f6ded0be897e2878612dd903f7e8bb85448269e5.tar.gz",
     "archive/7d5de3033187c8a3bb4d2e322f5462cdaf49808f.tar.gz"},
    {"triton", "triton-llvm = prev.triton-llvm.overrideAttrs",
     "triton-other = prev.triton-llvm.overrideAttrs"},
    {"triton", "[ \"0001-_build-allow-extra-cc-flags.patch\" ]", "[ ]"},
    {"triton", "-Wl,-rpath,${final.addDriverRunpath.driverLink}/lib", "-Wl,-O1"},
    {"triton", "triton = pprev.triton.overrideAttrs", "triton-unused = pprev.triton.overrideAttrs"},
    {"not-understood", "triton = pprev.triton.overrideAttrs (old: rec {",
     "triton = pprev.triton.overrideAttrs (old: rec { doCheck = false; buildPhase = \"true\";"},
    // CPUs
    {"isa-excess", "\"-mfma\"\n", "\"-mfma\"\n    \"-mavx512vnni\"\n"},
    {"isa-excess", "\"-mavx512f\"\n", "\"-mavx512f\"\n    \"-march=sapphirerapids\"\n"},
    {"isa-missing", "    \"-mavx512vl\"\n", ""},
    {"isa-missing", "    \"-mfma\"\n", ""},
    {"isa-missing", "export CXXFLAGS=\"${toString cpuFlags} ''${CXXFLAGS:-}\"", ""},
    {"isa-missing", "export CFLAGS=\"${toString cpuFlags} ''${CFLAGS:-}\"", "export CFLAGS=\"-O2\""},
    {"platform-wrong", "platforms = [ \"x86_64-linux\" ]", "platforms = [ \"aarch64-linux\" ]"},
    {"platforms-wide", "platforms = [ \"x86_64-linux\" ]",
     "platforms = [ \"x86_64-linux\" \"aarch64-linux\" ]"},
    {"system", "system = \"x86_64-linux\"", "system = \"aarch64-linux\""},
    {"switched-off", "export CPATH", "export USE_CUDNN=0\n      export CPATH"},
    {"switched-off", "export CPATH", "export USE_MKLDNN=0\n      export CPATH"},
    // Where things come from
    {"pin", "6a030d535719c5190187c4cec156f335e95e3211", "fe5e41d7ffc0421f0913e8472ce6238ed0daf8e3"},
    {"pin-missing", "import nixpkgs {", "import <nixpkgs> {"},
    {"empty-hash", "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ=", ""},
    {"empty-hash", "sha256-i9InbxD5HtfonB/GyF9nQhFmok3jZ73RxGcIciGBGvU=",
     "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
    {"gone-alias", "(pkgs.python313Packages.torch.override", "(pkgs.python313Packages.pytorch.override"},
    {"impure", "gpuArchNum = \"90\"", "gpuArchNum = \"90${builtins.getEnv \"SUFFIX\"}\""},
    {"syntax", "(pkgs.python313Packages", "((pkgs.python313Packages"},
    {"evaluation", "inherit gpuTargets;", "inherit gpuTargetz;"},
    {"evaluation", "passthru = (old.passthru or { }) //", "passthru = old.passthru.nothing //"},
    // PyTorch
    {"torch-version", "version = \"2.10.0\"", "version = \"2.9.0\""},
    {"torch-source", "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ=",
     "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xR="},
    {"torch-source", "owner = \"pytorch\"", "owner = \"somebody\""},
    {"torch-source", "rev = \"v${version}\"", "rev = \"main\""},
    {"build-version", "export PYTORCH_BUILD_VERSION=\"${version}\"", ""},
    {"python", "(pkgs.python313Packages.torch.override", "(pkgs.python312Packages.torch.override"},
    {"unknown-argument", "inherit gpuTargets;", "inherit gpuTargets; withCuda = true;"},
    {"dead-override", "inherit gpuTargets;", "inherit gpuTargets; magma = null;"},
    {"dead-cmake-flags",
     "    pname =", "    cmakeFlags = old.cmakeFlags ++ [ \"-DUSE_MAGMA=OFF\" ];\n    pname ="},
    {"dead-ninja-flags", "    pname =", "    ninjaFlags = [ \"-j8\" ];\n    pname ="},
    {"dead-features", "    pname =", "    requiredSystemFeatures = [ \"big-parallel\" ];\n    pname ="},
    {"dead-max-jobs", "    preBuild = (old.preBuild or \"\") + ''",
     "    postPatch = old.postPatch + \"export MAX_JOBS=8\\n\";\n    postBuild = ''"},
    {"job-limit", "NIX_BUILD_CORES < 32 ? NIX_BUILD_CORES : 32",
     "NIX_BUILD_CORES < 64 ? NIX_BUILD_CORES : 64"},
    {"compile-cache", "CCACHE_DIR=\"/var/cache/torchlathe\"", "CCACHE_DIR=\"/tmp/cache\""},
    {"compile-cache", "export CMAKE_CXX_COMPILER_LAUNCHER=\"$CMAKE_C_COMPILER_LAUNCHER\"", ""},
    {"compile-cache", "export CMAKE_C_COMPILER_LAUNCHER=\"${pkgs.ccache}/bin/ccache\"", ""},
    {"compile-cache", "export CMAKE_CUDA_COMPILER_LAUNCHER=\"$CMAKE_C_COMPILER_LAUNCHER\"", ""},
    {"compile-cache", "export CCACHE_BASEDIR=\"''${NIX_BUILD_TOP:-$PWD}\" CCACHE_NOHASHDIR=1", ""},
    {"compile-cache", "export CCACHE_SLOPPINESS=include_file_mtime,include_file_ctime", ""},
    {"compile-cache", "export CCACHE_COMPILERCHECK=", "true # export CCACHE_COMPILERCHECK="},
    {"torch-source", "fetchSubmodules = true;", ""},
    {"from-scratch",
     "(pkgs.python313Packages.torch.override {\n  cudaSupport = true;\n  inherit "
     "gpuTargets;\n}).overrideAttrs\n  (old: {",
     "pkgs.python313Packages.buildPythonPackage (let old = { }; in {"},
    // What nobody has read
    {"not-understood", "    pname =", "    buildPhase = \"true\";\n    pname ="},
    {"not-understood", "    pname =", "    installPhase = \"true\";\n    pname ="},
    {"not-understood", "    pname =", "    phases = [ \"buildPhase\" ];\n    pname ="},
    {"not-understood", "    pname =", "    builder = \"/bin/sh\";\n    pname ="},
    {"not-understood", "    pname =", "    args = [ ];\n    pname ="},
    {"not-understood", "    pname =", "    dontBuild = true;\n    pname ="},
    {"not-understood",
     "    pname =", "    postFixup = (old.postFixup or \"\") + \"rm -rf $out\";\n    pname ="},
    {"not-understood", "    pname =", "    preUnpack = \"export TORCH_CUDA_ARCH_LIST=8.0\";\n    pname ="},
    {"not-understood",
     "    pname =", "    env = (old.env or { }) // { TORCH_CUDA_ARCH_LIST = \"8.0\"; };\n    pname ="},
    {"not-understood", "    pname =", "    NIX_CFLAGS_COMPILE = \"-march=native\";\n    pname ="},
    {"not-understood", "    pname =", "    TORCH_CUDA_ARCH_LIST = \"8.0\";\n    pname ="},
    {"not-understood", "    pname =", "    ${\"build\" + \"Phase\"} = \"true\";\n    pname ="},
    {"not-understood", "    pname =", "    patches = [ ./mine.patch ];\n    pname ="},
    {"isa-excess", "    pname =",
     "    env = (old.env or { }) // { NIX_CFLAGS_COMPILE = \"-march=native\"; };\n    pname ="},
    {"flags-unknown", "    \"-mfma\"\n", "    \"-mfma\"\n    \"-mfrobnicate\"\n"},
    {"torch-source", "    pname =", "    src = ./mine;\n    pname ="},
    {"not-understood", "inherit gpuTargets;", "inherit gpuTargets; MPISupport = true;"},
    {"not-understood", "allowUnfree = true;",
     "allowUnfree = true; packageOverrides = before: { fetchFromGitHub = before.fetchgit; };"},
    {"not-understood", "import nixpkgs {", "import nixpkgs { crossSystem = null;"},
    {"not-understood", "overlays = [", "overlays = [ (final: prev: { fetchFromGitHub = prev.fetchgit; })"},
    {"not-understood", "torch = pprev.torch.overrideAttrs",
     "pybind11 = pprev.six; torch = pprev.torch.overrideAttrs"},
    {"not-understood", "patches = (old.patches or [ ]) ++ [\n            (final.fetch",
     "buildPhase = \"true\"; patches = (old.patches or [ ]) ++ [\n            (final.fetch"},
    {"not-understood", "final.cudaPackages_13_0;",
     "final.cudaPackages_13_0.overrideScope (_: _: { cuda_nvcc = final.gcc; });"},
    {"not-understood", "final.cudaPackages_13_0;",
     "final.cudaPackages_13_0 // { inherit (final.cudaPackages_12_9) cuda_nvcc; };"},
    {"cuda-mixed", "final.cudaPackages_13_0;",
     "final.cudaPackages_13_0 // { inherit (final.cudaPackages_12_9) cuda_nvcc; };"},
    {"cuda-mixed", "export CPATH",
     "export CUDA_HOME=${pkgs.cudaPackages_12_9.cudatoolkit}\n      export CPATH"},
    {"shell-unknown", "export CPATH", "sed -i s/9.0/8.0/ setup.py\n      export CPATH"},
    {"shell-unknown", "export CPATH", "if false; then export CPATH=; fi\n      export CPATH"},
    {"shell-unknown", "export CPATH", "buildPhase=true\n      export CPATH"},
    {"shell-unknown", "export CPATH", "export CC=$(which icc)\n      export CPATH"},
    {"shell-unknown", "export CPATH", "echo x; sed -i s/9.0/8.0/ setup.py\n      export CPATH"},
    {"phase-replaced", "preBuild = (old.preBuild or \"\") + ''", "preBuild = ''"},
    {"phase-replaced",
     "postPatch = builtins.replaceStrings [ \"--replace-fail\" ] [ \"--replace-warn\" ] (old.postPatch or "
     "\"\") + ''",
     "postPatch = ''"},
    {"phase-replaced", "preConfigure = (old.preConfigure or \"\") + ''", "preConfigure = ''"},
    // What it says of itself
    {"pname", "pname = \"pytorch210-python313-cuda13_0-sm90-avx512\"",
     "pname = \"pytorch210-python313-cuda13_0-sm90-avx2\""},
    {"pname", "pname = \"pytorch210-python313-cuda13_0-sm90-avx512\"", "pname = \"torch\""},
    {"passthru", "cpuISA = \"avx512\"", "cpuISA = \"avx2\""},
    {"passthru", "cudaCapabilities = [ \"9.0\" ]", "cudaCapabilities = [ \"9.0\" \"12.0\" ]"},
    {"passthru", "minimumDriver = \"580\"", "minimumDriver = \"550\""},
    {"passthru", "gpuArchNum = \"90\"", "gpuArchNum = \"89\""},
    {"description-cuda", "description = \"PyTorch 2.10.0", "description = \"With CUDA 12.8: PyTorch 2.10.0"},
    {"description-python", "description = \"PyTorch 2.10.0",
     "description = \"For Python 3.12: PyTorch 2.10.0"},
    {"description-arch", "description = \"PyTorch 2.10.0", "description = \"For SM86: PyTorch 2.10.0"},
    {"description-gpu", "description = \"PyTorch 2.10.0", "description = \"For the RTX 5090: PyTorch 2.10.0"},
    {"description-cpu", "description = \"PyTorch 2.10.0", "description = \"For Haswell: PyTorch 2.10.0"},
    {"driver-floor", "NVIDIA driver: 580 or newer.\n        CPU",
     "NVIDIA driver: 550 or newer.\n        CPU"},
};

constexpr Mutation meaningless[] = {
    {"", "# Two stages: `override` turns", "# two stages, gpuTargets = [ \"sm_90\" ]; `override` turns"},
    {"", "# Runs on: H100, H200, H800, H20.", "# Runs on: RTX 5090, driver 300."},
    {"", "  cpuFlags = [", "  # cudaPackages_13 and builtins.getEnv \"HOME\" are not used\n  cpuFlags = ["},
    {"", "      allowUnfree = true;\n      cudaSupport = true;\n",
     "      cudaSupport = true;\n      allowUnfree = true;\n"},
    {"", "  cudaSupport = true;\n  inherit gpuTargets;\n", "  inherit gpuTargets;\n  cudaSupport = true;\n"},
    {"", "  inherit gpuTargets;\n", "  gpuTargets = gpuTargets;\n"},
    {"", "gpuTargets = [ gpuArchSM ]", "gpuTargets = map (x: x) [ \"9.${toString 0}\" ]"},
    {"", "gpuTargets = [ gpuArchSM ]", "gpuTargets = [ ] ++ [ gpuArchSM ]"},
    {"", "${toString cpuFlags} ''${CXXFLAGS:-}", "${pkgs.lib.concatStringsSep \" \" cpuFlags} $CXXFLAGS"},
    {"", "export CFLAGS=\"${toString cpuFlags} ''${CFLAGS:-}\"",
     "export CFLAGS=\"''${CFLAGS:-} ${toString cpuFlags}\""},
    {"", "    \"-mavx512f\"\n    \"-mavx512dq\"\n", "    \"-mavx512dq\" \"-mavx512f\"\n"},
    {"", "    \"-mfma\"\n", "    \"-mfma\"\n    \"-mfma\"\n"},
    {"", "in\n# Two stages", "in\n\n\n\n# Two stages"},
    {"", "let\n  # The compute", "let unused = throw \"never\";\n  # The compute"},
    {"", "pname = \"pytorch210-python313-cuda13_0-sm90-avx512\"",
     "pname = \"pytorch210-python313-cuda13_0-\" + \"sm${gpuArchNum}-avx512\""},
    {"", "(final: prev: { cudaPackages = final.cudaPackages_13_0; })",
     "(self: super: { cudaPackages = super.cudaPackages_13_0; })"},
    {"", "meta = (old.meta or { }) // {",
     "meta = (old.meta or { }) // { homepage = \"https://pytorch.org\";"},
    {"", "platforms = [ \"x86_64-linux\" ]", "platforms = pkgs.lib.singleton \"x86_64-linux\""},
    {"", "system = \"x86_64-linux\"", "system = builtins.concatStringsSep \"-\" [ \"x86_64\" \"linux\" ]"},
    {"", "url = \"https://github.com/NixOS/nixpkgs/archive/6a030d535719c5190187c4cec156f335e95e3211.tar.gz\"",
     "url = let rev = \"6a030d535719c5190187c4cec156f335e95e3211\"; in "
     "\"https://github.com/NixOS/nixpkgs/archive/${rev}.tar.gz\""},
    {"", "(old: {\n    pname", "(finalAttrs: old: {\n    pname"},
    {"", "rev = \"v${version}\"", "rev = \"v2.10.0\""},
    {"", "    pname =", "    doCheck = false;\n    pname ="},
    {"", "export CPATH", "echo \"for sm90\"\n      export CPATH"},
    {"", "    \"-mfma\"\n", "    \"-mfma\"\n    \"-mtune=skylake-avx512\"\n"},
    {"", "description = \"PyTorch 2.10.0",
     "description = \"Python 3.13, CUDA 13.0.2, SM90, needs CUDA 12.8 or newer: PyTorch 2.10.0"},
    {"", "passthru = (old.passthru or { }) // {", "passthru = (old.passthru or { }) // { note = \"mine\";"},
};

using Names = std::set<std::string>;

class Mutations : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!find_nix()) return;
    folder_.emplace();
    spec_ = parse_matrix(read_file(fs::path(LATHE_MATRICES) / "cuda-13_0.toml"), "cuda-13_0.toml");
    spec_.settings.compile_cache = "/var/cache/torchlathe";
    variant_ = find_variant(spec_, variant_name);
    write("original", render(spec_, variant_));
    for (std::size_t i = 0; i < std::size(meaningful); ++i) write(mutant('m', i), changed(meaningful[i]));
    for (std::size_t i = 0; i < std::size(meaningless); ++i) write(mutant('n', i), changed(meaningless[i]));
    for (const Recorded& recorded : record_folder(folder_->path()).recipes)
      recorded_[recorded.file] = recorded;
  }
  static void TearDownTestSuite() { folder_.reset(); }
  void SetUp() override {
    if (!find_nix()) GTEST_SKIP() << "no Nix on this machine";
  }

  static std::string mutant(char kind, std::size_t i) { return fmt::format("{}{:03}", kind, i); }
  static void write(const std::string& name, const std::string& text) { folder_->write(name + ".nix", text); }
  static std::string changed(const Mutation& mutation) {
    std::string text = render(spec_, variant_);
    const std::size_t at = text.find(mutation.from);
    if (at == std::string::npos) return "throw \"nothing to change\"";
    return text.replace(at, std::string_view(mutation.from).size(), mutation.to);
  }
  static Names rules_for(const std::string& name) {
    Names names;
    for (const Finding& finding : judge_recipe(spec_, recorded_.at(name + ".nix"), variant_name, &variant_))
      names.insert(finding.rule);
    return names;
  }
  static std::string joined(const Names& names) {
    std::string text;
    for (const std::string& name : names) text += name + " ";
    return text;
  }

  static inline std::optional<testing::ScratchFolder> folder_;
  static inline MatrixSpec spec_;
  static inline Variant variant_;
  static inline std::map<std::string, Recorded> recorded_;
};

// No hash of the tarball is known here.
const std::set<std::string> said_of_the_right_one = {"pin-hash"};

TEST_F(Mutations, TheOriginalHasNoError) { EXPECT_EQ(rules_for("original"), said_of_the_right_one); }

TEST_F(Mutations, EachMeaningfulOneIsCaughtByTheRuleForIt) {
  static_assert(std::size(meaningful) >= 40);
  for (std::size_t i = 0; i < std::size(meaningful); ++i) {
    const Mutation& mutation = meaningful[i];
    ASSERT_NE(changed(mutation), "throw \"nothing to change\"") << mutation.from;
    const Names names = rules_for(mutant('m', i));
    EXPECT_TRUE(names.contains(mutation.rule)) << mutation.rule << " does not see: " << mutation.from
                                               << "\n -> " << mutation.to << "\n seen by: " << joined(names);
  }
}

TEST_F(Mutations, NoMeaninglessOneIsCaughtByAny) {
  static_assert(std::size(meaningless) >= 20);
  for (std::size_t i = 0; i < std::size(meaningless); ++i) {
    ASSERT_NE(changed(meaningless[i]), "throw \"nothing to change\"") << meaningless[i].from;
    const Names names = rules_for(mutant('n', i));
    EXPECT_EQ(names, said_of_the_right_one)
        << meaningless[i].from << "\n -> " << meaningless[i].to << "\n seen by: " << joined(names);
  }
}

// The same for a recipe that is cut out of nixpkgs' own torch.
constexpr Mutation of_the_base[] = {
    {"carve-base", "package = pkgs.python313Packages.torch;",
     "package = pkgs.python313Packages.torch.override { gpuTargets = [ \"9.0\" ]; };"},
    {"carve-base", "package = pkgs.python313Packages.torch;",
     "package = pkgs.python313Packages.torch.overrideAttrs { doCheck = true; };"},
    {"carve-base", "cudaSupport = true;", "cudaSupport = true; cudaCapabilities = [ \"9.0\" ];"},
    {"carve-base", "cudaSupport = true;\n    };",
     "cudaSupport = true;\n    };\n    overlays = [ (final: prev: { }) ];"},
    {"carve-base", "system = \"x86_64-linux\";\n    config",
     "localSystem = { system = \"x86_64-linux\"; gcc.arch = \"haswell\"; };\n    config"},
    {"carve-base", "cuda = \"12.8\";\n  };", "};"},
    {"carve-base", "version = \"2.9.1\";", "version = \"2.9.0\";"},
    {"cuda-off", "cudaSupport = true;", ""},
    {"cuda-version", "cudaSupport = true;\n    };",
     "cudaSupport = true;\n    };\n    overlays = [ (final: prev: { cudaPackages = final.cudaPackages_12_9; "
     "}) ];"},
    {"gpu-targets", "gpus = [ gpuArchSM ]", "gpus = [ \"8.6\" ]"},
    {"python", "pkgs.python313Packages.torch", "pkgs.python312Packages.torch"},
    {"passthru", "cpuISA = \"avx\"", "cpuISA = \"avx2\""},
    {"cuda-config", "allowUnfree = true;", ""},
};

TEST_F(Mutations, WhatIsCutOutOfNixpkgsOwnTorchIsHeldAgainstIt) {
  const MatrixSpec spec = parse_matrix(testing::cached_matrix, "slim.toml");
  const Variant variant = find_variant(spec, "pytorch-python313-cuda12_8-sm90-avx");
  const testing::ScratchFolder folder;
  const auto file = [](std::size_t i) { return fmt::format("b{:03}.nix", i); };
  folder.write("original.nix", render(spec, variant));
  for (std::size_t i = 0; i < std::size(of_the_base); ++i) {
    std::string text = render(spec, variant);
    const std::string_view from = of_the_base[i].from;
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    folder.write(file(i), text.replace(at, from.size(), of_the_base[i].to));
  }
  std::map<std::string, Names> seen;
  for (const Recorded& recorded : record_folder(folder.path()).recipes) {
    for (const Finding& finding : judge_recipe(spec, recorded, variant.name, &variant))
      seen[recorded.file].insert(finding.rule);
  }
  EXPECT_EQ(seen["original.nix"], (Names{"pin-hash", "pname-release"}));
  for (std::size_t i = 0; i < std::size(of_the_base); ++i) {
    EXPECT_TRUE(seen[file(i)].contains(of_the_base[i].rule))
        << of_the_base[i].rule << " does not see: " << of_the_base[i].to
        << "\n seen by: " << joined(seen[file(i)]);
  }
}

// The same for recipes of other shapes: companions, Jetsons, a later nixpkgs, builds without CUDA.
struct Form {
  const char* matrix;  // a shipped one
  const char* from;    // in its text, changed to
  const char* to;
  const char* variant;
  std::vector<std::string> beside;  // variants whose recipes it imports
  Names right;                      // what is said of the recipe as it is
  std::vector<Mutation> mutations;
};

const Form forms[] = {
    {"cuda-13_0-vision-audio",
     "",
     "",
     "torchaudio-python313-cuda13_0-sm90-avx2",
     {"pytorch-python313-cuda13_0-sm90-avx2", "pytorch-python313-cuda13_0-sm89-avx2"},
     {"pin-hash"},
     {{"torch-output", "sm90-avx2.nix { inherit nixpkgs; };", "sm90-avx2.nix { inherit nixpkgs; }).out;"},
      {"torch-output", "(old.propagatedBuildInputs or [ ]) ++ [ torch.out ]", "old.propagatedBuildInputs"},
      {"dev-output", "[ torch.out ]", "[ torch.out torch.dev ]"},
      {"companion-torch", "import ./pytorch-python313-cuda13_0-sm90-avx2.nix",
       "import ./pytorch-python313-cuda13_0-sm89-avx2.nix"},
      {
          "companion-torch",
          "  inherit torch;\n}).",
          "}).",
      },
      {"patch-dropped", "version = \"2.10.0\";", "patches = [ ]; version = \"2.10.0\";"},
      {"old-substitutions",
       "postPatch = builtins.replaceStrings [ \"--replace-fail\" ] [ \"--replace-warn\" ] (old.postPatch or "
       "\"\");",
       ""},
      {"companion-config", "cudaCapabilities = [ \"9.0\" ];\n      # This", "# This"},
      {"companion-version", "version = \"2.10.0\";", "version = \"2.9.1\";"},
      {"companion-version", "sha256-b1sjHVFXdNFDbdtXWSM2KisSRE/8IbzJI4rvzYQ4UMg=",
       "sha256-oktJHcT6T4f58pUO+HSBpbyS1ISH3zDlTsXQh6PcMy4="},
      {"companion-version", "repo = \"audio\";", "repo = \"vision\";"},
      {"companion-version", "export BUILD_VERSION=\"${version}\"", ""},
      {"companion-version", "Packages.torchaudio.override", "Packages.torchvision.override"},
      {"isa-missing", "export CXXFLAGS=\"${toString cpuFlags} ''${CXXFLAGS:-}\"", ""},
      {"platform-wrong", "platforms = [ \"x86_64-linux\" ]", "platforms = [ \"aarch64-linux\" ]"},
      {"system", "system = \"x86_64-linux\"", "system = \"aarch64-linux\""}}},
    {"pytorch-2.14",
     "",
     "",
     "torchvision214-python314-cuda13_2-sm90-avx2",
     {"pytorch214-python314-cuda13_2-sm90-avx2"},
     {"pin-hash"},
     {{"metadata-name", "dontCheckPythonMetadata = true;", ""},
      {"torch-output", "(old.propagatedBuildInputs or [ ]) ++ [ torch.out ]", "old.propagatedBuildInputs"},
      {"companion-config", "cudaCapabilities = [ \"9.0\" ];\n    };", "};"}}},
    {"pytorch-2.14",
     "",
     "",
     "pytorch214-python314-cuda13_2-sm90-avx2",
     {},
     {"pin-hash"},
     {{"metadata-name", "dontCheckPythonMetadata = true;", ""},
      {"patch-dropped", "    pname =", "    patches = [ ];\n    pname ="},
      {"patch-dropped", "    pname =",
       "    patches = builtins.filter (p: baseNameOf p != \"forward-cupti-env-vars.patch\") old.patches;\n   "
       " pname ="},
      {"patch-dropped", "    pname =",
       "    patches = builtins.filter (p: baseNameOf p != \"avoid-duplicate-sm_103-codegen.patch\") "
       "old.patches;\n    pname ="},
      {"moving-alias", "final.cudaPackages_13_2", "final.cudaPackages_13"}}},
    {"pytorch-2.14",
     "",
     "",
     "pytorch214-python314-cpu-avx2",
     {},
     {"pin-hash"},
     {{"metadata-name", "dontCheckPythonMetadata = true;", ""},
      {"cuda-in-cpu", "cudaSupport = false;", "cudaSupport = true;"},
      {"isa-missing", "\"-mfma\"\n", ""}}},
    {"pytorch-2.14",
     "",
     "",
     "pytorch214-python314-cuda12_9-sm87-armv8_2",
     {},
     {"pin-hash"},
     {{"jetson-config", "cudaCapabilities = [ \"8.7\" ];\n    };", "};"},
      {"config-capabilities", "cudaCapabilities = [ \"8.7\" ];\n    };",
       "cudaCapabilities = [ \"8.7\" \"9.0\" ];\n    };"}}},
    {"pytorch-2.14",
     "",
     "",
     "pytorch214-python314-cuda13_2-sm110-armv9",
     {},
     {"pin-hash"},
     {{"config-capabilities", "cudaCapabilities = [ \"11.0\" ];\n    };", "};"}}},
    {"cuda-13_0",
     "cuda = [\"13.0\"]\ngpus = [\"12.1\", \"12.0\", \"11.0\", \"10.3\", \"10.0\", \"9.0\", \"8.9\", "
     "\"8.6\", \"8.0\"]",
     "cuda = [\"12.9\"]\ngpus = [\"9.0\"]",
     "pytorch-python313-cuda12_9-sm90-avx2",
     {},
     {"pin-hash"},
     {{"cuda-version", "(final: prev: { cudaPackages = final.cudaPackages_12_9; })", ""},
      {"triton", "triton = pprev.triton.overrideAttrs", "triton-unused = pprev.triton.overrideAttrs"},
      {"old-substitutions",
       "builtins.replaceStrings [ \"--replace-fail\" ] [ \"--replace-warn\" ] (old.postPatch or \"\")",
       "(old.postPatch or \"\")"}}},
};

// What an axis asks for: each recipe in a folder of its own, since the audit of a folder alone knows it.
TEST_F(Mutations, WhatTheBlasAxisWritesIsMissedAndMayComeByAnOverlay) {
  const std::string text = replace_all(replace_all(std::string(testing::cached_matrix),
                                                   "strategy = \"carve\"\nbase = \"nixpkgs\"", "jobs = 4"),
                                       "[[build]]\n", "[[build]]\nblas = [\"mkl\"]\n");
  const MatrixSpec spec = parse_matrix(text, "blas.toml");
  const Variant variant = find_variant(spec, "pytorch-python313-cuda12_8-sm90-avx-mkl");
  const std::string right = render(spec, variant);
  const std::string argument = "  blas = (pkgs.blas.override { blasProvider = pkgs.mkl; });\n",
                    overlays = "overlays = [\n",
                    overlay = "(final: prev: { blas = prev.blas.override { blasProvider = final.mkl; }; })\n";
  const auto seen_by = [&](const std::string& changed) {
    const testing::ScratchFolder folder;
    folder.write(variant.file(), changed);
    Names rules;
    const Audit audit = audit_folder(folder.path(), spec);
    for (const Finding& finding : audit.recipes.front().findings) {
      if (finding.severity == Severity::error) rules.insert(finding.rule);
    }
    return rules;
  };
  const auto with = [&](std::string_view from, const std::string& to) {
    std::string changed = right;
    const std::size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from << right;
    return changed.replace(at, from.size(), to);
  };
  EXPECT_EQ(seen_by(right), Names{});
  EXPECT_EQ(seen_by(with(argument, "")), Names{"extra"});
  EXPECT_EQ(seen_by(with("pkgs.mkl; });", "pkgs.openblas; });")), Names{"extra"});
  EXPECT_EQ(seen_by(with("pkgs.mkl; });", "pkgs.mkl; isILP64 = true; });")), Names{"extra"});
  EXPECT_EQ(seen_by(with(argument, argument + "  lapack = pkgs.lapack;\n")),
            (Names{"not-understood", "unknown-argument"}));
  const std::string by_overlay = replace_all(with(overlays, overlays + overlay), argument, "");
  EXPECT_EQ(seen_by(by_overlay), Names{});
  EXPECT_EQ(seen_by(replace_all(by_overlay, "final.mkl; }; }",
                                "final.mkl; }; lapack = prev.lapack.override { "
                                "lapackProvider = final.mkl; }; }")),
            Names{});
  EXPECT_EQ(seen_by(replace_all(by_overlay, "final.mkl", "final.blis")), (Names{"extra", "not-understood"}));
  EXPECT_EQ(seen_by(replace_all(by_overlay, "final.mkl; }; }",
                                "final.mkl; }; lapack = prev.lapack.override { "
                                "lapackProvider = final.blis; }; }")),
            Names{"not-understood"});
}

TEST_F(Mutations, EachFormOfARecipeIsHeldAgainstItsOwnLines) {
  for (const Form& form : forms) {
    SCOPED_TRACE(std::string(form.matrix) + " " + form.variant);
    const std::string text = read_file(fs::path(LATHE_MATRICES) / (std::string(form.matrix) + ".toml"));
    const MatrixSpec spec =
        parse_matrix(*form.from ? replace_all(text, form.from, form.to) : text, form.matrix);
    const Variant variant = find_variant(spec, form.variant);
    const testing::ScratchFolder folder;
    const auto file = [](std::size_t i) { return fmt::format("m{:03}.nix", i); };
    for (const std::string& name : form.beside)
      folder.write(name + ".nix", render(spec, find_variant(spec, name)));
    folder.write("original.nix", render(spec, variant));
    for (std::size_t i = 0; i < form.mutations.size(); ++i) {
      std::string changed = render(spec, variant);
      const std::string_view from = form.mutations[i].from;
      const std::size_t at = changed.find(from);
      ASSERT_NE(at, std::string::npos) << from;
      changed.replace(at, from.size(), form.mutations[i].to);
      if (changed.find("inherit nixpkgs; }).out;") != std::string::npos)
        changed = replace_all(changed, "torch = import", "torch = (import");
      folder.write(file(i), changed);
    }
    std::map<std::string, Names> seen;
    for (const Recorded& recorded : record_folder(folder.path()).recipes) {
      for (const Finding& finding : judge_recipe(spec, recorded, variant.name, &variant))
        seen[recorded.file].insert(finding.rule);
    }
    // A folder knows which torch it offers; one recipe alone does not.
    for (auto& [name, rules] : seen) rules.erase("embedded-torch");
    EXPECT_EQ(seen["original.nix"], form.right) << joined(seen["original.nix"]);
    for (std::size_t i = 0; i < form.mutations.size(); ++i) {
      const Mutation& mutation = form.mutations[i];
      EXPECT_TRUE(seen[file(i)].contains(mutation.rule))
          << mutation.rule << " does not see: " << mutation.from << "\n -> " << mutation.to
          << "\n seen by: " << joined(seen[file(i)]);
    }
  }
}

// A base without code for the GPU, and one that the matrix does not ask for.
TEST_F(Mutations, ABaseThatIsNotTheMatrixsIsSeenWhateverTheStrategy) {
  const std::string rebuilt = replace_all(std::string(testing::cached_matrix),
                                          "strategy = \"carve\"\nbase = \"nixpkgs\"", "jobs = 4");
  const MatrixSpec carving = parse_matrix(testing::cached_matrix, "slim.toml"),
                   building = parse_matrix(rebuilt, "built.toml");
  const std::string name = "pytorch-python313-cuda12_8-sm90-avx";
  const Variant cut = find_variant(carving, name), built = find_variant(building, name);
  const testing::ScratchFolder folder;
  folder.write("cut.nix", render(carving, cut));
  folder.write("built.nix", render(building, built));
  folder.write(
      "lacks.nix",
      replace_all(
          render(carving, cut), "package = pkgs.python313Packages.torch;",
          "package = pkgs.python313Packages.torch.override { gpuTargets = [ \"8.6\" \"12.0+PTX\" ]; };"));
  std::map<std::string, Recorded> recorded;
  for (const Recorded& each : record_folder(folder.path()).recipes) recorded[each.file] = each;
  const auto what = [&](const MatrixSpec& spec, const char* file, const Variant* want) {
    for (const Finding& finding : judge_recipe(spec, recorded.at(file), name, want)) {
      if (finding.rule == "carve-base") return finding.what;
    }
    return std::string();
  };
  EXPECT_EQ(what(building, "cut.nix", &built),
            "is cut out of nixpkgs' own torch, which the matrix does not ask for");
  EXPECT_EQ(what(carving, "built.nix", &cut), "is built, but the matrix cuts it out of nixpkgs' own torch");
  EXPECT_EQ(what(carving, "lacks.nix", nullptr),
            "is cut out of a build for 8.6, 12.0+PTX, which has no code for 9.0");
  EXPECT_EQ(what(carving, "cut.nix", &cut), "");
  EXPECT_EQ(what(building, "built.nix", &built), "");
}

}  // namespace
}  // namespace lathe

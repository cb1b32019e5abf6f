// SPDX-License-Identifier: MIT
// What the recorder sees in recipes, against the real Nix, on the recipes in tests/nix and on small ones
// written here.
#include "nix/record.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "testing/nix_record.h"

namespace lathe {
namespace {

using Texts = std::vector<std::string>;
using testing::evaluate;
using testing::failure_of;
using testing::fixture;
using testing::Record;

std::string version_of(const std::string& text) {
  const Recorded recorded = evaluate(text);
  return recorded.package ? recorded.package->version : failure_of(recorded);
}

Texts names_of(const std::vector<RecordedPatch>& patches) {
  Texts names;
  for (const RecordedPatch& patch : patches) names.push_back(patch.name);
  return names;
}

TEST_F(Record, TheCanonicalRecipeIsUnderstoodInEveryPart) {
  const Recorded recipe = fixture("canonical.nix");
  ASSERT_EQ(recipe.kind, Recorded::Kind::package) << failure_of(recipe);
  const RecordedPackage& torch = *recipe.package;
  ASSERT_NE(recipe.pin(), nullptr);
  EXPECT_EQ(recipe.pin()->rev, "6a030d535719c5190187c4cec156f335e95e3211");
  EXPECT_FALSE(recipe.pin()->sha256);
  EXPECT_EQ(recipe.pin()->overlays, 3);
  EXPECT_TRUE(recipe.pin()->config_flag("allowBroken"));
  EXPECT_FALSE(recipe.pin()->asked_system);
  EXPECT_EQ(torch.attribute, "python3Packages.torch");
  EXPECT_EQ(torch.cuda_support, true);
  EXPECT_EQ(torch.gpu_targets, Texts{"12.0"});
  EXPECT_EQ(torch.pname, "pytorch210-python313-cuda13_0-sm120-avx512");
  EXPECT_EQ(torch.version, "2.10.0");
  EXPECT_EQ(torch.build_version, "2.9.1");  // overrideAttrs' version does not reach setup.py
  ASSERT_TRUE(torch.source);
  EXPECT_EQ(torch.source->rev, "v2.10.0");
  EXPECT_EQ(torch.source->hash, "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ=");
  EXPECT_TRUE(torch.patches.empty());
  ASSERT_TRUE(torch.cuda);
  EXPECT_EQ(torch.cuda->set, "cudaPackages_13");
  EXPECT_EQ(torch.cuda->version, "13.0");
  EXPECT_TRUE(torch.cuda->moving);
  ASSERT_TRUE(torch.magma);
  ASSERT_EQ(names_of(torch.magma->patches), Texts{"cuda-13.0-clockrate-fix.patch"});
  EXPECT_EQ(torch.magma->patches[0].hash, "sha256-i9InbxD5HtfonB/GyF9nQhFmok3jZ73RxGcIciGBGvU=");
  EXPECT_EQ(torch.cxxflags, (Texts{"-I/build/cccl-compat", "-mavx512f", "-mavx512dq", "-mavx512vl",
                                   "-mavx512bw", "-mfma", "-Wno-error"}));
  EXPECT_EQ(torch.environment.at("MAX_JOBS"), "$NIX_BUILD_CORES");  // nixpkgs' preBuild comes later
  EXPECT_EQ(torch.environment.at("TORCH_CUDA_ARCH_LIST"), "12.0");
  EXPECT_EQ(*torch.passthru("blasProvider")->text(), "cublas");
  EXPECT_EQ(torch.ninja_flags, Texts{"-j32"});
  EXPECT_EQ(torch.platforms, Texts{"x86_64-linux"});
  EXPECT_NE(torch.text_of("preConfigure").find("ln -sf <cudaPackages_13.cuda_cccl>/include/cuda"),
            std::string::npos);
  EXPECT_EQ(recipe.moving_aliases, Texts{"cudaPackages_13"});
  EXPECT_TRUE(recipe.unknown.empty()) << recipe.unknown.front();
  EXPECT_TRUE(recipe.impurities.empty());
}

TEST_F(Record, TheOlderStyleTakesEverythingFromItsCaller) {
  const Recorded recipe = fixture("older.nix");
  ASSERT_EQ(recipe.kind, Recorded::Kind::package) << failure_of(recipe);
  EXPECT_TRUE(recipe.from_caller);
  EXPECT_EQ(recipe.pin(), nullptr);
  EXPECT_EQ(recipe.gone_aliases, Texts{"python3Packages.pytorch"});
  EXPECT_EQ(recipe.package->attribute, "python3Packages.torch");
  EXPECT_EQ(recipe.package->gpu_targets, Texts{"sm_90"});
  ASSERT_TRUE(recipe.package->cuda);
  EXPECT_EQ(recipe.package->cuda->set, "cudaPackages");
  EXPECT_EQ(recipe.package->cuda->version, "");
  EXPECT_EQ(recipe.package->environment.at("CXXFLAGS"), "$CXXFLAGS -mavx512f -mfma");
  EXPECT_EQ(recipe.package->environment.at("TORCH_CUDA_ARCH_LIST"), "sm_90");
}

TEST_F(Record, WrappersAreWhatTheyWrap) {
  for (const char* name : {"wrapper.nix", "wrapper-import.nix"}) {
    const Recorded recipe = fixture(name);
    ASSERT_EQ(recipe.kind, Recorded::Kind::package) << name << ": " << failure_of(recipe);
    EXPECT_EQ(recipe.package->pname, "pytorch210-python313-cuda13_0-sm120-avx512");
    EXPECT_EQ(recipe.pin()->overlays, 3);
    EXPECT_TRUE(recipe.package->where("pname").file.ends_with("canonical.nix"));
  }
}

TEST_F(Record, ARecipeFromScratchIsNoTorchOfNixpkgs) {
  const Recorded recipe = fixture("scratch.nix");
  ASSERT_EQ(recipe.kind, Recorded::Kind::package) << failure_of(recipe);
  const RecordedPackage& package = *recipe.package;
  EXPECT_EQ(package.builder, "buildPythonPackage");
  EXPECT_EQ(recipe.system, "aarch64-linux");  // its platforms leave out the first system tried
  EXPECT_EQ(package.version, "2.9.0");
  EXPECT_EQ(package.source->hash, "");
  EXPECT_TRUE(package.source->where.file.empty() || package.source->where.line > 0);
  EXPECT_FALSE(package.cuda_support);
  EXPECT_EQ(package.cxxflags, Texts{"-march=armv9-a+sve+sve2"});
  EXPECT_EQ(package.environment.at("CUDA_HOME"), "<cudaPackages_13_0.cudatoolkit>");
  EXPECT_EQ(package.environment.at("MAX_JOBS"), "16");
  EXPECT_TRUE(recipe.unknown.empty()) << recipe.unknown.front();
  EXPECT_EQ(std::ranges::count(recipe.fetches, "fetchFromGitHub", &RecordedFetch::how), 1);
}

TEST_F(Record, ACompanionShowsTheTorchThatItWasGiven) {
  const Recorded recipe = fixture("companion.nix");
  ASSERT_EQ(recipe.kind, Recorded::Kind::package) << failure_of(recipe);
  const RecordedPackage& vision = *recipe.package;
  EXPECT_EQ(vision.builder, "torchvision");
  EXPECT_EQ(vision.version, "0.23.0");
  ASSERT_TRUE(vision.torch);
  EXPECT_EQ(vision.torch->pname, "pytorch-for-torchvision-sm90");
  EXPECT_EQ(vision.torch->gpu_targets, Texts{"9.0"});
  ASSERT_TRUE(vision.cuda);
  EXPECT_EQ(vision.cuda->set, "cudaPackages_12_8");
  // It reads torch.cudaCapabilities, which torch's gpuTargets does not narrow.
  EXPECT_EQ(vision.environment.at("TORCH_CUDA_ARCH_LIST"), "7.5;8.0;8.6;8.9;9.0;10.0;12.0");
  EXPECT_EQ(recipe.pin()->sha256, "0000000000000000000000000000000000000000000000000000");
  const auto torch = std::ranges::find(vision.propagated, "python3Packages.torch", &RecordedInput::package);
  ASSERT_NE(torch, vision.propagated.end());
  EXPECT_EQ(torch->output, "dev");
}

TEST_F(Record, AGeneratedRecipeUsesItsOwnPinAndSystem) {
  const Recorded recipe = fixture("generated.nix");
  ASSERT_EQ(recipe.kind, Recorded::Kind::package) << failure_of(recipe);
  EXPECT_EQ(recipe.arguments, (std::map<std::string, bool>{{"nixpkgs", true}, {"system", true}}));
  EXPECT_FALSE(recipe.from_caller);
  EXPECT_EQ(recipe.pin()->sha256, "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
  EXPECT_EQ(recipe.pin()->system, "aarch64-linux");
  EXPECT_TRUE(recipe.pin()->asked_system);
  EXPECT_EQ(recipe.pin()->config_texts("cudaCapabilities"), Texts{"11.0"});
  const RecordedPackage& torch = *recipe.package;
  EXPECT_EQ(torch.attribute, "python313Packages.torch");
  EXPECT_EQ(torch.build_version, "2.10.0");
  ASSERT_TRUE(torch.cuda);
  EXPECT_EQ(torch.cuda->set, "cudaPackages_13_0");
  EXPECT_FALSE(torch.cuda->moving);
  EXPECT_EQ(torch.cuda->capabilities, Texts{"11.0"});
  EXPECT_EQ(torch.environment.at("MAX_JOBS"), "8");
  EXPECT_EQ(torch.cxxflags, (Texts{"-Wno-error", "-I<runCommand:cccl-links>"}));
  ASSERT_EQ(recipe.made.size(), 1u);
  EXPECT_EQ(recipe.made[0].name, "cccl-links");
  EXPECT_NE(recipe.made[0].text.find("ln -s <cudaPackages_13_0.cuda_cccl.dev>/include/cuda"),
            std::string::npos);
}

TEST_F(Record, ARecipeThatIsNoFunctionEvaluatesToo) {
  const Recorded recipe = fixture("plain.nix");
  ASSERT_EQ(recipe.kind, Recorded::Kind::package) << failure_of(recipe);
  EXPECT_TRUE(recipe.arguments.empty());
  EXPECT_EQ(recipe.package->attribute, "python313Packages.torch");
  EXPECT_EQ(recipe.package->cuda_support, false);
  EXPECT_EQ(recipe.package->version, "2.8.0");
  EXPECT_FALSE(recipe.package->magma);
}

TEST_F(Record, PlacesNameFileLineAndColumn) {
  const Recorded recipe = fixture("canonical.nix");
  ASSERT_TRUE(recipe.package);
  const Place targets = recipe.package->where("override.gpuTargets");
  EXPECT_TRUE(targets.file.ends_with("tests/nix/canonical.nix")) << targets.file;
  EXPECT_EQ(targets.line, 56u);
  EXPECT_EQ(targets.column, 3u);
  EXPECT_EQ(recipe.package->where("pname").line, 58u);
  EXPECT_EQ(recipe.package->where("passthru.blasProvider").line, 64u);
  EXPECT_EQ(recipe.package->where("meta.platforms").line, 76u);
  EXPECT_EQ(recipe.pin()->where.line, 7u);
  EXPECT_TRUE(recipe.package->where("postPatch").file.empty());  // nixpkgs' own
}

// ---- What overlays and overrides do
// ---------------------------------------------------------------------------------

constexpr const char* pinned =
    R"(import (builtins.fetchTarball {
      url = "https://github.com/NixOS/nixpkgs/archive/6a030d535719c5190187c4cec156f335e95e3211.tar.gz"; }) )";

TEST_F(Record, AnOverrideOfPython3PackagesDoesNotTouchPython313Packages) {
  const std::string set = std::string("let pkgs = ") + pinned + R"({ overlays = [ (final: prev: {
    python3Packages = prev.python3Packages.override {
      overrides = pf: pp: { torch = pp.torch.overrideAttrs { version = "2.10.0"; }; };
    };
  }) ]; }; in )";
  EXPECT_EQ(version_of(set + "pkgs.python3Packages.torch"), "2.10.0");
  EXPECT_EQ(version_of(set + "pkgs.python313Packages.torch"), "2.9.1");
  EXPECT_EQ(version_of(set + "pkgs.python3.pkgs.torch"), "2.9.1");
}

TEST_F(Record, PythonPackagesExtensionsReachEveryPython) {
  const std::string set = std::string("let pkgs = ") + pinned + R"({ overlays = [ (final: prev: {
    pythonPackagesExtensions = prev.pythonPackagesExtensions ++ [
      (pf: pp: { torch = pp.torch.overrideAttrs { version = "2.10.0"; }; })
    ];
  }) ]; }; in )";
  for (const char* name : {"python3Packages", "python313Packages", "python3.pkgs", "python312.pkgs"}) {
    EXPECT_EQ(version_of(set + "pkgs." + name + ".torch"), "2.10.0") << name;
  }
}

TEST_F(Record, PackageOverridesReachTheirOwnPython) {
  const Recorded recipe = evaluate(std::string("let pkgs = ") + pinned + R"({ overlays = [ (final: prev: {
    python313 = prev.python313.override {
      packageOverrides = pf: pp: { torch = pp.torch.overrideAttrs { version = "2.10.0"; }; };
    };
  }) ]; }; in pkgs.python313.pkgs.torch)");
  ASSERT_TRUE(recipe.package) << failure_of(recipe);
  EXPECT_EQ(recipe.package->version, "2.10.0");
}

TEST_F(Record, OverlaysSeeEachOthersResultThroughFinal) {
  const Recorded recipe =
      evaluate(std::string("let pkgs = ") + pinned + R"({ config.cudaSupport = true; overlays = [
    (final: prev: { cudaPackages = final.cudaPackages_12_8; })
    (final: prev: { cudaPackages_12_8 = prev.cudaPackages_13_0; }) ]; }; in pkgs.python3Packages.torch)");
  ASSERT_TRUE(recipe.package) << failure_of(recipe);
  EXPECT_EQ(recipe.package->cuda->version, "13.0");
  EXPECT_EQ(recipe.package->cuda_support, true);  // through config alone
}

TEST_F(Record, OverrideAndOverrideAttrsApplyInAnyOrder) {
  const Recorded recipe = evaluate(std::string("let pkgs = ") + pinned + R"({ }; in
    (((pkgs.python3Packages.torch.overrideAttrs (final: prev: {
        pname = "x"; long = "${final.pname}-${prev.version}"; }))
      .override (old: { cudaSupport = !old.cudaSupport; })).override { gpuTargets = [ "9.0" ]; })
      .overrideAttrs (prev: { pname = prev.pname + "y"; }))");
  ASSERT_TRUE(recipe.package) << failure_of(recipe);
  EXPECT_EQ(recipe.package->pname, "xy");
  EXPECT_EQ(recipe.package->text_of("long"), "xy-2.9.1");
  EXPECT_EQ(recipe.package->cuda_support, true);
  EXPECT_EQ(recipe.package->gpu_targets, Texts{"9.0"});
  EXPECT_EQ(recipe.package->changes, 2);
}

TEST_F(Record, OverridingMagmaToNullHasNoEffect) {
  const Recorded recipe = evaluate(std::string("let pkgs = ") + pinned +
                                   "{ }; in pkgs.python3Packages.torch.override { cudaSupport = true; magma "
                                   "= null; gpuTargets = [ \"9.0\" ]; }");
  ASSERT_TRUE(recipe.package) << failure_of(recipe);
  EXPECT_TRUE(recipe.package->magma);
  EXPECT_TRUE(recipe.package->override_arguments.find("magma")->is_null());
}

TEST_F(Record, AnArgumentThatTorchDoesNotTakeIsNoted) {
  const Recorded recipe = evaluate(std::string("let pkgs = ") + pinned +
                                   "{ }; in pkgs.python3Packages.torch.override { withCuda = true; }");
  EXPECT_EQ(recipe.unknown_arguments, Texts{"withCuda"});
}

TEST_F(Record, CapabilitiesThatTorchDoesNotListFailAsInNixpkgs) {
  const Recorded recipe = evaluate(std::string("let pkgs = ") + pinned +
                                   "{ config = { cudaSupport = true; cudaCapabilities = [ \"11.0\" ]; }; }; "
                                   "in pkgs.python3Packages.torch");
  EXPECT_EQ(recipe.kind, Recorded::Kind::failed);
  EXPECT_NE(failure_of(recipe).find("No supported GPU targets specified"), std::string::npos)
      << failure_of(recipe);
}

TEST_F(Record, ASetOfPackagesShowsItsMembers) {
  const Recorded recipe = evaluate(
      "{ lib, stdenv, cudaPackages_13_0 }: { a = stdenv.mkDerivation { pname = \"a\"; version = \"1\"; }; "
      "cuda = cudaPackages_13_0.cudatoolkit; note = \"text\"; }");
  ASSERT_EQ(recipe.kind, Recorded::Kind::set) << failure_of(recipe);
  EXPECT_EQ(recipe.members.size(), 2u);
  EXPECT_EQ(recipe.members.at("a").pname, "a");
  EXPECT_EQ(recipe.members.at("cuda").attribute, "cudaPackages_13_0.cudatoolkit");
}

TEST_F(Record, TheSetOfACudaReleaseHasAllOfNixpkgsWithThatCuda) {
  const Recorded recipe =
      evaluate(std::string("let pkgs = ") + pinned +
               "{ config.cudaSupport = true; }; in pkgs.cudaPackages_13_0.pkgs.python313Packages.torch");
  ASSERT_TRUE(recipe.package) << failure_of(recipe);
  EXPECT_EQ(recipe.package->cuda->version, "13.0");
  EXPECT_EQ(recipe.package->attribute, "python313Packages.torch");
  EXPECT_TRUE(recipe.package->overlaid.empty());  // nixpkgs' own doing
}

TEST_F(Record, PkgsCudaIsNixpkgsWithCuda) {
  const Recorded recipe =
      evaluate(std::string("let pkgs = ") + pinned + "{ }; in pkgs.pkgsCuda.python313Packages.torch");
  ASSERT_TRUE(recipe.package) << failure_of(recipe);
  EXPECT_EQ(recipe.package->builder, "torch");
  EXPECT_EQ(recipe.package->cuda_support, true);
}

// ---- What a recipe sets, and what Nix would build of it ----

TEST_F(Record, WhatDrvPathBuildsIsRecorded) {
  const std::string set =
      std::string("let pkgs = ") + pinned +
      "{ }; torch = pkgs.python313Packages.torch; right = torch.overrideAttrs { pname = \"right\"; }; in ";
  const Recorded forged =
      evaluate(set + "right // builtins.intersectAttrs { drvPath = 0; outPath = 0; } torch");
  ASSERT_TRUE(forged.package) << failure_of(forged);
  EXPECT_EQ(forged.package->pname, "torch");
  // The outputs that it still shows are those of the other package.
  EXPECT_EQ(forged.package->added, (Texts{"cxxdev", "dev", "dist", "lib", "out", "pname"}));
  const Recorded other = evaluate(set + "right // { inherit (pkgs.cmake) drvPath; }");
  ASSERT_TRUE(other.package) << failure_of(other);
  EXPECT_EQ(other.package->attribute, "cmake");
}

TEST_F(Record, WrittenIsWhatOverrideAttrsWasGivenAndAddedWhatNoBuildSees) {
  const Recorded recipe = evaluate(std::string("let pkgs = ") + pinned +
                                   "{ overlays = [ (final: prev: { cmake = prev.ninja; }) ]; }; in "
                                   "(pkgs.python313Packages.torch.overrideAttrs (old: { ${\"build\" + "
                                   "\"Phase\"} = \"\"; inherit (old) pname; })) // { x = 1; }");
  ASSERT_TRUE(recipe.package) << failure_of(recipe);
  EXPECT_EQ(recipe.package->written, (Texts{"buildPhase", "pname"}));
  EXPECT_EQ(recipe.package->added, Texts{"x"});
  EXPECT_EQ(recipe.package->overlaid, Texts{"cmake"});
}

TEST_F(Record, NoRecipeCanMakeOrSeeARecordedValue) {
  const std::string set =
      std::string("let pkgs = ") + pinned + "{ }; torch = pkgs.python313Packages.torch; in ";
  EXPECT_EQ(
      evaluate(
          set +
          "{ _recorded = { kind = \"package\"; }; type = \"derivation\"; drvPath = \"x\"; outPath = \"y\"; }")
          .kind,
      Recorded::Kind::set);
  const std::string seen = R"(builtins.filter (name: builtins.match "_[0-9a-f]+.*|_recorded" name != null) )";
  const std::string looks[] = {"builtins.attrNames torch", "pkgs.lib.attrNames pkgs.cudaPackages",
                               "builtins.attrNames (builtins.mapAttrs (_: v: v) torch)",
                               "map (x: x.name) (pkgs.lib.attrsToList pkgs)",
                               "builtins.attrNames (builtins.zipAttrsWith (_: v: v) [ torch ])"};
  for (const std::string& look : looks) {
    const Recorded recipe = evaluate(set + "if " + seen + "(" + look +
                                     ") == [ ] && builtins.isString torch.drvPath && builtins.typeOf "
                                     "torch.drvPath == \"string\" then torch else 1");
    EXPECT_TRUE(recipe.package) << look << failure_of(recipe);
  }
}

TEST_F(Record, TheOtherFaceMakesUpOtherThingsAndTheSameRecipe) {
  const Recorded one = fixture("canonical.nix");
  RecordOptions other;
  other.other_face = true;
  const std::filesystem::path file =
      std::filesystem::path(testing::source_folder) / "tests/nix/canonical.nix";
  const Recorded two = record_file(file, other);
  ASSERT_TRUE(two.package) << failure_of(two);
  EXPECT_EQ(two.package->environment, one.package->environment);
  EXPECT_EQ(two.package->written, one.package->written);
  EXPECT_TRUE(two.package->added.empty());
  const std::string set =
      std::string("let pkgs = ") + pinned + "{ }; torch = pkgs.python313Packages.torch; in ";
  for (const char* test :
       {"builtins.substring 0 1 torch.outPath == \"<\"", "builtins.currentTime == 0",
        "builtins.getEnv \"A\" == \"\"", "!builtins.pathExists /etc", "pkgs.cmake.version == \"0\"",
        "(torch.drvPath.outPath or \"\") != \"\"", "builtins.unsafeGetAttrPos \"cmake\" pkgs == null",
        "pkgs.lib.version == \"25.11\""}) {
    const std::string text =
        set + "torch.overrideAttrs { answer = if " + test + " then \"recorder\" else \"nixpkgs\"; }";
    const Recorded first = evaluate(text), second = evaluate(text, other);
    ASSERT_TRUE(first.package && second.package) << test << failure_of(first) << failure_of(second);
    EXPECT_EQ(first.package->text_of("answer"), "recorder") << test;
    EXPECT_EQ(second.package->text_of("answer"), "nixpkgs") << test;
  }
}

// ---- What the recorder does not know
// --------------------------------------------------------------------------------

TEST_F(Record, UnknownNamesAreAnsweredAndNoted) {
  const Recorded recipe = evaluate(
      "{ lib, stdenv, frobnicator, python3Packages }: stdenv.mkDerivation { pname = \"x\"; version = \"1\"; "
      "buildInputs = [ frobnicator.dev python3Packages.frob2 ]; a = lib.frobString \"b\"; meta.license = "
      "lib.licenses.frobLicense; }");
  ASSERT_EQ(recipe.kind, Recorded::Kind::package) << failure_of(recipe);
  EXPECT_EQ(recipe.unknown, (Texts{"lib.frobString", "pkgs.frobnicator", "python3Packages.frob2"}));
}

TEST_F(Record, NamesInStringsAndUnknownSetsAreAnsweredToo) {
  const Recorded recipe = evaluate(
      "{ pkgs, lib }: [ pkgs.\"frob\" pkgs.frobPackages.frobLib.dev (lib.getAttr \"frob3\" pkgs) "
      "pkgs.cudaPackages_12_4.cudatoolkit ]");
  ASSERT_EQ(recipe.kind, Recorded::Kind::value) << failure_of(recipe);
  EXPECT_EQ(recipe.unknown,
            (Texts{"pkgs.frob", "pkgs.frobPackages", "pkgs.frobPackages.frobLib", "pkgs.frob3"}));
  EXPECT_EQ(recipe.unsure, Texts{"cudaPackages_12_4"});
}

TEST_F(Record, TextsThatAreNotUtf8AreNotPassedOver) {
  const Recorded recipe = evaluate("builtins.seq (builtins.getEnv \"SECRET\xff\") 1");
  EXPECT_EQ(recipe.kind, Recorded::Kind::failed);
}

TEST_F(Record, TheCallersPinDecidesWhatAnUnpinnedRecipeGets) {
  const Recorded recipe = evaluate("{ python3Packages }: python3Packages.torch",
                                   {.caller_rev = "fe5e41d7ffc0421f0913e8472ce6238ed0daf8e3"});
  ASSERT_TRUE(recipe.package) << failure_of(recipe);
  EXPECT_EQ(recipe.package->version, "2.8.0");
}

TEST_F(Record, FetchedRepositoriesCanBeImportedWithoutBeingFetched) {
  const Recorded recipe = evaluate(R"({ pkgs, fetchFromGitHub }:
    let repo = fetchFromGitHub { owner = "me"; repo = "build-cudatoolkit"; rev = "main"; hash = ""; };
        tool = pkgs.callPackage "${repo}/.flox/pkgs/cudatoolkit-13_0.nix" { };
    in pkgs.stdenv.mkDerivation { pname = "x"; version = "1"; buildInputs = [ tool ]; })");
  ASSERT_EQ(recipe.kind, Recorded::Kind::package) << failure_of(recipe);
  ASSERT_EQ(recipe.fetched_imports.size(), 1u);
  EXPECT_EQ(recipe.fetched_imports[0],
            "<fetchFromGitHub:me/build-cudatoolkit@main>/.flox/pkgs/cudatoolkit-13_0.nix");
}

// Out of what is cut, and what that is for.
Recorded carved(const std::string& package, const std::string& more = "") {
  return evaluate(std::string("let pkgs = ") + pinned +
                  "{ system = \"x86_64-linux\"; config = { allowUnfree = true; cudaSupport = true; }; }; in "
                  "import \"${builtins.fetchTarball { url = \"https://example.org/t.tar.gz\"; "
                  "}}/nix/carve.nix\" { inherit pkgs; } "
                  "{ package = " +
                  package + "; gpus = [ \"9.0\" ]; pname = \"mine\"; " + more + "}");
}

TEST_F(Record, NixpkgsOwnTorchIsToldFromOtherBasesOfACarve) {
  const Recorded own =
      carved("pkgs.python313Packages.torch", "expect = { version = \"2.9.1\"; cuda = \"12.8\"; };");
  ASSERT_TRUE(own.package) << failure_of(own);
  EXPECT_TRUE(own.of_nixpkgs);
  EXPECT_EQ(own.base_gpus, (std::vector<std::string>{"7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "12.0"}));
  EXPECT_EQ(own.expected, (std::map<std::string, std::string>{{"version", "2.9.1"}, {"cuda", "12.8"}}));
  EXPECT_EQ(own.package->gpu_targets, std::vector<std::string>{"9.0"});
  for (const char* other :
       {"(pkgs.python313Packages.torch.override { gpuTargets = [ \"9.0\" \"8.6+PTX\" ]; })",
        "(pkgs.python313Packages.torch.overrideAttrs { doCheck = true; })"}) {
    const Recorded changed = carved(other);
    ASSERT_TRUE(changed.package) << failure_of(changed);
    EXPECT_FALSE(changed.of_nixpkgs) << other;
  }
  EXPECT_EQ(
      carved("(pkgs.python313Packages.torch.override { gpuTargets = [ \"9.0\" \"8.6+PTX\" ]; })").base_gpus,
      (std::vector<std::string>{"9.0", "8.6+PTX"}));
  EXPECT_FALSE(evaluate(std::string("(") + pinned + "{ }).python313Packages.torch").of_nixpkgs)
      << "nothing is cut there";
}

}  // namespace
}  // namespace lathe

// SPDX-License-Identifier: MIT
// The recorder against the real Nix, on the recipes in tests/nix and on small ones written here.
#include "nix/record.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "nix/nix.h"
#include "os/scratch_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

// A folder of recipes that is gone afterwards.
class Folder {
 public:
  const fs::path& path() const { return scratch_.path(); }
  Folder& add(const std::string& name, const std::string& text) {
    scratch_.write(name, text);
    return *this;
  }
  Folder& add_fixture(const std::string& name) {
    fs::copy_file(fs::path(LATHE_SOURCE_DIR) / "tests/nix" / name, path() / name);
    return *this;
  }

 private:
  testing::ScratchFolder scratch_;
};

Recorded fixture(const std::string& name) {
  if (!find_nix()) return {};
  return record_file(fs::path(LATHE_SOURCE_DIR) / "tests/nix" / name);
}

// One recipe, written here.
Recorded evaluate(const std::string& text, RecordOptions options = {}) {
  Folder folder;
  folder.add("recipe.nix", text);
  return record_folder(folder.path(), options).recipes.front();
}

std::string failure_of(const Recorded& recorded) { return recorded.failure ? recorded.failure->message : ""; }

std::string version_of(const std::string& text) {
  const Recorded recorded = evaluate(text);
  return recorded.package ? recorded.package->version : failure_of(recorded);
}

Texts names_of(const std::vector<RecordedPatch>& patches) {
  Texts names;
  for (const RecordedPatch& patch : patches) names.push_back(patch.name);
  return names;
}

// Skips where there is no Nix: then the audit falls back to text, which has tests of its own.
class Record : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!find_nix()) GTEST_SKIP() << "no Nix on this machine";
  }
};

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
  EXPECT_EQ(torch.cxxflags, (Texts{"-I/build/cccl-compat", "-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mfma", "-Wno-error"}));
  EXPECT_EQ(torch.environment.at("MAX_JOBS"), "$NIX_BUILD_CORES");  // nixpkgs' preBuild comes later
  EXPECT_EQ(torch.environment.at("TORCH_CUDA_ARCH_LIST"), "12.0");
  EXPECT_EQ(*torch.passthru("blasProvider")->text(), "cublas");
  EXPECT_EQ(torch.ninja_flags, Texts{"-j32"});
  EXPECT_EQ(torch.platforms, Texts{"x86_64-linux"});
  EXPECT_NE(torch.text_of("preConfigure").find("ln -sf <cudaPackages_13.cuda_cccl>/include/cuda"), std::string::npos);
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
  EXPECT_NE(recipe.made[0].text.find("ln -s <cudaPackages_13_0.cuda_cccl.dev>/include/cuda"), std::string::npos);
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

// ---- What overlays and overrides do ---------------------------------------------------------------------------------

constexpr const char* pinned = R"(import (builtins.fetchTarball { url = "https://github.com/NixOS/nixpkgs/archive/6a030d535719c5190187c4cec156f335e95e3211.tar.gz"; }) )";

TEST_F(Record, AnOverrideOfPython3PackagesDoesNotTouchPython313Packages) {
  const std::string set = std::string("let pkgs = ") + pinned + R"({ overlays = [ (final: prev: {
    python3Packages = prev.python3Packages.override { overrides = pf: pp: { torch = pp.torch.overrideAttrs { version = "2.10.0"; }; }; };
  }) ]; }; in )";
  EXPECT_EQ(version_of(set + "pkgs.python3Packages.torch"), "2.10.0");
  EXPECT_EQ(version_of(set + "pkgs.python313Packages.torch"), "2.9.1");
  EXPECT_EQ(version_of(set + "pkgs.python3.pkgs.torch"), "2.9.1");
}

TEST_F(Record, PythonPackagesExtensionsReachEveryPython) {
  const std::string set = std::string("let pkgs = ") + pinned + R"({ overlays = [ (final: prev: {
    pythonPackagesExtensions = prev.pythonPackagesExtensions ++ [ (pf: pp: { torch = pp.torch.overrideAttrs { version = "2.10.0"; }; }) ];
  }) ]; }; in )";
  for (const char* name : {"python3Packages", "python313Packages", "python3.pkgs", "python312.pkgs"}) {
    EXPECT_EQ(version_of(set + "pkgs." + name + ".torch"), "2.10.0") << name;
  }
}

TEST_F(Record, PackageOverridesReachTheirOwnPython) {
  const Recorded recipe = evaluate(std::string("let pkgs = ") + pinned + R"({ overlays = [ (final: prev: {
    python313 = prev.python313.override { packageOverrides = pf: pp: { torch = pp.torch.overrideAttrs { version = "2.10.0"; }; }; };
  }) ]; }; in pkgs.python313.pkgs.torch)");
  ASSERT_TRUE(recipe.package) << failure_of(recipe);
  EXPECT_EQ(recipe.package->version, "2.10.0");
}

TEST_F(Record, OverlaysSeeEachOthersResultThroughFinal) {
  const Recorded recipe = evaluate(std::string("let pkgs = ") + pinned + R"({ config.cudaSupport = true; overlays = [
    (final: prev: { cudaPackages = final.cudaPackages_12_8; })
    (final: prev: { cudaPackages_12_8 = prev.cudaPackages_13_0; }) ]; }; in pkgs.python3Packages.torch)");
  ASSERT_TRUE(recipe.package) << failure_of(recipe);
  EXPECT_EQ(recipe.package->cuda->version, "13.0");
  EXPECT_EQ(recipe.package->cuda_support, true);  // through config alone
}

TEST_F(Record, OverrideAndOverrideAttrsApplyInAnyOrder) {
  const Recorded recipe = evaluate(std::string("let pkgs = ") + pinned + R"({ }; in
    (((pkgs.python3Packages.torch.overrideAttrs (final: prev: { pname = "x"; long = "${final.pname}-${prev.version}"; }))
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
                                   "{ }; in pkgs.python3Packages.torch.override { cudaSupport = true; magma = null; gpuTargets = [ \"9.0\" ]; }");
  ASSERT_TRUE(recipe.package) << failure_of(recipe);
  EXPECT_TRUE(recipe.package->magma);
  EXPECT_TRUE(recipe.package->override_arguments.find("magma")->is_null());
}

TEST_F(Record, AnArgumentThatTorchDoesNotTakeIsNoted) {
  const Recorded recipe = evaluate(std::string("let pkgs = ") + pinned + "{ }; in pkgs.python3Packages.torch.override { withCuda = true; }");
  EXPECT_EQ(recipe.unknown_arguments, Texts{"withCuda"});
}

TEST_F(Record, CapabilitiesThatTorchDoesNotListFailAsInNixpkgs) {
  const Recorded recipe = evaluate(std::string("let pkgs = ") + pinned +
                                   "{ config = { cudaSupport = true; cudaCapabilities = [ \"11.0\" ]; }; }; in pkgs.python3Packages.torch");
  EXPECT_EQ(recipe.kind, Recorded::Kind::failed);
  EXPECT_NE(failure_of(recipe).find("No supported GPU targets specified"), std::string::npos) << failure_of(recipe);
}

TEST_F(Record, ASetOfPackagesShowsItsMembers) {
  const Recorded recipe = evaluate("{ lib, stdenv, cudaPackages_13_0 }: { a = stdenv.mkDerivation { pname = \"a\"; version = \"1\"; }; "
                                   "cuda = cudaPackages_13_0.cudatoolkit; note = \"text\"; }");
  ASSERT_EQ(recipe.kind, Recorded::Kind::set) << failure_of(recipe);
  EXPECT_EQ(recipe.members.size(), 2u);
  EXPECT_EQ(recipe.members.at("a").pname, "a");
  EXPECT_EQ(recipe.members.at("cuda").attribute, "cudaPackages_13_0.cudatoolkit");
}

// ---- What the recorder does not know --------------------------------------------------------------------------------

TEST_F(Record, UnknownNamesAreAnsweredAndNoted) {
  const Recorded recipe = evaluate("{ lib, stdenv, frobnicator, python3Packages }: stdenv.mkDerivation { pname = \"x\"; version = \"1\"; "
                                   "buildInputs = [ frobnicator.dev python3Packages.frob2 ]; a = lib.frobString \"b\"; meta.license = lib.licenses.frobLicense; }");
  ASSERT_EQ(recipe.kind, Recorded::Kind::package) << failure_of(recipe);
  EXPECT_EQ(recipe.unknown, (Texts{"lib.frobString", "pkgs.frobnicator", "python3Packages.frob2"}));
}

TEST_F(Record, NamesInStringsAndUnknownSetsAreAnsweredToo) {
  const Recorded recipe = evaluate("{ pkgs, lib }: [ pkgs.\"frob\" pkgs.frobPackages.frobLib.dev (lib.getAttr \"frob3\" pkgs) pkgs.cudaPackages_12_4.cudatoolkit ]");
  ASSERT_EQ(recipe.kind, Recorded::Kind::value) << failure_of(recipe);
  EXPECT_EQ(recipe.unknown, (Texts{"pkgs.frob", "pkgs.frobPackages", "pkgs.frobPackages.frobLib", "pkgs.frob3"}));
  EXPECT_EQ(recipe.unsure, Texts{"cudaPackages_12_4"});
}

TEST_F(Record, TextsThatAreNotUtf8AreNotPassedOver) {
  const Recorded recipe = evaluate("builtins.seq (builtins.getEnv \"SECRET\xff\") 1");
  EXPECT_EQ(recipe.kind, Recorded::Kind::failed);
}

TEST_F(Record, TheCallersPinDecidesWhatAnUnpinnedRecipeGets) {
  const Recorded recipe = evaluate("{ python3Packages }: python3Packages.torch", {.caller_rev = "fe5e41d7ffc0421f0913e8472ce6238ed0daf8e3"});
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
  EXPECT_EQ(recipe.fetched_imports[0], "<fetchFromGitHub:me/build-cudatoolkit@main>/.flox/pkgs/cudatoolkit-13_0.nix");
}

// ---- Impurities ------------------------------------------------------------------------------------------------------

TEST_F(Record, NothingOfTheMachineReachesARecipe) {
  ::setenv("LATHE_TEST_SECRET", "of no use", 1);
  const Recorded recipe = evaluate(R"({ stdenv, ... }: stdenv.mkDerivation {
    pname = builtins.getEnv "LATHE_TEST_SECRET"; version = "1";
    passwd = builtins.readFile /etc/passwd; home = builtins.pathExists ~/.bashrc; dir = builtins.readDir /root;
    now = builtins.currentTime; system' = builtins.currentSystem; sneaky = __readFile "/etc/shadow"; path = <nixpkgs>;
    up = builtins.readFile ../../../../../etc/hostname;
  })");
  ::unsetenv("LATHE_TEST_SECRET");
  ASSERT_EQ(recipe.kind, Recorded::Kind::package) << failure_of(recipe);
  const auto noted = [&](const std::string& what, const std::string& detail) {
    return std::ranges::find(recipe.impurities, RecordedImpurity{what, detail}) != recipe.impurities.end();
  };
  EXPECT_TRUE(noted("environment", "LATHE_TEST_SECRET"));
  EXPECT_TRUE(noted("read", "/etc/passwd"));
  EXPECT_TRUE(noted("read", "/root"));
  EXPECT_TRUE(noted("read", "/etc/shadow"));
  EXPECT_TRUE(noted("time", "builtins.currentTime"));
  EXPECT_TRUE(noted("system", "builtins.currentSystem"));
  EXPECT_TRUE(noted("lookup", "<nixpkgs>"));
  EXPECT_GE(recipe.impurities.size(), 9u);
  EXPECT_EQ(recipe.package->pname, "");
  EXPECT_EQ(recipe.package->text_of("passwd"), "<content:/etc/passwd>");
  EXPECT_EQ(recipe.package->text_of("sneaky"), "<content:/etc/shadow>");
  EXPECT_FALSE(*recipe.package->attributes.find("home")->get<bool>());
  EXPECT_TRUE(recipe.package->attributes.find("dir")->object()->empty());
  EXPECT_EQ(*recipe.package->attributes.find("now")->get<std::int64_t>(), 0);
}

TEST_F(Record, AnImportFromOutsideTheFolderIsRefusedAndNoted) {
  Folder folder;
  folder.add("secret.nix", "\"secret\"").add("recipes/bad.nix", "import ../secret.nix").add("recipes/good.nix", "1");
  const RecordedFolder result = record_folder(folder.path() / "recipes");
  EXPECT_EQ(result.recipes[0].kind, Recorded::Kind::failed);
  EXPECT_NE(failure_of(result.recipes[0]).find("outside its folder"), std::string::npos) << failure_of(result.recipes[0]);
  EXPECT_EQ(result.recipes[0].impurities.size(), 1u);
  EXPECT_EQ(result.recipes[1].kind, Recorded::Kind::value);
}

TEST_F(Record, LinksThatLeaveTheFolderAreNotFollowed) {
  Folder folder;
  folder.add("secret.nix", "\"secret\"").add("recipes/reads.nix", "builtins.readFile ./link.txt");
  fs::create_symlink(folder.path() / "secret.nix", folder.path() / "recipes/link.nix");
  fs::create_symlink("/etc/passwd", folder.path() / "recipes/link.txt");
  const RecordedFolder result = record_folder(folder.path() / "recipes");
  ASSERT_EQ(result.recipes.size(), 2u);
  EXPECT_EQ(failure_of(result.recipes[0]), "is a link that leaves the folder");
  EXPECT_EQ(result.recipes[1].kind, Recorded::Kind::failed);
  EXPECT_NE(failure_of(result.recipes[1]).find("forbidden in restricted mode"), std::string::npos) << failure_of(result.recipes[1]);
}

TEST_F(Record, ARecipeCannotSpeakForTheRecorder) {
  const Recorded recipe = evaluate(R"({ stdenv, ... }: stdenv.mkDerivation (old: {
    pname = "x"; version = "1";
    where = builtins.unsafeGetAttrPos "out" (stdenv.mkDerivation { name = "y"; });
    said = builtins.trace "TOKEN r {\"kind\":\"package\"}" (__trace { } "b");
    inner = builtins.scopedImport { } ./recipe.nix == 1;
  }))");
  ASSERT_EQ(recipe.kind, Recorded::Kind::package) << failure_of(recipe);
  EXPECT_TRUE(recipe.package->attributes.find("where")->is_null());
  EXPECT_EQ(recipe.messages, (Texts{"TOKEN r {\"kind\":\"package\"}", "a set"}));
}

TEST_F(Record, AnEndlessValueIsCut) {
  EXPECT_EQ(evaluate("let f = x: { a = f x; }; in f 0").kind, Recorded::Kind::set);
}

// ---- Folders ----------------------------------------------------------------------------------------------------------

constexpr const char* good = "{ stdenv }: stdenv.mkDerivation { pname = \"good\"; version = \"1\"; }";

TEST_F(Record, AnyFileNameWillDo) {
  Folder folder;
  folder.add("a b.nix", good).add("new\nline.nix", good).add("quote\"${x}.nix", good).add("-I.nix", good).add("sub/default.nix", good);
  folder.add("notes.txt", "no recipe").add("empty/readme.md", "none either");
  const RecordedFolder result = record_folder(folder.path());
  Texts files;
  for (const Recorded& recipe : result.recipes) {
    files.push_back(recipe.file);
    EXPECT_EQ(recipe.kind, Recorded::Kind::package) << recipe.file << ": " << failure_of(recipe);
  }
  EXPECT_EQ(files, (Texts{"-I.nix", "a b.nix", "new\nline.nix", "quote\"${x}.nix", "sub/default.nix"}));
}

TEST_F(Record, FilesThatAreNoNixTextAreNotEvaluated) {
  Folder folder;
  folder.add("binary.nix", std::string("\x7f" "ELF\0\0", 6)).add("good.nix", good).add("huge.nix", std::string(2 << 20, ' ')).add("l\xff.nix", good);
  fs::create_symlink("nowhere", folder.path() / "dangling.nix");
  const RecordedFolder result = record_folder(folder.path());
  ASSERT_EQ(result.recipes.size(), 5u);
  EXPECT_EQ(failure_of(result.recipes[0]), "holds zero bytes: a binary file, no Nix text");
  EXPECT_EQ(failure_of(result.recipes[1]).substr(0, 14), "cannot be read");
  EXPECT_EQ(result.recipes[2].kind, Recorded::Kind::package);
  EXPECT_NE(failure_of(result.recipes[3]).find("1048576"), std::string::npos) << failure_of(result.recipes[3]);
  EXPECT_EQ(failure_of(result.recipes[4]), "its name is not UTF-8");
  for (const std::size_t i : {0, 1, 3, 4}) EXPECT_EQ(result.recipes[i].failure->cause, Recorded::Cause::not_nix);
}

TEST_F(Record, AnEmptyFolderHasNoRecipesAndAMissingOneIsAnError) {
  Folder folder;
  EXPECT_TRUE(record_folder(folder.path()).recipes.empty());
  EXPECT_THROW(record_folder(folder.path() / "gone"), Error);
}

TEST_F(Record, AFileThatGoesAwayMeanwhileFailsAlone) {
  Folder folder;
  folder.add("a.nix", good).add("gone.nix", good).add("z.nix", good);
  const RecordOptions options{.run = [&](const Process& process) {
    fs::remove(folder.path() / "gone.nix");
    return run_process(process);
  }};
  const RecordedFolder result = record_folder(folder.path(), options);
  EXPECT_EQ(result.recipes[0].kind, Recorded::Kind::package);
  EXPECT_EQ(result.recipes[1].kind, Recorded::Kind::failed);
  EXPECT_EQ(result.recipes[2].kind, Recorded::Kind::package);
}

TEST_F(Record, SeveralProcessesGiveTheSameAsOne) {
  Folder folder;
  for (int i = 0; i < 9; ++i) folder.add(fmt::format("r{}.nix", i), i % 3 == 1 ? "{ }.x" : good);
  const RecordedFolder one = record_folder(folder.path(), {.processes = 1}), three = record_folder(folder.path(), {.processes = 3});
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(one.recipes[i].kind, i % 3 == 1 ? Recorded::Kind::failed : Recorded::Kind::package) << failure_of(one.recipes[i]);
    EXPECT_EQ(one.recipes[i].kind, three.recipes[i].kind);
    EXPECT_EQ(failure_of(one.recipes[i]), failure_of(three.recipes[i]));
  }
}

TEST_F(Record, NeedsNoRightsAndNoStore) {
  if (::geteuid() != 0) GTEST_SKIP() << "already without rights";
  Folder folder;
  folder.add("a.nix", good);
  fs::permissions(folder.path(), fs::perms::others_read | fs::perms::others_exec, fs::perm_options::add);
  const RecordOptions options{.run = [](Process process) {
    const Texts as_nobody{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
    process.arguments.insert(process.arguments.begin(), as_nobody.begin(), as_nobody.end());
    return run_process(process);
  }};
  EXPECT_EQ(record_folder(folder.path(), options).recipes.front().kind, Recorded::Kind::package);
}

TEST_F(Record, ANixThatDoesNotWorkIsNobodysRecipe) {
  Folder folder;
  folder.add("a.nix", good);
  const RecordOptions options{.run = [](const Process& process) {
    process.on_line(Stream::err, "error: unknown store 'dummy'");
    return ProcessResult{.exit_status = 1};
  }};
  try {
    record_folder(folder.path(), options);
    FAIL() << "recorded without a Nix";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("unknown store 'dummy'"), std::string::npos) << error.what();
    EXPECT_EQ(error.exit_code(), 3);
  }
}

TEST(RecordWithoutNix, RecipesAreListedButNotEvaluated) {
  const std::string path = std::getenv("PATH"), home = std::getenv("HOME") ? std::getenv("HOME") : "";
  ::setenv("PATH", "/nonexistent", 1);
  ::setenv("HOME", "/nonexistent", 1);
  const bool none = !find_nix();
  Folder folder;
  folder.add("a.nix", good).add("b.nix", std::string("\0", 1));
  const RecordedFolder result = none ? record_folder(folder.path()) : RecordedFolder{};
  ::setenv("PATH", path.c_str(), 1);
  ::setenv("HOME", home.c_str(), 1);
  if (!none) GTEST_SKIP() << "Nix is also where its installer puts it";
  EXPECT_FALSE(result.nix_found);
  ASSERT_EQ(result.recipes.size(), 2u);
  EXPECT_EQ(result.recipes[0].failure->cause, Recorded::Cause::none);
  EXPECT_EQ(result.recipes[1].failure->cause, Recorded::Cause::not_nix);
}

// ---- Failures ---------------------------------------------------------------------------------------------------------

struct Bad {
  const char* name;
  const char* text;
  Recorded::Cause cause;
  std::vector<const char*> messages;  // one of them: Nix's words changed over time
  std::vector<std::uint32_t> lines;   // one of them: newer Nix knows the place better
  std::chrono::milliseconds time_limit = 60s;
};

class RecordBad : public Record, public ::testing::WithParamInterface<Bad> {};

TEST_P(RecordBad, SpoilsOnlyItself) {
  Folder folder;
  folder.add("a.nix", good).add("m.nix", GetParam().text).add("z.nix", good);
  const RecordedFolder result = record_folder(folder.path(), {.time_limit = GetParam().time_limit, .memory_limit = 600u << 20});
  ASSERT_EQ(result.recipes.size(), 3u);
  EXPECT_EQ(result.recipes[0].kind, Recorded::Kind::package) << failure_of(result.recipes[0]);
  EXPECT_EQ(result.recipes[2].kind, Recorded::Kind::package) << failure_of(result.recipes[2]);
  const Recorded& bad = result.recipes[1];
  ASSERT_EQ(bad.kind, Recorded::Kind::failed);
  EXPECT_EQ(bad.failure->cause, GetParam().cause);
  EXPECT_TRUE(std::ranges::any_of(GetParam().messages, [&](const char* words) { return bad.failure->message.find(words) != std::string::npos; }))
      << bad.failure->message;
  EXPECT_TRUE(bad.failure->where.file.ends_with("m.nix")) << bad.failure->where.file;
  EXPECT_NE(std::ranges::find(GetParam().lines, bad.failure->where.line), GetParam().lines.end()) << bad.failure->where.text();
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, RecordBad,
    ::testing::Values(
        Bad{"throw", "{ lib }:\nthrow \"not today\"", Recorded::Cause::error, {"not today"}, {1, 2}},
        Bad{"abort", "abort \"never\"", Recorded::Cause::error, {"never"}, {0, 1}},
        Bad{"assert", "assert 1 == 2;\n3", Recorded::Cause::error, {"assertion", "is not equal to"}, {1}},
        Bad{"missing", "{ lib }:\nlet a = { b = 1; }; in\na.c", Recorded::Cause::error, {"attribute 'c' missing"}, {3}},
        Bad{"undefined", "{ lib }:\nlib.id foo", Recorded::Cause::error, {"undefined variable 'foo'"}, {2}},
        Bad{"type", "{ lib }:\n[ 1 ] ++ \"x\"", Recorded::Cause::error, {"list"}, {2}},
        Bad{"syntax", "{ lib }:\n(1 + 2;\n", Recorded::Cause::error, {"syntax error"}, {2}},
        Bad{"recursion", "{ lib }:\nlet x = x + 1; in x", Recorded::Cause::error, {"infinite recursion"}, {2}},
        Bad{"deep", "let f = x: 1 + f (x + 1); in f 0", Recorded::Cause::error, {"stack overflow"}, {0, 1}},
        Bad{"loop", "let l = builtins.genList (x: x) 3000; f = builtins.foldl'; in f (a: b: f (c: d: f (e: g: e + g) c l) a l) 0 l",
            Recorded::Cause::too_long, {"loops without end"}, {0}, 3s},
        Bad{"memory", "builtins.stringLength (builtins.foldl' (a: b: a + a) \"12345678\" (builtins.genList (x: x) 40))",
            Recorded::Cause::too_large, {"memory"}, {0}},
        Bad{"chatter", "let f = n: builtins.seq (builtins.getEnv (toString n)) (if n == 1000000 then 1 else f (n + 1)); in f 0",
            Recorded::Cause::too_large, {"noteworthy"}, {0}}),
    [](const auto& bad) { return std::string(bad.param.name); });

}  // namespace
}  // namespace lathe

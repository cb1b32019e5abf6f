// SPDX-License-Identifier: MIT
// Whole folders against a matrix, evaluated by the real Nix.
#include "audit/audit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "audit/apply.h"
#include "audit/plan.h"
#include "audit/print.h"
#include "audit/rules/rule.h"
#include "base/error.h"
#include "base/json.h"
#include "matrix/expand.h"
#include "nix/nix.h"
#include "os/file.h"
#include "testing/scratch_folder.h"
#include "recipe/write.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view small_matrix = R"([matrix]
name = "small"
[nixpkgs.main]
rev = "6a030d535719c5190187c4cec156f335e95e3211"
[pytorch."2.10.0"]
hash = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ="
[[build]]
pytorch = "2.10.0"
python = "3.13"
cuda = "13.0"
gpus = ["9.0", "12.0"]
isas = ["avx2"]
[[build]]
kind = "cpu"
pytorch = "2.10.0"
python = "3.13"
isas = ["avx2"]
)";

class FolderAudit : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!find_nix()) GTEST_SKIP() << "no Nix on this machine";
    write_recipes(spec_, expand(spec_), folder_, {});
  }

  void write(const std::string& name, const std::string& text) { scratch_.write(name, text); }
  Audit audit(const AuditOptions& options = {}) const { return audit_folder(folder_, spec_, options); }
  static const AuditedRecipe& recipe(const Audit& audit, const std::string& file) {
    const auto found = std::ranges::find(audit.recipes, file, &AuditedRecipe::file);
    if (found == audit.recipes.end()) throw std::runtime_error("no " + file);
    return *found;
  }
  static bool has(const AuditedRecipe& recipe, std::string_view rule) {
    return std::ranges::any_of(recipe.findings, [&](const Finding& finding) { return finding.rule == rule; });
  }

  MatrixSpec spec_ = parse_matrix(small_matrix, "matrix.toml");
  const testing::ScratchFolder scratch_;
  const fs::path folder_ = scratch_.path();
  const std::string cpu_ = "pytorch-python313-cpu-avx2.nix",
                    h100_ = "pytorch-python313-cuda13_0-sm90-avx2.nix";
};

TEST_F(FolderAudit, WhatGenerateWritesIsKept) {
  const Audit result = audit();
  EXPECT_EQ(result.summary.keep, 3u);
  EXPECT_EQ(result.summary.changes(), 0u);
  EXPECT_EQ(result.count(Severity::error), 0u);
}

TEST_F(FolderAudit, AnEqualRecipeUnderAnotherNameIsACopy) {
  fs::copy_file(folder_ / h100_, folder_ / "pytorch-python313-cuda13_0-sm90-avx2-magma.nix");
  const Audit result = audit();
  const AuditedRecipe& copy = recipe(result, "pytorch-python313-cuda13_0-sm90-avx2-magma.nix");
  EXPECT_EQ(copy.verdict, Verdict::remove);
  EXPECT_EQ(copy.reason, "redundant copy of pytorch-python313-cuda13_0-sm90-avx2");
  EXPECT_TRUE(has(copy, "name-suffix"));
  EXPECT_TRUE(has(copy, "duplicate"));
  EXPECT_TRUE(has(copy, "pname-collision"));
}

TEST_F(FolderAudit, ARightRecipeUnderAnOddNameIsRenamed) {
  fs::rename(folder_ / h100_, folder_ / "pytorch-python313-cuda13_0-sm90-avx2-magma.nix");
  const Audit result = audit();
  EXPECT_EQ(recipe(result, "pytorch-python313-cuda13_0-sm90-avx2-magma.nix").verdict, Verdict::rename);
  const Plan plan = make_plan(result, spec_);
  ASSERT_EQ(plan.edits.size(), 1u);
  EXPECT_EQ(plan.edits[0].file, h100_);
  EXPECT_EQ(plan.edits[0].new_content, plan.edits[0].old_content);
  EXPECT_EQ(result.summary.create, 0u);
}

TEST_F(FolderAudit, AWrapperIsACopyOfWhatItWraps) {
  write("wrapper.nix", "{ lib }: import ./" + h100_ + " { }");
  const AuditedRecipe wrapper = recipe(audit(), "wrapper.nix");
  EXPECT_EQ(wrapper.verdict, Verdict::remove);
  EXPECT_EQ(wrapper.reason, "redundant copy of pytorch-python313-cuda13_0-sm90-avx2");
  EXPECT_TRUE(has(wrapper, "duplicate"));
}

TEST_F(FolderAudit, WhatAWantedRecipeImportsIsNotDeleted) {
  fs::rename(folder_ / h100_, folder_ / "pytorch-base.nix");
  write(h100_, "import ./pytorch-base.nix");
  const Audit result = audit();
  EXPECT_EQ(recipe(result, h100_).verdict, Verdict::keep);
  EXPECT_EQ(recipe(result, "pytorch-base.nix").verdict, Verdict::outside);
}

TEST_F(FolderAudit, OtherPackagesAreLeftAlone) {
  write("opencv.nix", "{ stdenv }: stdenv.mkDerivation { pname = \"opencv\"; version = \"4\"; }");
  write("torchvision-python313-cpu-avx2.nix", "{ python3Packages }: python3Packages.torchvision");
  const Audit result = audit();
  EXPECT_EQ(result.summary.outside, 2u);
  EXPECT_EQ(result.summary.changes(), 0u);
}

TEST_F(FolderAudit, WhatNoVariantWantsIsDeletedWithAReason) {
  write("pytorch-python313-cuda13_0-sm86-avx.nix", "{ python3Packages }: python3Packages.torch");
  const AuditedRecipe extra = recipe(audit(), "pytorch-python313-cuda13_0-sm86-avx.nix");
  EXPECT_EQ(extra.verdict, Verdict::remove);
  EXPECT_TRUE(extra.reason.starts_with("no variant of the matrix has this name")) << extra.reason;
}

TEST_F(FolderAudit, OverlaysModulesAndFlakesAreNoRecipes) {
  write("overlay.nix", "final: prev: { magma = prev.magma; }");
  write("pytorch-overlay.nix", "final: prev: { magma = prev.magma; }");
  write("flake.nix", "{ inputs.nixpkgs.url = \"nixpkgs\"; outputs = { self, nixpkgs }: { }; }");
  write("module.nix",
        "{ config, lib, pkgs, ... }: { options = { }; config = lib.mkIf config.services.x.enable { }; }");
  const Audit result = audit();
  EXPECT_EQ(result.summary.outside, 4u);
  EXPECT_EQ(result.summary.changes(), 0u);
  EXPECT_EQ(result.count(Severity::error), 0u);
}

TEST_F(FolderAudit, RecipesForOtherBackendsAreLeftAlone) {
  write("pytorch-python313-rocm6-gfx942-avx2.nix", "{ python3Packages }: python3Packages.torchWithRocm");
  write(
      "pytorch-rock.nix",
      "{ python313Packages }: python313Packages.torch.override { rocmSupport = true; cudaSupport = false; }");
  write("pytorch-python313-mps.nix", "{ python3Packages }: python3Packages.torch");
  write("pytorch-mac.nix",
        "{ python3Packages }: python3Packages.torch.overrideAttrs (o: { meta = o.meta // { platforms = [ "
        "\"aarch64-darwin\" ]; }; })");
  write("pytorch-xpu.nix",
        "{ python3Packages }: python3Packages.torch.overrideAttrs { preConfigure = \"export USE_XPU=1\"; }");
  const Audit result = audit();
  EXPECT_EQ(result.summary.outside, 5u);
  EXPECT_EQ(result.summary.changes(), 0u);
}

// By what they evaluate to: their names say nothing.
TEST_F(FolderAudit, OtherBackendsAreKnownByWhatIsBuilt) {
  const std::string pin =
      "import (fetchTarball "
      "\"https://github.com/NixOS/nixpkgs/archive/6a030d535719c5190187c4cec156f335e95e3211.tar.gz\")";
  const std::string change = "{ python3Packages, lib }: python3Packages.torch.overrideAttrs (o: ";
  const std::map<std::string, std::pair<std::string, std::string>> recipes = {
      {"pytorch-a.nix", {"ROCm", "(" + pin + " { config.rocmSupport = true; }).python313Packages.torch"}},
      {"pytorch-b.nix", {"ROCm", "(" + pin + " { }).pkgsRocm.python313Packages.torch"}},
      {"pytorch-c.nix", {"ROCm", change + "{ PYTORCH_ROCM_ARCH = \"gfx1100\"; })"}},
      {"pytorch-d.nix", {"ROCm", change + "{ env = o.env or { } // { USE_ROCM = \"ON\"; }; })"}},
      {"pytorch-e.nix", {"ROCm", change + "{ cmakeFlags = [ \"-DUSE_ROCM:BOOL=TRUE\" ]; })"}},
      {"pytorch-f.nix", {"XPU", change + "{ USE_XPU = \"ON\"; })"}},
      {"pytorch-g.nix", {"XPU", change + "{ preConfigure = \"export TORCH_XPU_ARCH_LIST=pvc\"; })"}},
      {"pytorch-h.nix", {"Apple's GPUs", change + "{ env.USE_MPS = \"1\"; })"}},
      {"pytorch-i.nix", {"Darwin", "(" + pin + " { system = \"aarch64-darwin\"; }).python313Packages.torch"}},
      {"pytorch-j.nix",
       {"Darwin", "(" + pin + " { localSystem.config = \"x86_64-apple-darwin\"; }).python313Packages.torch"}},
      {"pytorch-k.nix", {"Darwin", change + "{ meta = o.meta // { platforms = lib.platforms.darwin; }; })"}},
      {"pytorch-l.nix", {"Darwin", change + "{ preConfigure = \"export MACOSX_DEPLOYMENT_TARGET=14.0\"; })"}},
      {"pytorch-m.nix",
       {"ROCm",
        "{ stdenv, rocmPackages }: stdenv.mkDerivation { pname = \"m\"; version = \"2\"; USE_ROCM = 1; "
        "buildInputs = [ rocmPackages.clr ]; }"}}};
  for (const auto& [name, expected] : recipes) write(name, expected.second);
  const Audit result = audit();
  for (const auto& [name, expected] : recipes) {
    EXPECT_EQ(recipe(result, name).verdict, Verdict::outside) << name;
    EXPECT_EQ(recipe(result, name).reason, "is for " + expected.first + ", which a matrix cannot describe")
        << name;
  }
  EXPECT_EQ(result.summary.changes(), 0u);
}

TEST_F(FolderAudit, WhatIsNotUnderstoodIsNotDeletedWhateverItIsCalled) {
  write("pytorch-shell.nix",
        "{ mkShell, python3Packages }: mkShell { packages = [ python3Packages.torch ]; }");
  write("pytorch-bin.nix", "{ python3Packages }: python3Packages.torch-bin");
  write("pytorch-env.nix", "{ python3 }: python3.withPackages (p: [ p.torch ])");
  write("pytorch-vulkan.nix",
        "{ python3Packages }: python3Packages.torch.override { vulkanSupport = true; }");
  write("pytorch-mine.nix",
        "{ python3Packages }: python3Packages.torch.overrideAttrs { buildPhase = \"make\"; }");
  write("pytorch-lines.nix",
        "{ python3Packages }: python3Packages.torch.overrideAttrs (o: { preConfigure = o.preConfigure + "
        "\"sed -i s/a/b/ setup.py\"; })");
  write("pytorch-broken.nix",
        "{ python3Packages }: python3Packages.torch.override { inherit (throw \"no\") x; }");
  const Audit result = audit();
  EXPECT_EQ(result.summary.outside, 7u);
  EXPECT_EQ(result.summary.changes(), 0u);
  for (const AuditedRecipe& each : result.recipes) EXPECT_NE(each.verdict, Verdict::remove) << each.file;
}

TEST_F(FolderAudit, WhatNobodyHasReadIsNotDeleted) {
  const std::string name = "pytorch-python313-cuda13_0-sm86-avx.nix";
  write(name, "{ python313Packages }: python313Packages.torch.overrideAttrs { buildPhase = \"make\"; }");
  EXPECT_EQ(recipe(audit(), name).verdict, Verdict::outside);
}

TEST_F(FolderAudit, ARecipeThatLooksForTheAuditIsTwoFaced) {
  fs::rename(folder_ / h100_, folder_ / "pytorch-base.nix");
  write(h100_,
        "let E = import ./pytorch-base.nix { }; in if builtins.getEnv \"HOME\" == \"\" then E else "
        "E.overrideAttrs { buildPhase = \"make\"; }");
  const Audit result = audit();
  EXPECT_EQ(recipe(result, h100_).verdict, Verdict::rewrite);
  EXPECT_TRUE(has(recipe(result, h100_), "two-faced"));
}

// Beside the right recipe: what these rules say of it, changed in one thing.
TEST_F(FolderAudit, WhatIsRightInARealRecipeIsNoFinding) {
  const auto findings_of = [&](const char* from, const char* to) {
    std::string text = read_file(folder_ / h100_);
    const std::size_t at = text.find(from);
    if (at == std::string::npos) throw std::runtime_error(from);
    write(h100_, text.replace(at, std::string_view(from).size(), to));
    return recipe(audit(), h100_);
  };
  EXPECT_FALSE(has(findings_of("    \"-mavx2\"\n", "    \"-march=x86-64-v3\"\n"), "isa-excess"));
  const AuditedRecipe local = findings_of("    \"-march=x86-64-v3\"\n    \"-mfma\"\n    \"-mf16c\"\n", "");
  EXPECT_TRUE(has(local, "isa-missing"));
  EXPECT_FALSE(has(findings_of("system = \"x86_64-linux\";",
                               "localSystem = { system = \"x86_64-linux\"; gcc.arch = \"x86-64-v3\"; };"),
                   "isa-missing"));
}

TEST_F(FolderAudit, ThePlanBringsWhatExtraNames) {
  const testing::ScratchFolder beside;
  beside.write("patches/a.patch", "--- a/x\n");
  beside.write("b.patch", "--- a/y\n");
  const MatrixSpec spec = parse_matrix(
      std::string(small_matrix) +
          "[extra]\nnix = 'patches = old.patches ++ [ ./patches/a.patch ./b.patch ./gone.patch ];'\n",
      (beside.path() / "matrix.toml").string());
  write("b.patch", "--- a/z\n");
  const auto plan = [&] { return make_plan(audit_folder(folder_, spec, {}), spec); };
  const Plan first = plan();
  ASSERT_EQ(first.beside, 2u);
  EXPECT_EQ(first.edits[0].file, "b.patch");
  EXPECT_EQ(first.edits[0].kind, Verdict::rewrite);
  EXPECT_EQ(first.edits[0].old_content, "--- a/z\n");
  EXPECT_EQ(first.edits[1].file, "patches/a.patch");
  EXPECT_EQ(first.edits[1].kind, Verdict::create);
  EXPECT_EQ(first.summary.rewrite, 3u);  // of recipes only
  apply_plan(first, folder_);
  EXPECT_EQ(read_file(folder_ / "patches/a.patch"), "--- a/x\n");
  EXPECT_EQ(read_file(folder_ / "b.patch"), "--- a/y\n");
  EXPECT_TRUE(plan().edits.empty());
}

TEST_F(FolderAudit, BrokenFilesAreRewrittenWhereTheyAreWanted) {
  write(h100_, "{ lib }: (1 + (2");
  write(cpu_, std::string("\0\1\2", 3));
  const Audit result = audit();
  EXPECT_EQ(recipe(result, h100_).verdict, Verdict::rewrite);
  EXPECT_TRUE(has(recipe(result, h100_), "syntax"));
  EXPECT_EQ(recipe(result, cpu_).verdict, Verdict::rewrite);
  EXPECT_TRUE(has(recipe(result, cpu_), "syntax"));
}

TEST_F(FolderAudit, NamesWithBlanksAndLineEndsAreNamesToo) {
  write("pytorch-python313 odd\nname.nix", "1");
  EXPECT_EQ(recipe(audit(), "pytorch-python313 odd\nname.nix").verdict, Verdict::outside);
}

TEST_F(FolderAudit, StrictLooksAtWarningsButNeverRewritesWhatGenerateWrote) {
  std::string text = read_file(folder_ / h100_);
  EXPECT_EQ(audit({.strict = true, .record = {}}).summary.changes(), 0u);
  text.insert(text.find("    preConfigure ="), "    ninjaFlags = [ \"-j3\" ];\n");
  write(h100_, text);
  EXPECT_EQ(audit().summary.changes(), 0u);
  EXPECT_EQ(audit({.strict = true, .record = {}}).summary.rewrite, 1u);
}

TEST_F(FolderAudit, ASilencedRuleIsCountedAndNotReported) {
  MatrixSpec spec =
      parse_matrix(std::string(small_matrix) +
                       "[[silence]]\nrule = \"pin-hash\"\nreason = \"a mirror\"\nname = \"*-cpu-*\"\n",
                   "matrix.toml");
  const Audit result = audit_folder(folder_, spec);
  EXPECT_FALSE(has(recipe(result, cpu_), "pin-hash"));
  EXPECT_EQ(recipe(result, cpu_).silenced, 1u);
  EXPECT_TRUE(has(recipe(result, h100_), "pin-hash"));
}

TEST_F(FolderAudit, SilencingARuleThatDoesNotExistIsAnError) {
  MatrixSpec spec = parse_matrix(
      std::string(small_matrix) + "[[silence]]\nrule = \"pin-hush\"\nreason = \"a mirror\"\n", "matrix.toml");
  EXPECT_THROW(audit_folder(folder_, spec), Error);
}

TEST_F(FolderAudit, AFolderThatIsNotThereIsAllToCreate) {
  const Audit result = audit_folder(folder_ / "none", spec_);
  EXPECT_EQ(result.summary.create, 3u);
}

TEST_F(FolderAudit, JsonAndSarifAreWellFormed) {
  write(h100_, "{ lib }: (1 + (2");
  const Audit result = audit();
  const Json json = parse_json(audit_json(result), "json");
  EXPECT_EQ(json.find("recipes")->array()->size(), 3u);
  const Json sarif = parse_json(audit_sarif(result), "sarif");
  EXPECT_EQ(sarif.text_of("version"), "2.1.0");
}

TEST(AuditRules, HaveNamesOfTheirOwnAndSayWhatToDo) {
  std::vector<std::string_view> names;
  for (const Rule& rule : rules()) {
    EXPECT_EQ(std::ranges::count(names, rule.name), 0) << rule.name;
    names.push_back(rule.name);
    EXPECT_TRUE(rule.explanation.ends_with('.')) << rule.name;
    EXPECT_FALSE(rule.repair.empty()) << rule.name;
  }
}

TEST(AuditTotals, SayWhereAHandCountIsOff) {
  const AuditSummary sum{
      .keep = 1, .rewrite = 2, .rename = 0, .create = 41, .remove = 3, .outside = 0, .wanted = 44};
  EXPECT_TRUE(compare_totals(sum, {"keep=1", "wanted=44"}).empty());
  EXPECT_EQ(compare_totals(sum, {"create=43", "delete=4"}).size(), 2u);
  EXPECT_THROW(compare_totals(sum, {"create"}), Error);
  EXPECT_THROW(compare_totals(sum, {"create=x"}), Error);
}

}  // namespace
}  // namespace lathe

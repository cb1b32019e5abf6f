// SPDX-License-Identifier: MIT
// Recipe -> matrix -> recipe, by the real Nix: what people write (tests/nix/styles) evaluates to the same
// afterwards.
#include "audit/import/import.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/audit.h"
#include "audit/import/nix_value.h"
#include "audit/import/understood.h"
#include "base/finding.h"
#include "base/json.h"
#include "testing/test_paths.h"
#include "base/text.h"
#include "hardware/flags.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "nix/nix.h"
#include "nix/record.h"
#include "nix/shell_flags.h"
#include "os/file.h"
#include "testing/scratch_folder.h"
#include "recipe/extra_files.h"
#include "recipe/write.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

std::vector<fs::path> styles() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(testing::source_folder) / "tests/nix/styles"))
    files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

bool is_variable(std::string_view name) {
  return std::ranges::none_of(name, [](char c) { return c >= 'a' && c <= 'z'; });
}

Json without(const Json& set, const std::set<std::string>& names) {
  Json::Object rest;
  if (!set.object()) return set;
  for (const auto& [name, value] : *set.object()) {
    if (!names.contains(name)) rest.emplace_back(name, value);
  }
  return Json(Json::Value(rest));
}

// What one recipe is, as text: a line for each thing that a build depends on. Left out is what no build
// depends on: names, descriptions, the promise, leave to build (allowUnfree). And the way to a thing that is
// a line itself: whether override, nixpkgs' configuration or a phase names the GPUs (the build sees
// TORCH_CUDA_ARCH_LIST), CUDA, Python and packages; in what order flags stand; whether an attribute, `env`
// or a phase sets a variable.
class Portrait {
 public:
  Portrait(const Recorded& recorded, const std::string& folder) : folder_(folder) {
    if (!recorded.package) {
      lines_.insert("no package: " + (recorded.failure ? recorded.failure->message : ""));
      return;
    }
    const RecordedPackage& torch = *recorded.package;
    python_ = torch.attribute.substr(0, torch.attribute.rfind('.') + 1);
    add("override", without(torch.override_arguments, {"cudaSupport", "gpuTargets", "cudaPackages"}));
    add("config", without(recorded.pin()->config, {"allowUnfree", "allowUnfreePredicate", "allowBroken",
                                                   "cudaSupport", "packageOverrides"}));
    add("nixpkgs", recorded.pin()->arguments);
    lines_.insert("system " + recorded.pin()->system);
    add("packages", torch.values);
    for (const std::string& flag : recorded.pin()->machine_flags) machine_.push_back(flag);
    lines_.insert("cuda " + (torch.cuda ? torch.cuda->version : ""));
    lines_.insert("release " + torch.version + " source " +
                  replace_all(torch.source_text, python_, "python."));
    for (const auto& [name, value] : *torch.attributes.object()) attribute(torch, name, value);
    for (const auto& [name, value] : torch.environment) variable(name, value);
    for (const char* name : {"CXXFLAGS", "CFLAGS"})
      flags(name, torch.environment.contains(name) ? torch.environment.at(name) : "");
  }

  Words differences(const Portrait& other) const {
    Words result;
    std::ranges::set_symmetric_difference(lines_, other.lines_, std::back_inserter(result));
    return result;
  }

 private:
  static std::string joined(const Words& words) {
    std::string text;
    for (const std::string& word : words) text += word + ' ';
    return text;
  }

  void add(const std::string& name, const Json& value) {
    lines_.insert(replace_all(name + " = " + json_text(value, folder_), python_, "python."));
  }

  void attribute(const RecordedPackage& torch, const std::string& name, const Json& value) {
    static const std::set<std::string> names = {"pname", "name", "version", "src", "dontCheckPythonMetadata"};
    if (names.contains(name) || is_variable(name)) return;
    if (value.is_null() && !torch.original.find(name)) return;
    if (name == "passthru")
      return add(name, without(value, {"gpuArch", "cpuISA", "cudaCapabilities", "torchlathe"}));
    if (name == "meta") return add(name, without(value, {"description", "longDescription", "platforms"}));
    if (name == "env") return;
    if (name != "postPatch" && name != "preConfigure" && name != "preBuild") return add(name, value);
    for (const std::string& line : other_commands(torch.text_of(name))) {
      if (!is_known_shell_line(line)) lines_.insert(name + ": " + line);
    }
  }

  void variable(const std::string& name, const std::string& value) {
    if (!is_variable(name) || name == "CXXFLAGS" || name == "CFLAGS" || name == "CPATH") return;
    const bool limit = name == "MAX_JOBS" && value.find("< 8 ?") != std::string::npos;
    lines_.insert("$" + name + "=" + (limit ? "8" : value));
  }

  void flags(const std::string& name, const std::string& value) {
    Words words = machine_;
    for (const std::string& word : flag_words(value)) words.push_back(word);
    lines_.insert(name + " enables " + joined(features_of(words)));
    for (const std::string& word : words) {
      if (features_of(Words{word}).empty()) lines_.insert(name + " has " + word);
    }
  }

  std::string folder_, python_;
  Words machine_;
  std::set<std::string> lines_;
};

class Import : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!find_nix()) GTEST_SKIP() << "no Nix on this machine";
    fs::create_directories(before_);
  }

  static Portrait portrait(const fs::path& folder, const std::string& file) {
    return Portrait(record_files(folder, {file}, {.values = true}).recipes.front(),
                    fs::canonical(folder).string());
  }

  static std::map<std::string, Portrait> portraits(const fs::path& folder) {
    std::map<std::string, Portrait> all;
    for (const Recorded& recorded : record_folder(folder, {.values = true}).recipes)
      all.emplace(recorded.file, Portrait(recorded, fs::canonical(folder).string()));
    return all;
  }

  const testing::ScratchFolder scratch_;
  const fs::path before_ = scratch_.path() / "before", after_ = scratch_.path() / "after";
};

// All in one folder, each for the same variant: those that differ in what no matrix has a word for never
// merge.
TEST_F(Import, EveryStyleComesBackAsItWas) {
  ASSERT_GE(styles().size(), 40u);
  for (const fs::path& style : styles()) {
    const bool cpu = read_file(style).find("cuda12_8") == std::string::npos;
    const std::string variant = cpu ? "pytorch-python313-cpu-avx2" : "pytorch-python313-cuda12_8-sm90-avx2";
    fs::copy_file(style, before_ / (variant + "-" + style.stem().string() + ".nix"));
  }
  const Imported imported = import_folder(before_, "styles");
  EXPECT_EQ(imported.explained, styles().size());
  for (const Unexplained& each : imported.unexplained) ADD_FAILURE() << each.file << ": " << each.why;
  for (const char* kind : {"environment", "override", "config", "nixpkgs", "packages", "python", "cuda"}) {
    EXPECT_NE(imported.matrix.find(std::string("[override.extra.") + kind + "]"), std::string::npos) << kind;
  }
  EXPECT_NE(imported.matrix.find("[override.extra]\nnix = "), std::string::npos);

  const MatrixSpec spec = parse_matrix(imported.matrix, "imported.toml");
  const std::vector<Variant> variants = expand(spec);
  EXPECT_EQ(variants.size(), styles().size());
  write_recipes(spec, variants, after_, {});
  const auto old_ones = portraits(before_), new_ones = portraits(after_);
  for (const Variant& variant : variants) {
    const std::string old_file = variant.aliases.empty() ? variant.file() : variant.aliases.front() + ".nix";
    for (const std::string& line : old_ones.at(old_file).differences(new_ones.at(variant.file())))
      ADD_FAILURE() << old_file << ": " << line;
  }

  const Audit own = audit_folder(after_, spec), original = audit_folder(before_, spec);
  EXPECT_EQ(own.summary.keep, styles().size());
  for (const Audit* audit : {&own, &original}) {
    for (const AuditedRecipe& recipe : audit->recipes) {
      for (const Finding& finding : recipe.findings) {
        static const std::set<std::string_view> unread = {"not-understood", "shell-unknown", "extra",
                                                          "switched-off",   "two-faced",     "system"};
        EXPECT_FALSE(unread.contains(finding.rule))
            << recipe.file << (audit == &own ? " anew: " : ": ") << finding.what;
      }
    }
  }
}

// Alone, a recipe's settings are those of the whole matrix.
TEST_F(Import, AStyleAloneComesBackToo) {
  for (const char* style : {"all", "machine-cross", "overlay-nccl", "config-permissions"}) {
    const std::string file = "pytorch-python313-cuda12_8-sm90-avx2.nix";
    const fs::path before = before_ / style, after = after_ / style;
    fs::create_directories(before);
    fs::copy_file(fs::path(testing::source_folder) / "tests/nix/styles" / (std::string(style) + ".nix"),
                  before / file);
    const Imported imported = import_folder(before, "style");
    for (const Unexplained& each : imported.unexplained) ADD_FAILURE() << style << ": " << each.why;
    const MatrixSpec spec = parse_matrix(imported.matrix, "imported.toml");
    EXPECT_NE(imported.matrix.find("\n[extra"), std::string::npos) << imported.matrix;
    write_recipes(spec, expand(spec), after, {});
    EXPECT_EQ(portrait(before, file).differences(portrait(after, file)), Words{}) << style;
    EXPECT_EQ(audit_folder(after, spec).summary.keep, 1u) << style;
  }
}

// As the axis writes it; where the name does not say it, under that name.
TEST_F(Import, ALibraryOfLinearAlgebraComesBackAsItsAxis) {
  const std::string style = read_file(fs::path(testing::source_folder) / "tests/nix/styles/features.nix");
  const std::string text = replace_all(replace_all(style, "  __structuredAttrs = false;\n", ""),
                                       "  requiredSystemFeatures = [ \"big-parallel\" \"kvm\" ];\n", "");
  const std::string plain = "pytorch-python313-cuda12_8-sm90-avx2", mkl = plain + "-mkl",
                    open = plain + "-openblas";
  const auto linked_with = [&](const std::string& provider) {
    return replace_all(
        text, "cudaSupport = true;\n  gpuTargets",
        "cudaSupport = true;\n  blas = nixpkgs_pinned.blas.override { blasProvider = nixpkgs_pinned." +
            provider + "; };\n  gpuTargets");
  };
  ASSERT_NE(linked_with("mkl"), text);
  write_file_atomically(before_ / (mkl + ".nix"), replace_all(linked_with("mkl"), plain, mkl));
  write_file_atomically(before_ / (plain + ".nix"), linked_with("openblas"));
  const Imported imported = import_folder(before_, "blas");
  for (const Unexplained& each : imported.unexplained) ADD_FAILURE() << each.file << ": " << each.why;
  EXPECT_NE(imported.matrix.find("blas = [\"mkl\"]\n"), std::string::npos) << imported.matrix;
  EXPECT_NE(imported.matrix.find("blas = [\"openblas\"]\nname = \"" + plain + "\"\n"), std::string::npos);
  EXPECT_EQ(imported.matrix.find("[extra"), std::string::npos);
  const MatrixSpec spec = parse_matrix(imported.matrix, "imported.toml");
  write_recipes(spec, expand(spec), after_, {});
  for (const std::string& name : {mkl, plain}) {
    EXPECT_EQ(portrait(before_, name + ".nix").differences(portrait(after_, name + ".nix")), Words{}) << name;
  }
  EXPECT_EQ(audit_folder(before_, spec).summary.keep, 2u);
  EXPECT_EQ(audit_folder(after_, spec).summary.keep, 2u);
}

TEST_F(Import, OneInstructionSetWithTwoSetsOfFlagsKeepsBoth) {
  const std::string text = read_file(fs::path(testing::source_folder) / "tests/nix/styles/features.nix");
  const std::string first = "pytorch-python313-cuda12_8-sm90-avx2",
                    second = "pytorch-python313-cuda12_8-sm89-avx2";
  write_file_atomically(before_ / (first + ".nix"), text);
  const std::string other = replace_all(replace_all(replace_all(text, "\"9.0\"", "\"8.9\""), "sm90", "sm89"),
                                        "-mavx2 -mfma -mf16c", "-march=x86-64-v3");
  write_file_atomically(before_ / (second + ".nix"), other);
  const Imported imported = import_folder(before_, "flags");
  for (const Unexplained& each : imported.unexplained) ADD_FAILURE() << each.file << ": " << each.why;
  const MatrixSpec spec = parse_matrix(imported.matrix, "imported.toml");
  write_recipes(spec, expand(spec), after_, {});
  for (const std::string& name : {first, second}) {
    EXPECT_EQ(portrait(before_, name + ".nix").differences(portrait(after_, name + ".nix")), Words{})
        << imported.matrix;
  }
  EXPECT_NE(read_file(after_ / (second + ".nix")).find("-march=x86-64-v3"), std::string::npos);
  EXPECT_EQ(read_file(after_ / (first + ".nix")).find("-march=x86-64-v3"), std::string::npos);
}

TEST_F(Import, FilesThatARecipeNamesGoWithIt) {
  const std::string file = "pytorch-python313-cuda12_8-sm90-avx2.nix", patch = "patches/no-werror.patch";
  fs::copy_file(fs::path(testing::source_folder) / "tests/nix/styles/patches-file.nix", before_ / file);
  fs::create_directories(before_ / "patches");
  write_file_atomically(before_ / patch, "--- a/x\n+++ b/x\n");
  const Imported imported = import_folder(before_, "files");
  const fs::path matrix = scratch_.path() / "matrix/m.toml";
  fs::create_directories(matrix.parent_path());
  const MatrixSpec spec = parse_matrix(imported.matrix, matrix.string());
  EXPECT_EQ(extra_files(spec), (Words{patch})) << imported.matrix;
  EXPECT_EQ(missing_extra_files(spec, after_), (Words{patch}));
  EXPECT_EQ(copy_extra_files(spec, before_, matrix.parent_path()), (Words{patch}));
  EXPECT_EQ(copy_extra_files(spec, before_, matrix.parent_path()), Words{});
  write_recipes(spec, expand(spec), after_, {});
  EXPECT_EQ(read_file(after_ / patch), read_file(before_ / patch));
  EXPECT_EQ(missing_extra_files(spec, after_), Words{});
}

// Beside a style: what it has that the matrix does not ask for, or the other way round.
TEST_F(Import, TheAuditKnowsWhatTheMatrixAsksFor) {
  const std::string file = "pytorch-python313-cuda12_8-sm90-avx2.nix";
  fs::copy_file(fs::path(testing::source_folder) / "tests/nix/styles/all.nix", before_ / file);
  const MatrixSpec spec = parse_matrix(import_folder(before_, "all").matrix, "imported.toml");
  const std::string text = read_file(before_ / file);
  const auto rules_with = [&](const std::string& from, const std::string& to) {
    if (text.find(from) == std::string::npos) throw std::runtime_error(from);
    write_file_atomically(before_ / file, replace_all(text, from, to));
    std::set<std::string> rules;
    const Audit audit = audit_folder(before_, spec);
    for (const Finding& finding : audit.recipes.front().findings) {
      if (finding.severity == Severity::error) rules.insert(finding.rule);
    }
    return rules;
  };
  EXPECT_EQ(rules_with("x", "x"), (std::set<std::string>{}));
  for (const auto& [from, to] :
       {std::pair{"MPISupport = true;", ""}, std::pair{"MPISupport = true", "MPISupport = false"},
        std::pair{"gcc14Stdenv", "gcc13Stdenv"}, std::pair{"export BLAS=MKL", ""},
        std::pair{"BLAS=MKL", "BLAS=Eigen"}, std::pair{"[ nixpkgs_pinned.openmpi ]", "[ ]"},
        std::pair{"[ nixpkgs_pinned.openmpi ]", "[ nixpkgs_pinned.openmpi nixpkgs_pinned.mpich ]"},
        std::pair{"[ ./a.patch ]", "[ ./b.patch ]"}, std::pair{"[ ./a.patch ]", "[ ./a.patch ./b.patch ]"},
        std::pair{"[ \"all\" ]", "[ \"pie\" ]"}, std::pair{"\"mine\"", "\"yours\""},
        std::pair{"Xptxas -v", "Xptxas -O0"}}) {
    EXPECT_TRUE(rules_with(from, to).contains("extra")) << from << " -> " << to;
  }
  EXPECT_TRUE(rules_with("doCheck = false;", "installPhase = \"true\";").contains("not-understood"));
  EXPECT_TRUE(
      rules_with("export BLAS=MKL", "export BLAS=MKL\n    rm -rf third_party").contains("shell-unknown"));
}

// The recorder does not know what nixpkgs has in a package; the matrix must leave it there.
TEST_F(Import, WhatNixpkgsHasStaysInAPackageThatIsChanged) {
  const std::string file = "pytorch-python313-cuda12_8-sm90-avx2.nix";
  const std::string text = read_file(fs::path(testing::source_folder) / "tests/nix/styles/all.nix");
  const auto matrix_with = [&](const std::string& overlay) {
    write_file_atomically(
        before_ / file, replace_all(text, "overlays = [", "overlays = [ (final: prev: { " + overlay + " })"));
    const Imported imported = import_folder(before_, "m");
    for (const Unexplained& each : imported.unexplained) ADD_FAILURE() << overlay << ": " << each.why;
    return imported.matrix;
  };
  const auto expect = [&](const std::string& change, const std::string& expression) {
    const std::string matrix = matrix_with("openmpi = prev.openmpi." + change + ";");
    EXPECT_NE(matrix.find("pkgs.openmpi." + expression), std::string::npos) << change << "\n" << matrix;
  };
  expect("overrideAttrs (o: { configureFlags = [ \"a\" ] ++ (o.configureFlags or [ ]) ++ [ \"b\" ]; })",
         "overrideAttrs (old: { configureFlags = [ \\\"a\\\" ] ++ (old.configureFlags or [ ]) ++ [ \\\"b\\\" "
         "]; })");
  expect("overrideAttrs (o: { postPatch = (o.postPatch or \"\") + \"echo\"; })",
         "overrideAttrs (old: { postPatch = \\\"${old.postPatch or \\\"\\\"}echo\\\"; })");
  expect("overrideAttrs (o: { env = (o.env or { }) // { A = \"1\"; }; })",
         "overrideAttrs (old: { env = (old.env or { }) // { A = \\\"1\\\"; }; })");
  expect("overrideAttrs { configureFlags = [ ]; }", "overrideAttrs (_: { configureFlags = [ ]; })");
  expect("overridePythonAttrs { doCheck = false; }", "overridePythonAttrs (_: { doCheck = false; })");
}

// buildPythonPackage reads it, overrideAttrs does not reach it.
TEST_F(Import, WhatPythonAloneReadsIsNoAttribute) {
  const std::string text =
      read_file(fs::path(testing::source_folder) / "tests/nix/styles/python-dependencies.nix");
  write_file_atomically(before_ / "pytorch-python313-cuda12_8-sm90-avx2.nix",
                        replace_all(text, "build-system = (old.build-system or [ ])", "pythonPath = [ ]"));
  const Imported imported = import_folder(before_, "m");
  ASSERT_EQ(imported.unexplained.size(), 1u);
  EXPECT_EQ(imported.unexplained.front().why,
            "sets overridePythonAttrs.pythonPath, which is not a plain name");
}

TEST_F(Import, WhatCannotBeSaidIsAListAndNeverDropped) {
  const std::string file = "pytorch-python313-cuda12_8-sm90-avx2.nix";
  const std::string text = read_file(fs::path(testing::source_folder) / "tests/nix/styles/all.nix");
  const auto why_with = [&](const std::string& from, const std::string& to) -> std::string {
    if (text.find(from) == std::string::npos) throw std::runtime_error(from);
    write_file_atomically(before_ / file, replace_all(text, from, to));
    const Imported imported = import_folder(before_, "m");
    return imported.unexplained.empty() ? "" : imported.unexplained.front().why;
  };
  EXPECT_EQ(
      why_with("overlays = [",
               "overlays = [ (final: prev: { openblas = prev.callPackage ({ stdenv }: stdenv.mkDerivation { "
               "name = \"x\"; }) { }; })"),
      "an overlay changes openblas to a value that cannot be written down: a function, or a package of its "
      "own");
  EXPECT_EQ(why_with("overlays = [", "overlays = [ (final: prev: { myFunction = x: x; })"),
            "an overlay changes myFunction to a value that cannot be written down: a function, or a package "
            "of its own");
  EXPECT_EQ(why_with("config = {", "config = { replaceStdenv = { pkgs }: { cc = x: x; };"),
            "configures nixpkgs with a replaceStdenv that cannot be written down");
  EXPECT_EQ(why_with("doCheck = false;", "src = ./.;"),
            "takes its source from a place that a matrix cannot express");
  EXPECT_EQ(
      why_with("stdenv = nixpkgs_pinned.gcc14Stdenv;", "buildPythonPackage = args: nixpkgs_pinned.hello;"),
      "gives override a buildPythonPackage that cannot be written down");
  EXPECT_EQ(
      why_with("[ nixpkgs_pinned.openmpi ]", "[ (nixpkgs_pinned.stdenv.mkDerivation { name = \"x\"; }) ]"),
      "sets buildInputs to a value that cannot be written down: a function, or a package of its own");
  // What nixpkgs has there, nobody has read: what is made of it cannot be written anew.
  const auto why_of = [&](const std::string& change) {
    return why_with(
        "overlays = [",
        "overlays = [ (final: prev: { openmpi = prev.openmpi.overrideAttrs (o: { " + change + " }); })");
  };
  const auto unread = [](const std::string& what) {
    return "changes <openmpi." + what + "> in a way that the audit does not know";
  };
  EXPECT_EQ(why_of("buildInputs = builtins.filter (p: p != prev.numactl) o.buildInputs;"),
            unread("buildInputs"));
  EXPECT_EQ(why_of("buildInputs = prev.lib.remove prev.numactl o.buildInputs;"), unread("buildInputs"));
  EXPECT_EQ(why_of("buildInputs = prev.lib.subtractLists [ prev.numactl ] (o.buildInputs ++ [ prev.mkl ]);"),
            unread("buildInputs"));
  EXPECT_EQ(why_of("buildInputs = map (p: if p == prev.numactl then prev.mkl else p) o.buildInputs;"),
            unread("buildInputs"));
  EXPECT_EQ(why_of("patches = builtins.foldl' (all: p: all ++ [ p ]) [ ] o.patches;"), unread("patches"));
  EXPECT_EQ(why_of("postPatch = builtins.replaceStrings [ \"a\" ] [ \"b\" ] o.postPatch;"),
            unread("postPatch"));
  EXPECT_EQ(why_of("A = builtins.replaceStrings [ \"a\" ] [ \"b\" ] (o.A or \"\");"), unread("A"));
  EXPECT_EQ(why_of("CMAKE = prev.lib.versions.major o.version;"), unread("version"));
  EXPECT_EQ(why_with("doCheck = false;",
                     "doCheck = nixpkgs_pinned.lib.versionAtLeast nixpkgs_pinned.cmake.version \"4\";"),
            "changes <cmake.version> in a way that the audit does not know");
  EXPECT_EQ(why_of("env = builtins.removeAttrs o.env [ \"NIX_LDFLAGS\" ];"), unread("env"));
  EXPECT_EQ(why_with("config = {", "config = { allowInsecurePredicate = pkg: pkg.pname == \"x\";"),
            "configures nixpkgs with a allowInsecurePredicate that cannot be written down");
  EXPECT_EQ(why_with("config = {", "stdenvStages = { lib, ... }: [ ]; config = {"),
            "gives nixpkgs a stdenvStages that cannot be written down");
}

}  // namespace
}  // namespace lathe

// SPDX-License-Identifier: MIT
// Which recipes hang on what an evaluation makes up, against the real Nix.
#include "nix/second_look.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "testing/nix_record.h"

namespace lathe {
namespace {

using testing::failure_of;
using testing::RecipeFolder;
using testing::Record;

// What the recipe's pname is at first, then at each end of the second look. "!": it does not evaluate.
struct Looks {
  std::string first;
  std::set<std::string> then;
  bool operator==(const Looks&) const = default;
};

std::string shown(const Recorded& recorded) { return recorded.package ? recorded.package->pname : "!"; }

std::string recipe_of(const std::string& expression) {
  return "let pkgs = import (fetchTarball \"https://github.com/NixOS/nixpkgs/archive/"
         "6a030d535719c5190187c4cec156f335e95e3211.tar.gz\") { };\n"
         "  python = pkgs.python313Packages; lib = pkgs.lib; name = \"open\" + \"ssl_3\";\n"
         "  E = python.torch.overrideAttrs { pname = \"right\"; }; other = E.overrideAttrs { pname = "
         "\"wrong\"; };\n"
         "in " +
         expression + "\n";
}

std::vector<Looks> looks_of(const std::vector<std::string>& expressions) {
  RecipeFolder folder;
  for (std::size_t i = 0; i < expressions.size(); ++i)
    folder.add(std::to_string(1000 + i) + ".nix", recipe_of(expressions[i]));
  const RecordedFolder first = record_folder(folder.path());
  std::vector<const Recorded*> recipes;
  for (const Recorded& recipe : first.recipes) recipes.push_back(&recipe);
  const auto again = look_again(folder.path(), recipes, {});
  std::vector<Looks> looks;
  for (const Recorded& recipe : first.recipes) {
    Looks look{.first = shown(recipe), .then = {}};
    for (const Recorded& end : again.at(recipe.file)) look.then.insert(shown(end));
    looks.push_back(std::move(look));
  }
  return looks;
}

void expect_all(const std::vector<std::string>& expressions, const Looks& expected) {
  const std::vector<Looks> looks = looks_of(expressions);
  for (std::size_t i = 0; i < looks.size(); ++i) {
    EXPECT_EQ(looks[i].first, expected.first) << expressions[i];
    EXPECT_EQ(looks[i].then, expected.then) << expressions[i];
  }
}

class SecondLook : public Record {};

TEST_F(SecondLook, WhatARecipeTakesIsThere) {
  expect_all(
      {"E",
       "E.overrideAttrs (o: { buildInputs = o.buildInputs ++ [ pkgs.openssl_3 pkgs.ffmpeg-full.dev ]; })",
       "E.overrideAttrs (o: { buildInputs = o.buildInputs ++ (with pkgs; [ openssl_3 (lib.getDev "
       "ffmpeg-full) ]); })",
       "let inherit (pkgs) openssl_3; in E.overrideAttrs { X = \"${openssl_3}\"; }",
       "E.override { stdenv = pkgs.overrideCC pkgs.stdenv pkgs.clang_18; }",
       "E.overrideAttrs (o: { CUDNN = pkgs.cudaPackages.cudnn_8_9; T = python.triton-no-cuda; })",
       "pkgs.callPackage ({ openssl_3 }: E.overrideAttrs { X = openssl_3; }) { }",
       "E.overrideAttrs { X = lib.someNewFunction 1; }",
       // its name is a key, or a text, too: that it is not a question shows in a further evaluation
       "({ openssl_3 = E; }.openssl_3).overrideAttrs { X = [ pkgs.openssl_3 pkgs.clang_18 ]; Y = "
       "\"clang_18\"; }",
       "(pkgs.extend (final: prev: { openssl_3 = prev.openssl_3.override { a = 1; }; "
       "})).python313Packages.torch"
       ".overrideAttrs (o: { pname = \"right\"; X = pkgs.openssl_3; })",
       // the same name in two sets
       "E.overrideAttrs { X = [ pkgs.openssl_3 python.openssl_3 pkgs.openssl_3.openssl_3 ]; }",
       "builtins.head ([ E ] ++ lib.optional (lib.attrByPath [ \"a\" ] 1 { } == 1) pkgs.openssl_3)"},
      {.first = "right", .then = {"right"}});
}

// In nixpkgs it may be there or not.
TEST_F(SecondLook, WhatARecipeAsksForIsNot) {
  expect_all(
      {"if pkgs ? openssl_3 then E else other", "if (pkgs.openssl_3 or null) != null then E else other",
       "if pkgs ? openssl_3 && pkgs ? clang_18 then E else other",
       "if pkgs ? openssl_3 || pkgs ? clang_18 then E else other",
       "if (pkgs.openssl_3.version or \"\") == \"\" then other else E",
       "pkgs.callPackage ({ openssl_3 ? null }: if openssl_3 != null then E else other) { }",
       "if ({ openssl_3 = 1; } // pkgs).openssl_3 == 1 then other else E",
       "with { openssl_3 = 1; }; with pkgs; if openssl_3 == 1 then other else E",
       "if lib.attrByPath [ \"openssl_3\" ] null pkgs == null then other else E",
       "if builtins.intersectAttrs { openssl_3 = 1; } pkgs == { } then other else E",
       // taken too, elsewhere, and there alone it must be
       "builtins.seq python.openssl_3 (if pkgs ? openssl_3 then E else other)",
       "builtins.seq pkgs.clang_18 (if pkgs ? openssl_3 then E else other)",
       // mentioned where nothing is evaluated
       "if builtins.hasAttr name pkgs then E else if false then pkgs.openssl_3 else other",
       "if lib.hasAttrByPath [ name ] pkgs then E else if false then pkgs.openssl_3 else other",
       "if builtins.catAttrs name [ pkgs ] == [ ] then other else if false then pkgs.openssl_3 else E",
       "if (builtins.listToAttrs [ { inherit name; value = 1; } ] // pkgs).openssl_3 == 1 then other else E",
       "if builtins.isInt (pkgs.callPackage (lib.setFunctionArgs (given: given.openssl_3 or 1) "
       "(builtins.listToAttrs [ { inherit name; value = false; } ])) { }) then other else E"},
      {.first = "right", .then = {"wrong"}});
}

TEST_F(SecondLook, OneOfTwoSetsMayHaveIt) {
  const std::vector<Looks> looks =
      looks_of({"if (python // pkgs).openssl_3 == python.openssl_3 then other else E",
                "with python; with pkgs; if openssl_3 == python.openssl_3 then other else E"});
  for (const Looks& look : looks) {
    EXPECT_EQ(look.first, "right");
    EXPECT_TRUE(look.then.contains("wrong"));
  }
}

// What stands for a name that nobody knows is made up as well.
TEST_F(SecondLook, WhatAnUnknownNameIsIsNotKnown) {
  expect_all({"if pkgs.openssl_3.pname == \"openssl_3\" then E else other",
              "if pkgs.openssl_3.version == \"0\" then E else other",
              "if pkgs.openssl_3.meta.available then E else other",
              "if builtins.elem \"dev\" pkgs.openssl_3.outputs then E else other",
              "if pkgs.openssl_3 ? dev then E else other",
              "if builtins.unsafeGetAttrPos \"openssl_3\" pkgs == null then E else other"},
             {.first = "right", .then = {"wrong"}});
  expect_all({"if lib.isFunction pkgs.openssl_3 then E else other",
              "if builtins.isAttrs pkgs.openssl_3 then E else other",
              "if lib.isDerivation pkgs.openssl_3 then E else other",
              "if builtins.typeOf pkgs.openssl_3 == \"set\" then E else other",
              "if (builtins.tryEval pkgs.openssl_3).success then E else other"},
             {.first = "right", .then = {"!"}});
}

TEST_F(SecondLook, AllNamesOfASetAreAskedForByWhatMapsThem) {
  testing::RecipeFolder folder;
  EXPECT_EQ(
      testing::evaluate(
          recipe_of("if builtins.hasAttr name (builtins.zipAttrsWith (n: v: n) [ pkgs ]) then other else E"))
          .looked_for,
      (std::vector<std::string>{"zipAttrsWith"}));
}

}  // namespace
}  // namespace lathe

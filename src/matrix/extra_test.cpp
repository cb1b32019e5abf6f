// SPDX-License-Identifier: MIT
#include "matrix/extra.h"

#include <gtest/gtest.h>

#include <string_view>

#include "base/error.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "matrix/values/nix_text.h"

namespace lathe {
namespace {

using Words = std::vector<std::string>;

constexpr std::string_view head = R"([matrix]
name = "m"
[nixpkgs.main]
rev = "6a030d535719c5190187c4cec156f335e95e3211"
[[build]]
pytorch = "2.9.1"
python = "3.13"
cuda = "12.8"
gpus = ["9.0", "12.0"]
isas = "avx2"
)";

MatrixSpec with(std::string_view rows) {
  return parse_matrix(std::string(head) + std::string(rows), "m.toml");
}

std::string error_of(std::string_view rows) {
  try {
    with(rows);
  } catch (const Error& error) {
    return error.parts().where.text() + ": " + error.parts().what;
  }
  return "";
}

TEST(Extra, IsReadForAllAndForSome) {
  const MatrixSpec spec = with(R"([extra]
nix = "doCheck = true;"
[extra.environment]
USE_NCCL = false
USE_DISTRIBUTED = 1
LDFLAGS = "-L${pkgs.mkl}/lib $LDFLAGS"
[extra.override]
MPISupport = true
stdenv = "pkgs.gcc13Stdenv"
[extra.config]
cudaForwardCompat = false
[[override]]
match = { gpu = "12.0" }
[override.extra]
environment = { USE_NCCL = "1" }
nix = "hardeningDisable = [ \"all\" ];"
)");
  const auto variants = expand(spec);
  ASSERT_EQ(variants.size(), 2u);
  const Extra& all = variants[0].settings->extra;
  EXPECT_EQ(all.environment,
            (std::map<std::string, std::string>{
                {"LDFLAGS", "-L${pkgs.mkl}/lib $LDFLAGS"}, {"USE_DISTRIBUTED", "1"}, {"USE_NCCL", "0"}}));
  EXPECT_EQ(all.override_arguments,
            (std::map<std::string, std::string>{{"MPISupport", "true"}, {"stdenv", "pkgs.gcc13Stdenv"}}));
  EXPECT_EQ(all.config, (std::map<std::string, std::string>{{"cudaForwardCompat", "false"}}));
  EXPECT_EQ(all.attributes, (Words{"doCheck = true;"}));
  const Extra& one = variants[1].settings->extra;
  EXPECT_EQ(one.environment.at("USE_NCCL"), "1");
  EXPECT_EQ(one.attributes, (Words{"doCheck = true;", "hardeningDisable = [ \"all\" ];"}));
}

TEST(Extra, HostileValuesAreRefusedWithTheirPlace) {
  EXPECT_EQ(error_of("[extra.environment]\nX = \"$(rm -rf /)\"\n"),
            "m.toml:12:5: the value of X holds a $ that is neither $NAME nor ${NAME} nor ${pkgs.NAME}");
  EXPECT_EQ(error_of("[extra.environment]\nX = '\"; rm -rf /; \"'\n"),
            "m.toml:12:5: the value of X holds \", which ends or runs something in a shell");
  for (const char* value :
       {"`id`", "a\\\\", "a\\nb", "''${x}", "${builtins.readFile /etc/passwd}", "${pkgs.a b}",
        "${pkgs.a.${x}}", "$", "${X:-$(id)}", "${X:-`id`}", "${}", "${X"}) {
    EXPECT_NE(error_of(std::string("[extra.environment]\nX = \"") + value + "\"\n"), "") << value;
  }
  EXPECT_EQ(error_of("[extra.environment]\n\"A=1;B\" = \"x\"\n"),
            "m.toml:12:1: \"A=1;B\" is not a name of a shell variable");
  EXPECT_EQ(error_of("[extra.override]\nstdenv = \"pkgs.stdenv; cudaSupport = false\"\n"),
            "m.toml:12:10: the value of stdenv holds a \";\" that ends more than itself");
  for (const char* value : {"pkgs.a }", "(pkgs.a", "\\\"x", "''x", "pkgs.a # c", "", "{ a = [ 1 }", "/* x"}) {
    EXPECT_NE(error_of(std::string("[extra.override]\nstdenv = \"") + value + "\"\n"), "") << value;
  }
  EXPECT_EQ(error_of("[extra.override]\n\"a b\" = 1\n"), "m.toml:12:1: \"a b\" is not a name of an argument");
  EXPECT_EQ(error_of("[extra]\nnix = \"a = 1; } // { b = 2;\"\n"),
            "m.toml:12:7: this Nix has a \"}\" that closes nothing");
  for (const char* text :
       {"a = 1", "", "a = ''x;", "a = \\\"${x;", "# a = 1;", "a = (1;", "a = 1; })) (x: {"}) {
    EXPECT_NE(error_of(std::string("[extra]\nnix = \"") + text + "\"\n"), "") << text;
  }
}

TEST(Extra, WhatTheMatrixHasAWordForIsSaidByThat) {
  EXPECT_EQ(error_of("[extra.environment]\nTORCH_CUDA_ARCH_LIST = \"9.0\"\n"),
            "m.toml:12:1: TORCH_CUDA_ARCH_LIST has a word of its own in a matrix");
  EXPECT_NE(error_of("[extra.override]\ncudaSupport = true\n"), "");
  EXPECT_NE(error_of("[extra.config]\ncudaCapabilities = \"[ ]\"\n"), "");
  EXPECT_EQ(error_of("[extra]\n"), "m.toml:11:1: this asks for nothing");
  EXPECT_EQ(error_of("[extra]\nenv = { A = 1 }\n"), "m.toml:12:1: unknown key \"env\"");
}

TEST(NixText, TellsWhatItBinds) {
  EXPECT_EQ(nix_bound_names("a = { b = 1; }; inherit (x) c d; \"e\".f = ''g = ${h}; '' + \"i = 1;\"; # j = "
                            "1;\nmeta.broken = true;"),
            (Words{"a", "c", "d", "e", "meta"}));
  EXPECT_EQ(why_no_nix_bindings("a = ''it''s ''${x} '''';"), "has a string without an end");
  EXPECT_EQ(why_no_nix_bindings("x = foldl' (a: b: a + b) 0 [ ];"), "");
  EXPECT_EQ(why_no_nix_expression("let a = 1; in with pkgs; a"), "");
  EXPECT_EQ(why_no_nix_expression(std::string(200, '(')), "is nested too deeply");
}

TEST(ShellText, KeepsTheShellsOwnExpansionsFromNix) {
  EXPECT_EQ(shell_text_as_nix("$A ${B} ${C:+:$C} ${pkgs.mkl}/x"), "$A ''${B} ''${C:+:$C} ${pkgs.mkl}/x");
}

}  // namespace
}  // namespace lathe

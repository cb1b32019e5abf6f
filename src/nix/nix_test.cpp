// SPDX-License-Identifier: MIT
#include "nix/nix.h"

#include <gtest/gtest.h>

#include <fstream>

namespace lathe {
namespace {

std::string version(std::string_view text) {
  const auto parsed = parse_nix_version(text);
  return parsed ? parsed->text() : "none";
}

TEST(NixVersion, EverySpellingIsRead) {
  EXPECT_EQ(version("nix (Nix) 2.8.0\n"), "Nix 2.8.0");
  EXPECT_EQ(version("nix-instantiate (Nix) 2.18.1"), "Nix 2.18.1");
  EXPECT_EQ(version("nix (Nix) 2.30.0pre20250520_a1b2c3d"), "Nix 2.30.0");
  EXPECT_EQ(version("nix (Nix) 2.3pre1"), "Nix 2.3.0");
  EXPECT_EQ(version("nix (Lix, like Nix) 2.91.1\nSystem type: x86_64-linux\n"), "Lix 2.91.1");
  EXPECT_EQ(version("nix (Determinate Nix 3.6.2) 2.29.0"), "Determinate Nix 2.29.0");
}

TEST(NixVersion, AnythingElseIsNone) {
  for (const char* text : {"", "nix", "nix 2.8.0", "bash (Nix) 2.8.0", "nix (Nix)", "nix (Nix) two",
                           "nix )( 2.8.0", "nix (Nix) 2"}) {
    EXPECT_EQ(version(text), "none") << text;
  }
}

// As Nix 2.8 prints it: the cause first.
TEST(NixError, OlderNixGivesTheCauseFirst) {
  const NixFailure failure = parse_nix_error(
      "warning: something\n"
      "error: attribute 'c' missing\n\n"
      "       at /recipes/m.nix:3:1:Did you mean b?\n\n"
      "       … while evaluating anonymous lambda\n\n"
      "       at /recipes/m.nix:1:1:\n\n"
      "            1| { lib }:\n"
      "             | ^\n"
      "       … from call site\n\n"
      "       at «stdin»:106:42:\n",
      "/recipes");
  EXPECT_EQ(failure.message, "attribute 'c' missing: Did you mean b?");
  EXPECT_EQ(failure.where, (Place{"/recipes/m.nix", 3, 1}));
}

// As Nix 2.20 and newer print it: the cause last.
TEST(NixError, NewerNixGivesTheCauseLast) {
  const NixFailure failure = parse_nix_error(
      "error:\n"
      "       … while calling the 'seq' builtin\n"
      "         at «stdin»:3:4:\n"
      "            3| x\n"
      "       … from call site\n"
      "         at /recipes/a.nix:10:2:\n"
      "       … while calling the 'throw' builtin\n"
      "         at /recipes/m.nix:2:1:\n"
      "            1| { lib }:\n"
      "            2| throw \"not today\"\n"
      "             | ^\n\n"
      "       error: not today\n",
      "/recipes");
  EXPECT_EQ(failure.message, "not today");
  EXPECT_EQ(failure.where, (Place{"/recipes/m.nix", 2, 1}));
}

TEST(NixError, PlacesOutsideTheFolderDoNotCount) {
  const NixFailure failure =
      parse_nix_error("error: bad\n\n  at /recipes-old/x.nix:1:1:\n  at «stdin»:1:1:\n", "/recipes");
  EXPECT_EQ(failure.message, "bad");
  EXPECT_TRUE(failure.where.file.empty());
}

TEST(NixError, MessagesOfSeveralLinesBecomeOne) {
  EXPECT_EQ(parse_nix_error("error: first\n   second\n\n at /x.nix:1:2:\n").message, "first second");
  EXPECT_EQ(
      parse_nix_error("error: syntax error, unexpected ';', expecting ')'\n\n       at /a b/x.nix:1:11:\n")
          .where,
      (Place{"/a b/x.nix", 1, 11}));
}

TEST(NixError, TextThatIsNoErrorIsGivenAsItIs) {
  EXPECT_EQ(parse_nix_error("Segmentation fault\n").message, "Segmentation fault");
  EXPECT_EQ(parse_nix_error("").message, "");
  EXPECT_EQ(parse_nix_error("error:").message, "error:");
  EXPECT_TRUE(parse_nix_error("error: x\n at /f:99999999999999999999:1:\n").where.file.empty());
}

TEST(FindNix, WithoutOneTheErrorSaysHowToGetIt) {
  EXPECT_FALSE(find_nix("nix-that-nobody-has"));
  try {
    require_nix("nix-that-nobody-has");
    FAIL() << "found a Nix that nobody has";
  } catch (const Error& error) {
    EXPECT_NE(error.text().find("apt-get install nix-bin"), std::string::npos);
    EXPECT_EQ(error.exit_code(), 3);
  }
}

TEST(FindNix, TheOneHereSaysItsVersion) {
  const auto nix = find_nix();
  if (!nix) GTEST_SKIP() << "no Nix on this machine";
  EXPECT_GE(nix_version(*nix).major, 2);
}

}  // namespace
}  // namespace lathe

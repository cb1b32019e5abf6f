// SPDX-License-Identifier: MIT
#include "nix/shell_flags.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

std::string after(std::string_view script, const std::string& name, ShellVariables variables = {}) {
  apply_assignments(script, variables);
  return variables.contains(name) ? variables[name] : "(unset)";
}

TEST(ShellAssignments, QuotesAndReferencesAreFollowed) {
  EXPECT_EQ(after("export A=\"-mavx2 $A\"", "A"), "-mavx2 $A");
  EXPECT_EQ(after("A=1\nexport B=\"$A ${A} ${A:-9}\" C='$A'", "B"), "1 1 1");
  EXPECT_EQ(after("A=1\nexport B=2 C='$A'", "C"), "$A");
  EXPECT_EQ(after("A=x\nA+=y; A+=\" z\"", "A"), "xy z");
  EXPECT_EQ(after("export A=\"${CXXFLAGS:-} -g\"", "A"), "$CXXFLAGS -g");
  EXPECT_EQ(after("export A=\"x${B:+:$B} ${C-} ${D:-e}\"", "A"), "x${B:+:$B} $C ${D:-e}");
}

TEST(ShellAssignments, TheLastOneWins) {
  EXPECT_EQ(after("export MAX_JOBS=32\nexport MAX_JOBS=$NIX_BUILD_CORES\n", "MAX_JOBS"), "$NIX_BUILD_CORES");
}

TEST(ShellAssignments, TextThatOnlyLooksLikeOneIsNot) {
  EXPECT_EQ(after("echo A=1", "A"), "(unset)");
  EXPECT_EQ(after("# A=1", "A"), "(unset)");
  EXPECT_EQ(after("echo \"\nA=1\n\"", "A"), "(unset)");
  EXPECT_EQ(after("substituteInPlace x --replace 'A=1' 'A=2'", "A"), "(unset)");
  EXPECT_EQ(after("true && A=1", "A"), "1");
  EXPECT_EQ(after("if x; then export A=2; fi", "A"), "2");
}

TEST(ShellAssignments, ALineThatGoesOnIsOneLine) {
  EXPECT_EQ(after("export A=\"a \\\nb\"\nB=c\\\nd", "A"), "a b");
}

TEST(ShellAssignments, DoublingEndsSomewhere) {
  std::string script = "A=0123456789\n";
  for (int i = 0; i < 5000; ++i) script += "A=\"$A$A$A$A\"\n";
  EXPECT_LE(after(script, "A").size(), 16384u);
}

TEST(ShellAssignments, BrokenScriptsEndSomewhere) {
  for (const char* script : {"A=\"", "A='", "A=\\", "A=$", "A=${", "A=${B", "export", "A=\"${\"", "\"", "'"})
    after(script, "A");
  EXPECT_EQ(after("A=\"x", "A"), "x");
}

TEST(FlagWords, LeaveOutUnknownVariables) {
  EXPECT_EQ(flag_words(" -mavx2  $CXXFLAGS -mfma\n"), (std::vector<std::string>{"-mavx2", "-mfma"}));
  EXPECT_TRUE(flag_words("").empty());
}

TEST(ShellCommands, AreTheLinesThatDoMoreThanAssign) {
  EXPECT_TRUE(other_commands(
                  "# a comment\nexport A=1 B=\"two words\"\n  C+=x # why\n\nexport D=$((A + 1)) E=${A:-}\n")
                  .empty());
  EXPECT_EQ(other_commands("export A=1\n  sed -i s/a/b/ file\nB=2; rm x\n"),
            (std::vector<std::string>{"sed -i s/a/b/ file", "B=2; rm x"}));
  EXPECT_EQ(other_commands("A=$(which gcc)\nB=\"$(ls \"x\")\"\nC=`id`"),
            (std::vector<std::string>{"A=$(which gcc)", "B=\"$(ls \"x\")\"", "C=`id`"}));
  EXPECT_EQ(other_commands("if false; then export A=1; fi"),
            (std::vector<std::string>{"if false; then export A=1; fi"}));
  EXPECT_EQ(other_commands("export A=1 && true\nfoo() { :; }"),
            (std::vector<std::string>{"export A=1 && true", "foo() { :; }"}));
}

}  // namespace
}  // namespace lathe

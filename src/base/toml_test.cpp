// SPDX-License-Identifier: MIT
#include "base/toml.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

template <typename F>
std::string error_of(F&& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.text();
  }
  return "accepted";
}

TEST(Toml, KeepsTheFilesOrderAndPlaces) {
  const Toml toml = Toml::parse("zebra = 1\napple = ['a', 'b']\n[table]\nflag = true\n", "m.toml");
  EXPECT_EQ(toml.table()[0].key, "zebra");
  EXPECT_EQ(toml.at("apple").texts(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(toml.at("apple").array()[1].where().text(), "m.toml:2:15");
  EXPECT_TRUE(toml.at("table").flag_or("flag", false));
}

TEST(Toml, WrongTypesAndMissingKeysNameTheirPlace) {
  const Toml toml = Toml::parse("a = 1\n", "m.toml");
  EXPECT_EQ(error_of([&] { toml.at("a").text(); }),
            "m.toml:1:5: text in quotes expected here, this is a whole number");
  EXPECT_EQ(error_of([&] { toml.at("b"); }), "m.toml:1:1: key \"b\" is missing here");
}

TEST(Toml, UnknownKeysAreErrorsWithAGuess) {
  const Toml toml = Toml::parse("gpsu = []\n", "m.toml");
  EXPECT_EQ(error_of([&] {
              toml.allow_only({"gpus", "isas"});
            }),
            "m.toml:1:1: unknown key \"gpsu\"\n  fix: did you mean \"gpus\"?");
}

TEST(Toml, BadInputIsAnErrorWithItsPlace) {
  EXPECT_EQ(error_of([] { Toml::parse("a = 1\nb = '\xFF'\n", "m.toml"); }),
            "m.toml:2:6: byte 0xff is not UTF-8\n  fix: save the file as UTF-8");
  EXPECT_EQ(error_of([] { Toml::parse("a = 1\na = 2\n", "m.toml"); }).substr(0, 11), "m.toml:2:5:");
  EXPECT_NE(error_of([] { Toml::parse(std::string(100000, '['), "m.toml"); }), "accepted");
  EXPECT_NE(error_of([] { Toml::parse("a = " + std::string(100000, '['), "m.toml"); }), "accepted");
}

// A table header, a key and brackets in a value each have their own way to be deep; each would overflow the
// stack.
TEST(Toml, WhatIsDeeperThanAnyFileIsAnErrorWithItsPlace) {
  const auto parts = [](int count) {
    std::string key = "a";
    for (int i = 1; i < count; ++i) key += ".a";
    return key;
  };
  EXPECT_EQ(error_of([&] { Toml::parse("x = 1\n" + parts(20000) + " = 1\n", "m.toml"); }),
            "m.toml:2:64: a key of more than 32 parts");
  EXPECT_EQ(error_of([&] { Toml::parse("[" + parts(20000) + "]\n", "m.toml"); }),
            "m.toml:1:65: a key of more than 32 parts");
  EXPECT_EQ(error_of([&] { Toml::parse("x = {" + parts(20000) + " = 1}\n", "m.toml"); }),
            "m.toml:1:69: a key of more than 32 parts");
  EXPECT_EQ(error_of([] { Toml::parse("x = " + std::string(33, '[') + "1", "m.toml"); }),
            "m.toml:1:37: brackets more than 32 deep");
  EXPECT_EQ(Toml::parse(parts(32) + " = 1", "m.toml").table().size(), 1u);
}

TEST(Toml, DotsAndBracketsInStringsAndCommentsAreNoDepth) {
  const std::string dots(100, '.'), brackets(100, '[');
  const Toml toml = Toml::parse("# " + dots + brackets + "\na = \"" + dots + "\\\"" + brackets + "\"\nb = '" +
                                    dots + "'\nc = \"\"\"" + brackets + "\n\"" + dots +
                                    "\"\"\"\"\"\nd = '''" + dots + brackets + "'''\ne = 1.5\n",
                                "m.toml");
  EXPECT_EQ(toml.table().size(), 5u);
  EXPECT_EQ(toml.at("c").text(), brackets + "\n\"" + dots + "\"\"");
  // A string that only seems to be closed hides nothing from the check.
  EXPECT_EQ(error_of([&] { Toml::parse("a = \"\"\"x\"\"\"\"\nb" + std::string(40, '.'), "m.toml"); }),
            "m.toml:2:33: a key of more than 32 parts");
}

TEST(Toml, TextThatCouldNotBeShownIsRefusedWithItsPlace) {
  EXPECT_EQ(error_of([] { Toml::parse("a = \"x\\u001b[2J\"\n", "m.toml"); }).substr(0, 31),
            "m.toml:1:5: a control character");
  EXPECT_EQ(error_of([] { Toml::parse("\"\\u202E\" = 1\n", "m.toml"); }).substr(0, 31),
            "m.toml:1:1: a control character");
  EXPECT_EQ(Toml::parse("a = \"x\\n\\ty\"\n", "m.toml").at("a").text(), "x\n\ty");
}

}  // namespace
}  // namespace lathe

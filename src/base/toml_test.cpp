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
  EXPECT_EQ(error_of([&] { toml.at("a").text(); }), "m.toml:1:5: text in quotes expected here, this is a whole number");
  EXPECT_EQ(error_of([&] { toml.at("b"); }), "m.toml:1:1: key \"b\" is missing here");
}

TEST(Toml, UnknownKeysAreErrorsWithAGuess) {
  const Toml toml = Toml::parse("gpsu = []\n", "m.toml");
  EXPECT_EQ(error_of([&] { toml.allow_only({"gpus", "isas"}); }),
            "m.toml:1:1: unknown key \"gpsu\"\n  did you mean \"gpus\"?");
}

TEST(Toml, BadInputIsAnErrorWithItsPlace) {
  EXPECT_EQ(error_of([] { Toml::parse("a = 1\nb = '\xFF'\n", "m.toml"); }),
            "m.toml:2:6: byte 0xff is not UTF-8\n  save the file as UTF-8");
  EXPECT_EQ(error_of([] { Toml::parse("a = 1\na = 2\n", "m.toml"); }).substr(0, 11), "m.toml:2:5:");
  EXPECT_NE(error_of([] { Toml::parse(std::string(100000, '['), "m.toml"); }), "accepted");
  EXPECT_NE(error_of([] { Toml::parse("a = " + std::string(100000, '['), "m.toml"); }), "accepted");
}

}  // namespace
}  // namespace lathe

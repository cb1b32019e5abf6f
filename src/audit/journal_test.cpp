// SPDX-License-Identifier: MIT
#include "audit/journal.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace lathe {
namespace {

std::string why_not(std::string_view text) {
  try {
    parse_journal(text, "plan.json");
    return "";
  } catch (const Error& error) {
    return error.parts().what;
  }
}

std::string with_name(const std::string& name) {
  return R"({"version": 1, "put": [], "remove": [")" + name + R"("]})";
}

TEST(Journal, IsReadAsItWasWritten) {
  const JournalSteps steps{.put = {"a.nix", "b/default.nix", "\xc3\xa4 \".nix"}, .remove = {"..c.nix"}};
  EXPECT_EQ(parse_journal(journal_text(steps), "plan.json"), steps);
}

TEST(Journal, NamesThatLeaveTheFolderAreRefused) {
  for (const char* name : {"../x", "a/../../x", "/etc/x", "a//b", "a/", "", ".", "a/./b", ".."}) {
    EXPECT_NE(why_not(with_name(name)).find("outside the folder"), std::string::npos) << name;
  }
  EXPECT_NE(why_not(with_name(".torchlathe-journal/0001/plan.json")).find("own files"), std::string::npos);
}

TEST(Journal, ControlCharactersAreRefusedAndShownEscaped) {
  EXPECT_EQ(why_not(with_name("a\\u0000/../b")),
            "the journal names a file with a control character: \"a\\x00/../b\"");
  EXPECT_NE(why_not(with_name("\\u001b[2J")).find("control character"), std::string::npos);
  EXPECT_NE(why_not(with_name("a\\u007f")).find("control character"), std::string::npos);
}

TEST(Journal, WhatIsNoListOfNamesIsRefused) {
  for (const char* text :
       {"{}", R"({"version": 2, "put": [], "remove": []})", R"({"version": 1, "put": []})", "[]", "",
        R"({"version": 1, "put": [1], "remove": []})", R"({"version": 1, "put": "a", "remove": []})",
        R"({"version": 99999999999999999999, "put": [], "remove": []})"}) {
    EXPECT_NE(why_not(text), "") << text;
  }
}

TEST(Journal, NumbersAreThoseThatAnApplyGives) {
  EXPECT_EQ(journal_number("0001", ""), 1u);
  EXPECT_EQ(journal_number("12345", ""), 12'345u);
  EXPECT_EQ(journal_number("999999999", ""), 999'999'999u);
  for (const char* wrong : {"1", "00001", "99999999999999999999", "0000000001", "", "1000000000"}) {
    EXPECT_THROW(journal_number(wrong, ""), Error) << wrong;
  }
  EXPECT_EQ(journal_name(7, ""), "0007");
  EXPECT_THROW(journal_name(1'000'000'000, ""), Error);
}

}  // namespace
}  // namespace lathe

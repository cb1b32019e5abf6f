// SPDX-License-Identifier: MIT
#include "nix/mentioned.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

using Names = std::vector<std::string_view>;

TEST(MentionedNames, AreThoseOfTheCodeOnly) {
  EXPECT_EQ(mentioned_names("{ lib, b ? 1 }: # comment word\n let a-b = x'; in /* more */ lib.foo \"a text\" ''block''"),
            (Names{"a-b", "b", "foo", "lib", "x'"}));
}

TEST(MentionedNames, StringsThatCouldBeNamesAreAmongThem) {
  EXPECT_EQ(mentioned_names(R"(a."torch" + "no name" + "b${c}" + "" + "d-e")"), (Names{"a", "c", "d-e", "torch"}));
}

TEST(MentionedNames, InterpolationsAreCodeAgain) {
  EXPECT_EQ(mentioned_names(R"("no ${yes "n o ${deep}"} no")"), (Names{"deep", "yes"}));
  EXPECT_EQ(mentioned_names("''no ${yes { a = ''no ${deep}''; }} no''"), (Names{"a", "deep", "yes"}));
}

TEST(MentionedNames, EscapesDoNotOpenInterpolations) {
  EXPECT_EQ(mentioned_names(R"("\${no} $${no} \" no" yes)"), Names{"yes"});
  EXPECT_EQ(mentioned_names("''no ''${no} ''' no $${no} ''\\n no'' yes"), Names{"yes"});
}

TEST(MentionedNames, NumbersAndKeywordsAreNone) {
  EXPECT_EQ(mentioned_names("let a = 1.5e3; in if a then assert b; 2 else rec { inherit c; } or with d; e"), (Names{"a", "b", "c", "d", "e"}));
}

TEST(MentionedNames, BrokenTextsEndSomewhere) {
  for (const char* text : {"\"", "''", "\"${", "/*", "#", "}}}}", "\"\\", "''$", "''\\", "'", "\"${\"${\"${"}) {
    EXPECT_TRUE(mentioned_names(text).empty()) << text;
  }
  EXPECT_EQ(mentioned_names("a} \"${b"), (Names{"a", "b"}));
}

}  // namespace
}  // namespace lathe

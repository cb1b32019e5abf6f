// SPDX-License-Identifier: MIT
#include "nix/mentioned.h"

#include <gtest/gtest.h>

#include <functional>

namespace lathe {
namespace {

std::vector<std::string_view> mentioned_names(std::string_view text) { return names_in(text).mentioned; }
MadeNames made_names(std::string_view text) { return names_in(text).made; }

using Names = std::vector<std::string_view>;

TEST(MentionedNames, AreThoseOfTheCodeOnly) {
  EXPECT_EQ(mentioned_names(
                "{ lib, b ? 1 }: # comment word\n let a-b = x'; in /* more */ lib.foo \"a text\" ''block''"),
            (Names{"a-b", "b", "foo", "lib", "x'"}));
}

TEST(MentionedNames, StringsThatCouldBeNamesAreAmongThem) {
  EXPECT_EQ(mentioned_names(R"(a."torch" + "no name" + "b${c}" + "" + "d-e")"),
            (Names{"a", "c", "d-e", "torch"}));
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
  EXPECT_EQ(mentioned_names("let a = 1.5e3; in if a then assert b; 2 else rec { inherit c; } or with d; e"),
            (Names{"a", "b", "c", "d", "e"}));
}

TEST(MentionedNames, BrokenTextsEndSomewhere) {
  for (const char* text :
       {"\"", "''", "\"${", "/*", "#", "}}}}", "\"\\", "''$", "''\\", "'", "\"${\"${\"${"}) {
    EXPECT_TRUE(mentioned_names(text).empty()) << text;
  }
  EXPECT_EQ(mentioned_names("a} \"${b"), (Names{"a", "b"}));
}

TEST(MentionedNames, WhatStandsInTheirPlaceSaysWhatTheyAre) {
  const DefaultedNames found = names_in(R"(old.LDFLAGS or "" + (old.env.A or '' x'') ++ old.list or
    # none
    [ ] // (prev.set or { }) // p.other or null // f.call or (x.y or []))")
                                   .defaulted;
  const std::set<std::string, std::less<>> texts{"A", "LDFLAGS"}, lists{"y"}, sets{"set"};
  EXPECT_EQ(found.texts, texts);
  EXPECT_EQ(found.lists, lists);
  EXPECT_EQ(found.sets, sets);
}

TEST(MentionedNames, SomeMayBeAskedFor) {
  const auto asked = [](std::string_view text) { return names_in(text).asked; };
  EXPECT_EQ(asked("let inherit (p) a; b = p.c.d; in with p; f a [ b.c e ] { inherit g; } (p.x == p.y)"),
            Names{"g"});
  EXPECT_EQ(asked("p ? a.b && p.c.d ? e"), (Names{"a", "b", "e"}));
  EXPECT_EQ(asked("p.a.b or q.c"), (Names{"a", "b", "p"}));
  EXPECT_EQ(asked("{ p, a ? null, ... }@given: given.c"), Names{"a"});
  EXPECT_EQ(asked("rec { a = let b = 1; in b; c.d = e; ${f}.g = h; }"), (Names{"a", "c", "d", "g"}));
  EXPECT_EQ(asked("f \"a\" p.\"b\" \"no name\""), (Names{"a", "b"}));
}

TEST(MadeNames, AskedIsWhatMayBeMissing) {
  for (const char* text :
       {R"(pkgs ? ${"fire" + "fox"})", R"(pkgs ? "fire${"fox"}")", R"(pkgs ? a.${b})", "pkgs.${n} or x",
        "(f pkgs).a.${n}.b or x", R"("${pkgs ? ${n}}")", "{ a ? b ? ${n} }: a", "{ c = pkgs ? ${n}; }",
        R"(pkgs . /* here */ "a${b}" or 1)", "''${pkgs.${n} or x}''", "({ ${n} = 1; } // pkgs).${n}",
        R"(({ "a${b}".c = 1; } // pkgs)."a${b}")", "a.${n} # no\n or b", "let a = b; in a.${n} or c"}) {
    EXPECT_TRUE(made_names(text).may_ask()) << text;
  }
}

TEST(MadeNames, TakenIsWhatMustBeThere) {
  for (const char* text : {R"(pkgs."python${v}Packages".torch)", "hashes.${system}", "a.${b}.c"}) {
    EXPECT_EQ(made_names(text), (MadeNames{.taken = true})) << text;
  }
}

TEST(MadeNames, GivenIsAKey) {
  for (const char* text : {"{ ${n} = 1; }", R"({ "a${n}" = 1; })", R"({ a = 2; "a${n}".b = 1; })"}) {
    EXPECT_EQ(made_names(text), (MadeNames{.given = true})) << text;
  }
}

// A set that is written in place has no names in nixpkgs that it has not here.
TEST(MadeNames, AWrittenSetMayBeAsked) {
  for (
      const char* text :
      {"let a = { b = 1; }; in a.${n} or c",
       R"({ p }: let z = if p then 1 else 2; a = { "${p}" = 1; b = { }; }; y = a; in f a.${n} or (a ? ${n}))",
       "let a = { /* } */ b = ''}''; } ; in with p; [ (a.\"x${n}\".c or d) ]",
       "assert b; let a = { }; in let c = a ? ${n}; in { d = !a ? ${n}; e = g a; }"}) {
    EXPECT_FALSE(made_names(text).asked) << text;
  }
}

TEST(MadeNames, OnlyWhereItsNameMeansNothingElse) {
  for (const char* text : {"let a = p; in a.${n} or c",
                           "let a = { } // p; in a ? ${n}",
                           "let a = { b = p; }; in a.b ? ${n}",
                           "let a = { b = p; }; in a.${b}.${n} or c",
                           "let a = { }; in (a: a.${n} or c) p",
                           "let a = { }; in ({ a, b }: a.${n} or c) p",
                           "let a = { }; in ({ b, a ? 1 }: a.${n} or c) p",
                           "let a = { }; in ({ b, a }: a.${n} or c) p",
                           "let a = { }; in (a@{ ... }: a.${n} or c) p",
                           "let a = { }; in let inherit (p) a; in a.${n} or c",
                           "let a = { }; in let a = p; in a.${n} or c",
                           R"(let a = { }; in let "a" = p; in a.${n} or c)",
                           "let a = { }; in let a = { }; in a.${n} or c",
                           "let c = let a = { }; in 1; in with p; a.${n} or c",
                           "{ b ? with p; a.${n} or c }: let a = { }; in b",
                           "with p; [ (let a = { }; in 1) (a.${n} or c) ]",
                           "with p; if b then let a = { }; in 1 else a.${n} or c",
                           "with p; { a = { }; c = a ? ${n}; }",
                           "let a = { b }: { }; in a.${n} or c",
                           "let a = { b = 1; }; f = a: p; in f a ? ${n}",
                           "let a = { b = 1; }; f = a: p; in f # =\n a ? ${n}",
                           "let a = { }; in p.c or a ? ${n}",
                           "let a = { }.b; in a ? ${n}",
                           "let a = { b = 1; }; in (a // p) ? ${n}",
                           "let a = { }; in p.a.${n} or c",
                           "let a = { }; in p ? a.${n}",
                           "let a = { }; in a.${n}.${m} or c",
                           "let a = rec { }; in a ? ${n}"}) {
    EXPECT_TRUE(made_names(text).asked) << text;
  }
}

TEST(MadeNames, TextsDefaultsAndWrittenNamesAreNone) {
  for (const char* text : {R"({ a, b ? "x${a}" }: b)", R"({ lib ? import ./x { } , n ? "${lib.y}" }@all: n)",
                           "pkgs ? firefox", R"(pkgs."a" or b)", "a.b or ''${c}''", R"(f "a${b}" c.d or e)",
                           R"(if "a${b}" == c then d else e)", R"({ a = "b${c}"; d = ./e; })", "''a ${b} c''",
                           "# pkgs ? ${n}", R"("pkgs ? \${n}")", R"([ "a${b}" c.d ])", "a.b.c or d"}) {
    EXPECT_EQ(made_names(text), MadeNames{}) << text;
  }
}

}  // namespace
}  // namespace lathe

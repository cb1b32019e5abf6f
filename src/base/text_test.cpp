// SPDX-License-Identifier: MIT
#include "base/text.h"

#include <gtest/gtest.h>

#include "base/edit_distance.h"
#include "base/outside_text.h"

namespace lathe {
namespace {

TEST(Text, SplitKeepsEmptyParts) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
}

TEST(Text, WordsStandBetweenBlanksTabsAndLineEnds) {
  EXPECT_EQ(words(" a\tb  c\r\nd"), (std::vector<std::string_view>{"a", "b", "c", "d"}));
  EXPECT_TRUE(words(" \n").empty());
}

TEST(Text, TheLastLineIsTheLastThatIsNotBlank) {
  EXPECT_EQ(last_line("first\n  last \n\n"), "last");
  EXPECT_EQ(last_line("only"), "only");
  EXPECT_EQ(last_line(" \n"), "");
}

TEST(Text, FindsTheFirstByteThatIsNotUtf8) {
  EXPECT_EQ(first_bad_utf8("gr\xC3\xBC\xC3\x9F"), std::nullopt);
  EXPECT_EQ(first_bad_utf8("ab\xFF"), 2u);
  EXPECT_EQ(first_bad_utf8("\xC0\xAF"), 0u);          // overlong
  EXPECT_EQ(first_bad_utf8("x\xED\xA0\x80"), 1u);     // surrogate
  EXPECT_EQ(first_bad_utf8("\xF4\x90\x80\x80"), 0u);  // beyond U+10FFFF
  EXPECT_EQ(first_bad_utf8("\xE2\x82"), 0u);          // cut off
}

TEST(Text, EscapeCodesAndDirectionOverridesDoNotReachTheTerminal) {
  EXPECT_EQ(printable("a\x1b[31mb\n"), "a\\x1b[31mb\\x0a");
  EXPECT_EQ(printable("x\xE2\x80\xAEy"), "x\\xe2\\x80\\xaey");
  EXPECT_EQ(printable("\xC3\xBC ok"), "\xC3\xBC ok");
}

TEST(Text, AllThatATerminalObeysIsSpelledOutAndNothingElse) {
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\xc2\\x9b31m")
      << "CSI in one character";
  EXPECT_EQ(printable("\xE2\x80\xA8"
                      "a\xE2\x81\xA7"),
            "\\xe2\\x80\\xa8a\\xe2\\x81\\xa7")
      << "a line separator, an isolate";
  EXPECT_EQ(printable("a\xFF"
                      "b\x7F"),
            "a\\xffb\\x7f");
  EXPECT_EQ(printable("\xE6\xBC\xA2 \xC3\xA9"), "\xE6\xBC\xA2 \xC3\xA9");
  EXPECT_EQ(printable(printable("\x1b[2J")), printable("\x1b[2J"));
}

TEST(Text, LinesKeepTheirEndsAndTabsButNoLoneCarriageReturn) {
  EXPECT_EQ(printable_lines("a\tb\r\nc\n"), "a\tb\r\nc\n");
  EXPECT_EQ(printable_lines("good\rbad\x1b[A\n"), "good\\x0dbad\\x1b[A\n");
}

TEST(Text, TheMarkOfAStylePassesAndTakesNoColumns) {
  const std::string marked = std::string(style_mark()) + "3x";
  EXPECT_EQ(printable(marked), marked);
  EXPECT_EQ(display_width(marked), 1u);
  EXPECT_NE(printable(std::string(style_mark().substr(0, 17)) + "z3x")[0], '\x1b')
      << "one that is guessed wrong";
}

TEST(Text, WidthCountsColumnsNotBytes) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("\xC3\xBC"), 1u);
  EXPECT_EQ(display_width("\xE6\xBC\xA2"), 2u);
  EXPECT_EQ(display_width("❌"), 2u);
  EXPECT_EQ(display_width("✗"), 1u);
}

TEST(Text, GlobsMatchTheWholeText) {
  EXPECT_TRUE(glob_match("avx512*", "avx512bf16"));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("a*b*c", "axxbyybc"));
  EXPECT_FALSE(glob_match("avx?", "avx512"));
  EXPECT_FALSE(glob_match("avx", "avx2"));
  EXPECT_FALSE(glob_match(std::string(60, '*') + "b", std::string(5000, 'a')));
}

TEST(Text, GuessesSlipsButNotOtherWords) {
  const std::vector<std::string> words = {"gpus", "isas", "python", "nixpkgs"};
  EXPECT_EQ(did_you_mean("gpsu", words), "gpus");
  EXPECT_EQ(did_you_mean("Pyhton", words), "python");
  EXPECT_EQ(did_you_mean("banana", words), std::nullopt);
  EXPECT_EQ(did_you_mean("", words), std::nullopt);
}

TEST(Text, EditDistanceWithinABoundIsTheWholeOneOrNone) {
  for (const char* a : {"", "mismatch", "missmatch", "match", "swpa", "swap", "abcdef"}) {
    for (const char* b : {"", "mismatch", "swap", "pawsswap", "fedcba"}) {
      for (const std::size_t most : {0U, 1U, 2U, 5U, 9U}) {
        const std::size_t whole = edit_distance(a, b);
        EXPECT_EQ(edit_distance_within(a, b, most), whole <= most ? std::optional(whole) : std::nullopt)
            << a << ' ' << b << ' ' << most;
      }
    }
  }
  EXPECT_EQ(edit_distance("swpa", "swap"), 1U);
  EXPECT_EQ(edit_distance("missmatch", "mismatch"), 1U);
}

}  // namespace
}  // namespace lathe

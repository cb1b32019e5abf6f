// SPDX-License-Identifier: MIT
#include "base/wrap.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(Wrap, BreaksBetweenWordsAndIndents) {
  EXPECT_EQ(wrapped("one two three", 4, 11), "one two\n    three");
  EXPECT_EQ(wrapped("a word-too-long-for-the-line b", 2, 10), "a\n  word-too-long-for-the-line\n  b");
  EXPECT_EQ(wrapped("first\nsecond line", 0, 80), "first\nsecond line");
}

TEST(Wrap, FoldsOnlyLinesThatAreTooLong) {
  EXPECT_EQ(folded("short\n\none two three four\n", 12), "short\n\none two\n    three\n    four\n");
  EXPECT_EQ(folded("no-blank-in-this-path", 10), "no-blank-in-this-path");
}

TEST(Wrap, WhatIsFoldedStandsUnderTheTextBehindItsLabel) {
  EXPECT_EQ(folded("cpu   Zen 4, with AVX-512", 20), "cpu   Zen 4, with\n      AVX-512");
  EXPECT_EQ(folded("  fix: one two three four", 20), "  fix: one two three\n       four");
}

TEST(Wrap, AWordThatLeavesNoRoomBehindItsLabelStandsBelow) {
  EXPECT_EQ(folded("a/long/path.log:1: File-not-found here", 24),
            "a/long/path.log:1:\n    File-not-found here");
}

TEST(Wrap, AFoldedCommandIsStillOne) {
  EXPECT_EQ(folded("  torchlathe carve torch.whl --gpu 'RTX 4090' -n", 30),
            "  torchlathe carve torch.whl \\\n      --gpu 'RTX 4090' -n");
  EXPECT_EQ(folded("say `torchlathe list` and don't stop", 24), "say `torchlathe list`\n    and don't stop");
}

}  // namespace
}  // namespace lathe

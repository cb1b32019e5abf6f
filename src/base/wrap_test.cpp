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

}  // namespace
}  // namespace lathe

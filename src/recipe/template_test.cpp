// SPDX-License-Identifier: MIT
#include "recipe/template.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace lathe {
namespace {

TEST(Templates, HolesInALineAreReplaced) { EXPECT_EQ(fill("a @x@ b@x@", {{"x", "1"}}), "a 1 b1\n"); }

TEST(Templates, AHoleAloneTakesLinesAtItsOwnIndent) {
  EXPECT_EQ(fill("[\n  @list@\n]\n", {{"list", "one\n\n  two\n"}}), "[\n  one\n\n    two\n]\n");
}

TEST(Templates, AnEmptyTextTakesTheLineAway) { EXPECT_EQ(fill("a\n  @x@\nb\n", {{"x", ""}}), "a\nb\n"); }

TEST(Templates, OtherSignsStayAndForgottenHolesAreErrors) {
  EXPECT_EQ(fill("me@example.org @ @@", {}), "me@example.org @ @@\n");
  EXPECT_THROW(fill("@gone@", {}), Error);
}

}  // namespace
}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "page/html.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace lathe {
namespace {

TEST(Html, TextAndValuesAreEscaped) {
  Html html;
  html.element("p", {{"title", "a\"'<&>"}}, "<b>&amp;\x1b");
  EXPECT_EQ(html.take(), "<p title=\"a&quot;&#39;&lt;&amp;&gt;\">&lt;b&gt;&amp;amp;\\x1b</p>");
}

TEST(Html, ElementsCloseInTheOrderOfTheirOpening) {
  Html html;
  html.open("ul").open("li").text("a").close().close();
  EXPECT_EQ(html.take(), "<ul><li>a</li></ul>");
}

TEST(Html, AnAttributeWithoutValueIsLeftOut) {
  Html html;
  html.empty("input", {{"name", "q"}, {"class", ""}, {"hidden", Html::bare}});
  EXPECT_EQ(html.take(), "<input name=\"q\" hidden>");
}

TEST(Html, WhatStaysOpenIsAFault) {
  Html html;
  html.open("p");
  EXPECT_THROW(html.take(), Error);
  Html closed;
  EXPECT_THROW(closed.close(), Error);
}

}  // namespace
}  // namespace lathe

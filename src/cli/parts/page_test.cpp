// SPDX-License-Identifier: MIT
#include "cli/parts/page.h"

#include <gtest/gtest.h>

#include <string>

namespace lathe {
namespace {

constexpr const char* page =
    "# carve\n\nOne two three\nfour five.\n\n- an item that is\n  long enough\n- another\n\n"
    "| `a` | b |\n| --- | --- |\n| x\\|y | a cell of words |\n\n```console\n$ torchlathe carve it\n```\n";

TEST(Page, IsItselfInAPipe) {
  std::string out, err;
  const Terminal terminal(out, err);
  EXPECT_EQ(page_text(page, terminal), page);
}

TEST(Page, FitsATerminal) {
  std::string out, err;
  Terminal terminal(out, err);
  terminal.set_fold(20);
  EXPECT_EQ(page_text(page, terminal),
            "# carve\n\nOne two three four\nfive.\n\n- an item that is\n  long enough\n- another\n\n"
            "`a`  b\nx|y  a cell of words\n\n$ torchlathe carve it\n");
}

}  // namespace
}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "os/terminal.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(Terminal, KeepsTheTwoStreamsApartAndUncolouredInTests) {
  std::string out, err;
  Terminal terminal(out, err);
  terminal.out("table\n");
  terminal.err("note\n");
  EXPECT_EQ(out, "table\n");
  EXPECT_EQ(err, "note\n");
  EXPECT_EQ(terminal.styled(Style::red, "x"), "x");
}

TEST(Progress, IsSilentWhereNobodyWatches) {
  std::string out, err;
  Terminal terminal(out, err);
  {
    Progress progress(terminal);
    progress.show("carving 1/2");
  }
  EXPECT_EQ(err, "");
}

}  // namespace
}  // namespace lathe

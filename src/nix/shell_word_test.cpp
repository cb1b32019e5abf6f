// SPDX-License-Identifier: MIT
#include "nix/shell_word.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(ShellWord, OnlyWhatAShellWouldReadIsQuoted) {
  EXPECT_EQ(shell_word("matrices/pytorch-2.10.toml"), "matrices/pytorch-2.10.toml");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("a b"), "'a b'");
  EXPECT_EQ(shell_word("$(reboot)"), "'$(reboot)'");
  EXPECT_EQ(shell_word("~/x"), "'~/x'");
}

TEST(ShellWord, AQuoteEndsNoWord) {
  EXPECT_EQ(single_quoted("it's"), "'it'\\''s'");
  EXPECT_EQ(single_quoted("plain"), "'plain'");
}

}  // namespace
}  // namespace lathe

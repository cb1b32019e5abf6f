// SPDX-License-Identifier: MIT
#include "os/terminal.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

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

TEST(Terminal, NoTextReachesTheTerminalAsACommandToIt) {
  std::string out, err;
  Terminal terminal(out, err);
  terminal.out("a\x1b[2J\r\xE2\x80\xAE\n");
  terminal.err("b\x1b]0;title\a\n");
  EXPECT_EQ(out, "a\\x1b[2J\\x0d\\xe2\\x80\\xae\n");
  EXPECT_EQ(err, "b\\x1b]0;title\\x07\n");
}

TEST(Terminal, APrintedLineIsOneLineWhateverNamesAreInIt) {
  std::string out, err;
  Terminal terminal(out, err);
  const std::vector<std::string> names = {"a\nb", "c"};
  terminal.print("{:4}|{}|{}|{}\n", "x", std::string("file\nerror: forged"), 7, fmt::join(names, ", "));
  EXPECT_EQ(out, "x   |file\\x0aerror: forged|7|a\\x0ab, c\n");
}

TEST(Terminal, AFilesContentIsHandedOnAsItIs) {
  std::string out, err;
  Terminal terminal(out, err);
  terminal.data("a\x0c\xFF\r");
  EXPECT_EQ(out, "a\x0c\xFF\r");
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

// SPDX-License-Identifier: MIT
#include "report/table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "base/text.h"

namespace lathe {
namespace {

Table sample() {
  Table table({"name", "size"});
  table.align_right(1);
  table.add({"libtorch.so", "7"});
  table.add({"a,\"b\"|c", "1024"});
  return table;
}

TEST(Table, AlignsForPeople) {
  std::string out, err;
  const Terminal terminal(out, err);
  EXPECT_EQ(sample().text(terminal), "name         size\nlibtorch.so     7\na,\"b\"|c      1024\n");
}

TEST(Table, ARowThatIsTooWideGoesOnBelow) {
  std::string out, err;
  Terminal terminal(out, err);
  terminal.set_fold(20);
  Table table({"name", "why"});
  table.add({"a-long-name", "no code for it at all"});
  table.add({"short", "fine"});
  EXPECT_EQ(table.text(terminal),
            "name         why\na-long-name\n    no code for it\n    at all\nshort        fine\n");
}

Table wide(std::size_t spare) {
  Table table({"variant", "gpu", "status", "why"});
  if (spare > 0) table.spare(spare);
  table.add({"torch-sm90-avx512", "9.0", "valid", "the best of its kind"});
  table.add({"torch-sm75-avx2", "7.5", "redundant", "-"});
  return table;
}

TEST(Table, WhatIsSaidTwiceIsLeftOutBeforeAnythingGoesBelow) {
  std::string out, err;
  Terminal terminal(out, err);
  terminal.set_fold(30);
  EXPECT_EQ(wide(1).text(terminal),
            "variant            status\n    why\n"
            "torch-sm90-avx512  valid\n    the best of its kind\n"
            "torch-sm75-avx2    redundant\n");
}

TEST(Table, AWideColumnGoesBelowWithItsHead) {
  std::string out, err;
  Terminal terminal(out, err);
  terminal.set_fold(33);
  Table table({"gpu", "also named", "cc", "source"});
  table.add({"RTX 5090", "GeForce RTX 5090, RTX 5090 D", "12.0", "a list"});
  EXPECT_EQ(
      table.text(terminal),
      "gpu       cc    source\nRTX 5090  12.0  a list\n    also named: GeForce RTX 5090,\n    RTX 5090 D\n");
}

TEST(Table, AFirstCellThatLeavesNoRoomHasALineForItself) {
  std::string out, err;
  Terminal terminal(out, err);
  terminal.set_fold(30);
  EXPECT_EQ(wide(0).text(terminal),
            "variant\n    gpu  status     why\n"
            "torch-sm90-avx512\n    9.0  valid\n    the best of its kind\n"
            "torch-sm75-avx2\n    7.5  redundant  -\n");
}

TEST(Table, NoLineIsLongerThanTheTerminalUnlessItIsOneWord) {
  std::string out, err;
  Terminal terminal(out, err);
  for (unsigned columns = 20; columns < 120; ++columns) {
    terminal.set_fold(columns);
    const std::string text = wide(columns % 2).text(terminal);
    for (const std::string_view line : split(text, '\n')) EXPECT_LE(line.size(), columns) << line;
    EXPECT_EQ(columns >= wide(0).width(), std::ranges::count(text, '\n') == 3) << columns;
  }
}

TEST(Table, EscapesForSpreadsheetsAndDocuments) {
  EXPECT_EQ(sample().csv(), "name,size\r\nlibtorch.so,7\r\n\"a,\"\"b\"\"|c\",1024\r\n");
  EXPECT_EQ(sample().markdown(),
            "| name | size |\n| --- | ---: |\n| libtorch.so | 7 |\n| a,\"b\"\\|c | 1024 |\n");
}

TEST(Table, NoCellIsAFormulaOrACommandInAnyFormat) {
  std::string out, err;
  const Terminal terminal(out, err);
  Table table({"name"});
  for (const char* name : {"=1+1", "+1", "-1", "@x", "-", "\t=1", "a\x1b[m\nb", "<b>"}) table.add({name});
  EXPECT_EQ(table.csv(), "name\r\n'=1+1\r\n'+1\r\n'-1\r\n'@x\r\n-\r\n\\x09=1\r\na\\x1b[m\\x0ab\r\n<b>\r\n");
  EXPECT_EQ(table.text(terminal), "name\n=1+1\n+1\n-1\n@x\n-\n\\x09=1\na\\x1b[m\\x0ab\n<b>\n");
  EXPECT_NE(table.markdown().find("| a\\x1b[m\\x0ab |\n| &lt;b> |\n"), std::string::npos);
}

TEST(Table, ALineAtATimeIsTheSameTable) {
  std::string out, err;
  const Terminal terminal(out, err);
  Table lines({"name", "size"});
  lines.align_right(1);
  const std::vector<std::vector<std::string>> rows = {{"libtorch.so", "7"}, {"a,\"b\"|c", "1024"}};
  for (const auto& row : rows) lines.measure(row);
  const Table::Lines printed = lines.lines(terminal);
  std::string text = printed.head(), csv = lines.csv_head(), markdown = lines.markdown_head();
  for (const auto& row : rows) {
    text += printed.row(row, Style::plain);
    csv += Table::csv_line(row);
    markdown += Table::markdown_line(row);
  }
  EXPECT_EQ(text, sample().text(terminal));
  EXPECT_EQ(csv, sample().csv());
  EXPECT_EQ(markdown, sample().markdown());
}

}  // namespace
}  // namespace lathe

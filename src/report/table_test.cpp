// SPDX-License-Identifier: MIT
#include "report/table.h"

#include <gtest/gtest.h>

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
  std::string text = lines.text_head(terminal), csv = lines.csv_head(), markdown = lines.markdown_head();
  for (const auto& row : rows) {
    text += lines.text_line(row, Style::plain, terminal);
    csv += Table::csv_line(row);
    markdown += Table::markdown_line(row);
  }
  EXPECT_EQ(text, sample().text(terminal));
  EXPECT_EQ(csv, sample().csv());
  EXPECT_EQ(markdown, sample().markdown());
}

}  // namespace
}  // namespace lathe

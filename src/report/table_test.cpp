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

TEST(Table, EscapesForSpreadsheetsAndDocuments) {
  EXPECT_EQ(sample().csv(), "name,size\r\nlibtorch.so,7\r\n\"a,\"\"b\"\"|c\",1024\r\n");
  EXPECT_EQ(sample().markdown(), "| name | size |\n| --- | ---: |\n| libtorch.so | 7 |\n| a,\"b\"\\|c | 1024 |\n");
}

}  // namespace
}  // namespace lathe

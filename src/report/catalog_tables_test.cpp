// SPDX-License-Identifier: MIT
#include "report/catalog_tables.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "base/json.h"
#include "base/text.h"

namespace lathe {
namespace {

std::string printed(std::string_view table, std::string_view format,
                    const std::vector<std::string>& globs = {}) {
  std::string out, err;
  Terminal terminal(out, err);
  print(catalog_table(table, globs), format, terminal);
  terminal.flush();
  return out;
}

TEST(CatalogTables, EveryRowHasEveryColumnAndEndsWithItsSource) {
  for (const std::string_view name : catalog_table_names()) {
    const CatalogTable table = catalog_table(name, {});
    EXPECT_EQ(table.name, name);
    ASSERT_FALSE(table.rows.empty()) << name;
    EXPECT_EQ(table.heads.back(), "source");
    for (const auto& row : table.rows) {
      ASSERT_EQ(row.size(), table.heads.size()) << name;
      EXPECT_FALSE(std::get<std::string>(row.back()).empty()) << name;
    }
  }
}

TEST(CatalogTables, AGlobKeepsRowsOfWhichAValueFits) {
  EXPECT_EQ(catalog_table("gpus", {"12.1"}).rows.size(), 1u);
  EXPECT_EQ(catalog_table("gpus", {"dgx spark"}).rows.size(), 1u);  // an alias, letter case ignored
  EXPECT_EQ(catalog_table("gpus", {"12.1", "11.0"}).rows.size(),
            1 + catalog_table("gpus", {"11.0"}).rows.size());
  EXPECT_GT(catalog_table("gpus", {"*RTX 50*"}).rows.size(), 10u);
  EXPECT_TRUE(catalog_table("gpus", {"12"}).rows.empty());
  EXPECT_EQ(catalog_table("gpus", {"12", "12.1"}).unmet, std::vector<std::string>{"12"});
  // not those that CUDA 9.0 was the first for
  EXPECT_EQ(catalog_table("capabilities", {"9.0"}).rows.size(), 1u);
}

TEST(CatalogTables, AWordThatIsNoWholeValueIsLookedForInside) {
  const CatalogTable of_number = catalog_table("gpus", {"5090"});
  ASSERT_FALSE(of_number.rows.empty());
  for (const auto& row : of_number.rows)
    EXPECT_NE(std::get<std::string>(row.front()).find("5090"), std::string::npos);
  EXPECT_FALSE(catalog_table("gpus", {"pro 6000"}).rows.empty());
  EXPECT_TRUE(catalog_table("gpus", {"509"}).rows.empty());
  EXPECT_TRUE(catalog_table("gpus", {""}).rows.empty());
  // where a row is from is not a value of it
  EXPECT_TRUE(catalog_table("gpus", {"nvidia's list"}).rows.empty());
}

TEST(CatalogTables, JsonIsOneRecordWithTypedMembers) {
  const Json root = parse_json(printed("isas", "json", {"avx2"}), "out.json");
  const Json* isas = root.find("isas");
  ASSERT_TRUE(isas && isas->array());
  const auto avx2 =
      std::ranges::find_if(*isas->array(), [](const Json& isa) { return isa.text_of("isa") == "avx2"; });
  ASSERT_NE(avx2, isas->array()->end());
  EXPECT_EQ(avx2->find("flags")->array()->size(), 3u);
  EXPECT_EQ(*avx2->find("level")->get<std::int64_t>(), 2);
  EXPECT_TRUE(avx2->find("pytorch_note")->is_null());
}

TEST(CatalogTables, LongListsAreCutInTextOnly) {
  EXPECT_NE(printed("cpus", "text", {"Zen 2"}).find(" more"), std::string::npos);
  EXPECT_EQ(printed("cpus", "csv", {"Zen 2"}).find(" more"), std::string::npos);
  EXPECT_NE(printed("cpus", "md", {"Zen 2"}).find("EPYC 7R32"), std::string::npos);
}

}  // namespace
}  // namespace lathe

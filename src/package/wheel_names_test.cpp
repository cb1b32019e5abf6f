// SPDX-License-Identifier: MIT
#include "package/wheel_names.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(WheelNames, ReadsTheNameOfAWheel) {
  const auto name = parse_wheel_name("torch-2.10.0+cu128-cp312-cp312-manylinux_2_28_x86_64.whl");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->distribution, "torch");
  EXPECT_EQ(name->version, "2.10.0+cu128");
  EXPECT_EQ(name->rest, "cp312-cp312-manylinux_2_28_x86_64");
  EXPECT_EQ(parse_wheel_name("torch-2.10.0%2Bcu128-cp312-cp312-linux_x86_64.whl")->version, "2.10.0+cu128");
  EXPECT_EQ(parse_wheel_name("a-1.0-7-py3-none-any.whl")->rest, "7-py3-none-any");
  const auto variant = parse_wheel_name("a-1.0-7-py3-none-any-sm90.whl");
  EXPECT_EQ(variant->rest, "7-py3-none-any");
  EXPECT_EQ(variant->variant, "sm90");
  EXPECT_EQ(variant->file_name(), "a-1.0-7-py3-none-any-sm90.whl");
  EXPECT_EQ(parse_wheel_name("a-1.0-py3-none-any-sm90.whl")->variant, "sm90");
  EXPECT_EQ(name->file_name(), "torch-2.10.0+cu128-cp312-cp312-manylinux_2_28_x86_64.whl");
  for (const char* wrong : {"torch.whl", "torch-2.10.0.zip", "a-b-c-d-e-f-g.whl", "a-1.0-7-py3-none.whl",
                            "a-1-1-py3-none-any-x-y.whl", "-1-py3-none-any.whl", ""}) {
    EXPECT_FALSE(parse_wheel_name(wrong)) << wrong;
  }
}

TEST(WheelNames, ChangesTheVersionInMetadataAndNothingElse) {
  EXPECT_EQ(metadata_with_version(
                "Metadata-Version: 2.1\nName: torch\nVersion: 2.10.0\n\nVersion: of the text\n", "3+x"),
            "Metadata-Version: 2.1\nName: torch\nVersion: 3+x\n\nVersion: of the text\n");
  EXPECT_EQ(metadata_with_version("Version: 1\r\nName: a\r\n", "2"), "Version: 2\r\nName: a\r\n");
  EXPECT_FALSE(metadata_with_version("Name: torch\n\nVersion: 1\n", "2"));
  EXPECT_FALSE(metadata_with_version("", "2"));
}

TEST(WheelNames, RewritesRecord) {
  const std::map<std::string, RecordedFile> written = {
      {"t/a.so", {.hash = sha256({}), .size = 5}},
      {"t-2.dist-info/new.json", {.hash = sha256({}), .size = 7}}};
  const std::string record = rewrite_record(
      "t/a.so,sha256=old,9\r\n\"t/b,\"\"c\"\"\",sha256=same,3\nt-1.dist-info/RECORD.jws,,\nt-1.dist-info/"
      "RECORD,,\n"
      "t-1.dist-info/WHEEL,sha256=w,1\n",
      "t-1.dist-info/RECORD", written, [](std::string_view name) {
        return name.starts_with("t-1.") ? "t-2." + std::string(name.substr(4)) : std::string(name);
      });
  const std::string empty = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
  EXPECT_EQ(record, "t/a.so," + empty +
                        ",5\n\"t/b,\"\"c\"\"\",sha256=same,3\nt-2.dist-info/WHEEL,sha256=w,1\n"
                        "t-2.dist-info/new.json," +
                        empty + ",7\nt-2.dist-info/RECORD,,\n");
}

TEST(WheelNames, WhatNoIndexWouldCallAWheelIsNoName) {
  EXPECT_FALSE(parse_wheel_name("torch-2.11.0-cp312-cp312-manylinux_2_28_x86_64 (1).whl"));
  EXPECT_FALSE(parse_wheel_name("torch-2.11.0--cp312-any.whl"));
  EXPECT_FALSE(parse_wheel_name("torch-2.11.0-cp312-cp312-any.zip"));
}

TEST(WheelNames, TheTextsInsideTellTheName) {
  const auto name = wheel_name_inside("torch-2.11.0+cu130",
                                      "Wheel-Version: 1.0\nTag: cp312-cp312-manylinux_2_27_x86_64\r\n"
                                      "Tag: cp312-cp312-manylinux_2_28_x86_64\n\nTag: no-field-here\n",
                                      "");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->file_name(),
            "torch-2.11.0+cu130-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl");
  EXPECT_EQ(wheel_name_inside("six-1.17.0", "Tag: py2-none-any\nTag: py3-none-any\n", "")->file_name(),
            "six-1.17.0-py2.py3-none-any.whl");
  EXPECT_EQ(wheel_name_inside("a-1", "Build: 2local\nTag: py3-none-any\n", "sm90")->file_name(),
            "a-1-2local-py3-none-any-sm90.whl");
  EXPECT_FALSE(wheel_name_inside("a-1", "Wheel-Version: 1.0\n", ""));
  EXPECT_FALSE(wheel_name_inside("a-1", "Tag: ../../x-none-any\n", ""));
  EXPECT_FALSE(wheel_name_inside("nothing", "Tag: py3-none-any\n", ""));
}

TEST(WheelNames, AFolderIsMeantByItsNameHoweverItIsSpelled) {
  const auto name = parse_wheel_name("Foo_Bar-1.0+local.1-py3-none-any.whl");
  EXPECT_TRUE(names_stem(*name, "foo_bar-1.0+local.1"));
  EXPECT_TRUE(names_stem(*name, "Foo.Bar-1.0+local_1"));
  EXPECT_FALSE(names_stem(*name, "foo_bar-1.1+local.1"));
  EXPECT_FALSE(names_stem(*name, "foo-1.0+local.1"));
}

TEST(WheelNames, NamesInRecordMayHoldLineEndsQuotesAndCommas) {
  const std::string text =
      "\"a\nb\",sha256=x,1\n\"say \"\"hi\"\".so\",sha256=y,2\r\n\" c\r\",,\nt-1.dist-info/RECORD,,\n";
  EXPECT_EQ(recorded_paths(text),
            (std::set<std::string>{"a\nb", "say \"hi\".so", " c\r", "t-1.dist-info/RECORD"}));
  const std::map<std::string, RecordedFile> written = {{"a\nb", {.hash = sha256({}), .size = 5}}};
  const auto same = [](std::string_view name) { return std::string(name); };
  EXPECT_EQ(
      rewrite_record(text, "t-1.dist-info/RECORD", written, same),
      "\"a\nb\",sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,5\n\"say \"\"hi\"\".so\",sha256=y,2\n"
      "\" c\r\",,\nt-1.dist-info/RECORD,,\n");
}

TEST(WheelNames, RecordHasNoLineOfWhatIsGoneAndAlwaysItsOwn) {
  const auto without_b = [](std::string_view name) {
    return name == "b" ? std::string() : std::string(name);
  };
  EXPECT_EQ(rewrite_record("a,,\nb,,\nb/c,,\n", "t-1.dist-info/RECORD", {}, without_b),
            "a,,\nb/c,,\nt-1.dist-info/RECORD,,\n");
  EXPECT_EQ(rewrite_record("t-1.dist-info/RECORD,,\na,,\nt-1.dist-info/RECORD,,\n", "t-1.dist-info/RECORD",
                           {}, without_b),
            "a,,\nt-1.dist-info/RECORD,,\n");
  EXPECT_EQ(rewrite_record("", "t-1.dist-info/RECORD", {}, without_b), "t-1.dist-info/RECORD,,\n");
}

TEST(WheelNames, ARecordThatEndsInsideAQuotedFieldIsNotWhole) {
  for (const char* whole : {"", "a,,\n", "\"a\",,", "\"a\"\"b\"", "a\"b,,\n"})
    EXPECT_TRUE(is_whole_record(whole)) << whole;
  for (const char* cut : {"\"a,,\nb,,\n", "a,\"x", "\"a\"\"", "a,,\n\""})
    EXPECT_FALSE(is_whole_record(cut)) << cut;
}

TEST(WheelNames, AnotherDistInfoInAWheelIsFilesLikeAnyOther) {
  const auto same = [](std::string_view name) { return std::string(name); };
  EXPECT_EQ(
      rewrite_record(
          "u-2.dist-info/RECORD,sha256=x,1\nu-2.dist-info/RECORD.jws,sha256=y,2\nt-1.dist-info/RECORD.p7s,,\n"
          "t-1.dist-info/RECORD,,\n",
          "t-1.dist-info/RECORD", {}, same),
      "u-2.dist-info/RECORD,sha256=x,1\nu-2.dist-info/RECORD.jws,sha256=y,2\nt-1.dist-info/RECORD,,\n");
}

}  // namespace
}  // namespace lathe

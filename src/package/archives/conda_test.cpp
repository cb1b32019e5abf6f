// SPDX-License-Identifier: MIT
// What is written into info/. tests/archives.py has whole packages and conda's own readers.
#include "package/archives/conda.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace lathe {
namespace {

TEST(Conda, TheMarkGoesBeforeTheNumberOfTheBuild) {
  EXPECT_EQ(conda_build_with("cuda129_py312_0", "sm90"), "cuda129_py312_sm90_0");
  EXPECT_EQ(conda_build_with("0", "sm90"), "sm90_0");
  EXPECT_EQ(conda_build_with("h1234", "sm90_zstd"), "h1234_sm90_zstd");
  EXPECT_EQ(conda_build_with("a_", "sm90"), "a__sm90");
}

TEST(Conda, ANameThatLeadsElsewhereIsRefused) {
  EXPECT_EQ(conda_name(R"({"name":"a-b","version":"1.0","build":"h_0"})").stem(), "a-b-1.0-h_0");
  EXPECT_THROW(conda_name(R"({"name":"../a","version":"1","build":"0"})"), Error);
  EXPECT_THROW(conda_name(R"({"name":"a","version":"1-2","build":"0"})"), Error);
  EXPECT_THROW(conda_name(R"({"name":"a","version":"1"})"), Error);
  EXPECT_THROW(conda_name("[]"), Error);
}

TEST(Conda, TheIndexGetsTheBuildAndTheLeastCapability) {
  EXPECT_EQ(conda_index_with(R"({"name":"a","build":"0","depends":["x"]})", "sm90_0", ""),
            R"({"name":"a","build":"sm90_0","depends":["x"]})"
            "\n");
  EXPECT_EQ(conda_index_with(R"({"build":"0","constrains":["y","__cuda_arch >=7.0"]})", "1", "9.0"),
            R"({"build":"1","constrains":["y","__cuda_arch >=9.0"]})"
            "\n");
}

TEST(Conda, PathsThatChangedHaveNewHashesAndThoseThatAreGoneNone) {
  const std::string paths =
      R"({"paths":[{"_path":"a","sha256":"x","sha256_in_prefix":"y",)"
      R"("size_in_bytes":1,"prefix_placeholder":"/p"},)"
      R"({"_path":"b","sha256":"x","size_in_bytes":1},{"_path":"c","size_in_bytes":1}],"paths_version":1})";
  const std::string now = conda_paths_with(paths, {{"a", {.hash = sha256({}), .size = 0}}}, {"b"});
  EXPECT_EQ(
      now,
      R"({"paths":[{"_path":"a","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",)"
      R"("size_in_bytes":0,"prefix_placeholder":"/p"},{"_path":"c","size_in_bytes":1}],"paths_version":1})"
      "\n");
  EXPECT_THROW(conda_paths_with("{}", {}, {}), Error);
}

TEST(Conda, ListsLoseTheLinesOfWhatIsGone) {
  EXPECT_EQ(conda_files_without("a\nb\nc", {"b"}), "a\nc");
  EXPECT_EQ(conda_files_without("a\nb\nc", {"c"}), "a\nb\n");
}

TEST(Conda, AboutTellsWhatWasDone) {
  EXPECT_EQ(
      conda_about_with(R"({"extra":{"k":1},"home":"h"})", "torchlathe 1", "9.0", "0"),
      R"({"extra":{"k":1,"torchlathe":{"tool":"torchlathe 1","gpus":"9.0","build_before":"0"}},"home":"h"})"
      "\n");
}

}  // namespace
}  // namespace lathe

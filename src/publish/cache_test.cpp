// SPDX-License-Identifier: MIT
#include "publish/cache.h"

#include <gtest/gtest.h>

#include "nix/nix.h"

namespace lathe {
namespace {

// A Nix that answers what it is told to, and what it was asked.
class CacheOfAnotherNix : public testing::Test {
 protected:
  void SetUp() override {
    if (!find_nix("nix")) GTEST_SKIP() << "needs Nix's path";
  }

  RunProcess answers(int code, std::string out, std::string err) {
    return [this, code, out, err](const Process& process) {
      asked_ = process.arguments;
      ProcessResult result;
      result.exit_status = code;
      result.out = out;
      result.err = err;
      return result;
    };
  }

  std::vector<std::string> asked_;
};

TEST_F(CacheOfAnotherNix, ACompanionNeedsAnyOutputOfItsPytorch) {
  const auto run = answers(0, "/nix/store/a-glibc\n/nix/store/b-torch-lib\n", "");
  EXPECT_TRUE(needs_any("/nix/store/c-vision", {"/nix/store/b-torch", "/nix/store/b-torch-lib"}, run));
  EXPECT_FALSE(needs_any("/nix/store/c-vision", {"/nix/store/b-torch"}, run));
  EXPECT_FALSE(needs_any("/nix/store/c-vision", {"/nix/store/b-torch-lib"},
                         answers(1, "/nix/store/b-torch-lib\n", "")));
}

TEST_F(CacheOfAnotherNix, AllOutputsAreCopiedSignedWhereThereIsAKey) {
  EXPECT_EQ(copy_to_cache({.uri = "s3://b?region=eu-1", .key_file = "/key"},
                          {.store_path = "/a", .outputs = {"/a", "/a-lib"}}, answers(0, "", "")),
            "");
  EXPECT_EQ(asked_[asked_.size() - 3], "s3://b?region=eu-1&secret-key=/key");
  EXPECT_EQ(asked_.back(), "/a-lib");
}

TEST_F(CacheOfAnotherNix, OneWithoutS3SaysWhatToDo) {
  const std::string why =
      copy_to_cache({.uri = "s3://b"}, {.outputs = {"/a"}},
                    answers(1, "", "warning: x\nerror: don't know how to open Nix store 's3://b'\n"));
  EXPECT_NE(why.find("publish to a folder"), std::string::npos) << why;
  EXPECT_EQ(copy_to_cache({.uri = "ssh://h"}, {.outputs = {"/a"}},
                          answers(1, "", "warning: x\nerror: no such host\n")),
            "error: no such host");
}

}  // namespace
}  // namespace lathe

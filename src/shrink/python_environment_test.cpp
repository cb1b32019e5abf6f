// SPDX-License-Identifier: MIT
#include "shrink/python_environment.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

PythonEnvironment answered(const std::string& out, int status = 0) {
  return environment_of_python([&](const Process& process) {
    EXPECT_EQ(process.arguments.at(1), "-I");
    ProcessResult result;
    result.exit_status = status;
    result.out = out;
    return result;
  });
}

class Python : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!find_program("python3")) GTEST_SKIP() << "no python3 on PATH";
  }
};

TEST_F(Python, OfAVirtualEnvironmentIsAllOfIt) {
  const auto found =
      answered(R"({"version": "3.12.4", "prefix": "/v", "base": "/usr", "pure": "/v/p", "plat": "/v/q"})");
  EXPECT_TRUE(found.is_virtual);
  EXPECT_EQ(found.folder, "/v");
  EXPECT_EQ(found.version, "3.12.4");
}

TEST_F(Python, OfOthersIsWherePackagesGo) {
  const auto found = answered(
      R"({"version": "3.12.4", "prefix": "/usr", "base": "/usr", "pure": "/usr/p", "plat": "/usr/p"})");
  EXPECT_FALSE(found.is_virtual);
  EXPECT_EQ(found.folder, "/usr/p");
  EXPECT_THROW(answered(R"({"prefix": "/usr", "base": "/usr", "pure": "/usr/p", "plat": "/usr/q"})"), Error);
}

TEST_F(Python, ThatGivesNoAnswerIsAnError) {
  EXPECT_THROW(answered("", 1), Error);
  EXPECT_THROW(answered("Python 2"), Error);
  EXPECT_THROW(answered("{}"), Error);
}

TEST_F(Python, OfThisMachineAnswers) { EXPECT_TRUE(environment_of_python().folder.is_absolute()); }

}  // namespace
}  // namespace lathe

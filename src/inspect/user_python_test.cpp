// SPDX-License-Identifier: MIT
#include "inspect/user_python.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <initializer_list>
#include <map>
#include <string>

#include "testing/scratch_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

class UserPython : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"PATH", "VIRTUAL_ENV", "UV"}) {
      const char* value = std::getenv(name);
      if (value) before_[name] = value;
      ::unsetenv(name);
    }
  }
  void TearDown() override {
    for (const char* name : {"PATH", "VIRTUAL_ENV", "UV"}) ::unsetenv(name);
    for (const auto& [name, value] : before_) ::setenv(name.c_str(), value.c_str(), 1);
  }

  // A folder with these programs.
  fs::path with(const std::string& name, std::initializer_list<const char*> programs) {
    for (const char* program : programs)
      fs::permissions(scratch_.write(name + "/" + program, "#!/bin/sh\n"), fs::perms::owner_all);
    return scratch_.path() / name;
  }
  void set_path(const fs::path& first, const fs::path& second) {
    ::setenv("PATH", (first.string() + ":" + second.string()).c_str(), 1);
  }

 private:
  testing::ScratchFolder scratch_;
  std::map<std::string, std::string> before_;
};

TEST_F(UserPython, IsThatOfTheActiveEnvironment) {
  const fs::path venv = with("venv/bin", {"python3"}).parent_path(), other = with("other", {"python3"});
  set_path(other, other);
  ::setenv("VIRTUAL_ENV", venv.c_str(), 1);
  EXPECT_EQ(user_python(), venv / "bin/python3");
  ::setenv("VIRTUAL_ENV", "/gone", 1);
  EXPECT_EQ(user_python(), other / "python3");
}

TEST_F(UserPython, IsTheFirstInPath) {
  const fs::path without = with("without", {"torchlathe"}), first = with("first", {"python3", "torchlathe"});
  set_path(without, first);
  EXPECT_EQ(user_python(), first / "python3");
  set_path(without, without);
  EXPECT_EQ(user_python(), std::nullopt);
  ::setenv("PATH", "first", 1);
  EXPECT_EQ(user_python(), std::nullopt);
}

TEST_F(UserPython, IsNotTheOneThatUvxMadeForThisProgram) {
  const fs::path made = with("made", {"python3", "torchlathe"}), own = with("own", {"python3"});
  set_path(made, own);
  ::setenv("UV", "/usr/bin/uv", 1);
  EXPECT_EQ(user_python(), own / "python3");
  ::unsetenv("UV");
  EXPECT_EQ(user_python(), made / "python3");
}

}  // namespace
}  // namespace lathe

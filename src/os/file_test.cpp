// SPDX-License-Identifier: MIT
#include "os/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "os/mapped_file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / ("lathe_files_" + std::to_string(::getpid()));
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }
  fs::path folder;
};

std::string error_of(const fs::path& path, std::uint64_t limit = 1000) {
  try {
    read_file(path, limit);
  } catch (const Error& error) {
    return error.what();
  }
  return "read";
}

TEST_F(Files, WhatIsWrittenIsReadBack) {
  const fs::path file = folder / "a";
  const std::string content(100000, 'x');
  write_file_atomically(file, content);
  EXPECT_EQ(read_file(file), content);
  EXPECT_EQ(as_text(MappedFile::open(file).bytes()), content);
  write_file_atomically(file, "");
  EXPECT_EQ(read_file(file), "");
  EXPECT_TRUE(MappedFile::open(file).bytes().empty());
}

TEST_F(Files, AnExecutableStaysOne) {
  const fs::path file = folder / "a";
  write_file_atomically(file, "1");
  ::chmod(file.c_str(), 0751);
  write_file_atomically(file, "2");
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0751u);
}

TEST_F(Files, MissingFilesFoldersAndPipesAreClearErrors) {
  EXPECT_NE(error_of(folder / "none").find("cannot open: No such file"), std::string::npos);
  EXPECT_NE(error_of(folder).find("this is a folder"), std::string::npos);
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_NE(error_of(folder / "pipe").find("not a regular file"), std::string::npos);
  write_file_atomically(folder / "big", std::string(2000, 'x'));
  EXPECT_NE(error_of(folder / "big").find("2000 bytes; at most 1000"), std::string::npos);
}

TEST_F(Files, AFailedWriteLeavesTheOldFileAndNothingBeside) {
  const fs::path sub = folder / "sub";
  fs::create_directories(sub / "target");  // a folder cannot be replaced by a file
  EXPECT_THROW(write_file_atomically(sub / "target", "new"), Error);
  EXPECT_EQ(std::distance(fs::directory_iterator(sub), fs::directory_iterator()), 1);
}

// A writer killed at any moment leaves the old content or the new.
TEST_F(Files, KilledAtRandomMomentsTheFileIsOldOrNew) {
  const fs::path file = folder / "victim";
  const std::string one(300000, '1'), two(300000, '2');
  write_file_atomically(file, one);
  for (int round = 0; round < 40; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      while (true) {
        write_file_atomically(file, two);
        write_file_atomically(file, one);
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200 + 137 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const std::string now = read_file(file);
    ASSERT_TRUE(now == one || now == two) << "round " << round << ", " << now.size() << " bytes";
  }
}

}  // namespace
}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "os/file.h"

#include <gtest/gtest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iterator>
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

TEST_F(Files, WrittenByRootAFileStaysItsOwners) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root";
  const fs::path file = folder / "a";
  write_file_atomically(file, "1");
  ASSERT_EQ(::chown(file.c_str(), 1234, 2345), 0);
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  write_file_atomically(file, "2");
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 1234u);
  EXPECT_EQ(status.st_gid, 2345u);
  EXPECT_EQ(status.st_mode & 07777, 0640u);
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

// ---- What is not a regular file
// -------------------------------------------------------------------------------------

std::string why_not_written(const fs::path& path) {
  try {
    write_file_atomically(path, "new");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_F(Files, AChainOfLinksStaysAndItsEndIsWritten) {
  fs::create_directories(folder / "deep");
  write_file_atomically(folder / "deep/file", "old");
  fs::create_symlink("deep/middle", folder / "link");
  fs::create_symlink("file", folder / "deep/middle");
  write_file_atomically(folder / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link") && fs::is_symlink(folder / "deep/middle"));
  EXPECT_EQ(read_file(folder / "deep/file"), "new");
}

TEST_F(Files, ALinkToNothingYetStaysAndWhatItNamesIsMade) {
  fs::create_symlink("later", folder / "link");
  write_file_atomically(folder / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "later"), "new");
  fs::create_symlink("round", folder / "round");
  EXPECT_NE(why_not_written(folder / "round").find("symbolic links"), std::string::npos);
}

TEST_F(Files, AFifoIsWrittenIntoWhenItIsReadAndElseRefusedAtOnce) {
  const fs::path fifo = folder / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_NE(why_not_written(fifo).find("no program reads from this FIFO"), std::string::npos);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  write_file_atomically(fifo, "through");
  char got[8] = {};
  EXPECT_EQ(::read(reader, got, sizeof got), 7);
  ::close(reader);
  EXPECT_STREQ(got, "through");
  EXPECT_TRUE(fs::is_fifo(fifo));
}

TEST_F(Files, ASocketAndAFolderAreRefusedAndStay) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address {
    .sun_family = AF_UNIX, .sun_path = {}
  };
  const std::string name = (folder / "s").string();
  ASSERT_LT(name.size(), sizeof address.sun_path);
  std::ranges::copy(name, address.sun_path);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const struct sockaddr*>(&address), sizeof address), 0);
  EXPECT_NE(why_not_written(folder / "s").find("this is a socket"), std::string::npos);
  EXPECT_TRUE(fs::is_socket(folder / "s"));
  ::close(socket);
  EXPECT_NE(why_not_written(folder).find("this is a folder"), std::string::npos);
}

TEST_F(Files, ADeviceIsWrittenIntoAndADiskIsRefused) {
  const fs::path device = folder / "null", disk = folder / "disk";
  if (::mknod(device.c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0) GTEST_SKIP() << "may not make devices";
  const int opened = ::open(device.c_str(), O_WRONLY | O_CLOEXEC);
  if (opened < 0) GTEST_SKIP() << "devices do not work in this folder";
  ::close(opened);
  EXPECT_EQ(why_not_written(device), "");
  EXPECT_TRUE(fs::is_character_file(device));
  ASSERT_EQ(::mknod(disk.c_str(), S_IFBLK | 0600, makedev(7, 255)), 0);
  EXPECT_NE(why_not_written(disk).find("this is a disk"), std::string::npos);
  EXPECT_TRUE(fs::is_block_file(disk));
}

TEST_F(Files, WhatAProgramHasOpenIsWrittenInto) {
  const int file = ::open((folder / "open").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(::write(file, "first ", 6), 6);
  fs::create_symlink("/proc/self/fd/" + std::to_string(file), folder / "stdout");
  write_file_atomically(folder / "stdout", "second");
  ::close(file);
  EXPECT_EQ(read_file(folder / "open"), "first second");
}

TEST_F(Files, NamesOf255BytesAreWrittenAnewAndReplaced) {
  const std::string name = std::string(253, 'n') + "\xc3\xa4";
  write_file_atomically(folder / name, "1");
  write_file_atomically(folder / name, "2");
  EXPECT_EQ(read_file(folder / name), "2");
  EXPECT_NE(why_not_written(folder / (name + "x")).find("File name too long"), std::string::npos);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
}

TEST_F(Files, ALimitOnTheSizeOfFilesIsAnErrorAndLeavesNothing) {
  write_file_atomically(folder / "a", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &small);
    int wrong = 0;
    for (const char* name : {"a", "b"}) {
      try {
        write_file_atomically(folder / name, std::string(2000, 'x'));
        ++wrong;
      } catch (const Error& error) {
        wrong += error.exit_code() != 3 ||
                 std::string(error.what()) != (folder / name).string() + ": cannot write: File too large";
      }
    }
    ::_exit(wrong);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
}

TEST_F(Files, ErrorsOfTheStandardLibraryNameThePathAndWhatWasTried) {
  try {
    fs::copy_symlink(folder / "none", folder / "new");
    FAIL();
  } catch (const fs::filesystem_error& error) {
    EXPECT_NE(std::string(file_error(error).what()).find("none: cannot"), std::string::npos)
        << file_error(error).what();
    EXPECT_NE(std::string(file_error(error).what()).find("No such file"), std::string::npos)
        << file_error(error).what();
  }
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

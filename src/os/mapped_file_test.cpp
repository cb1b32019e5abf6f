// SPDX-License-Identifier: MIT
#include "os/mapped_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "base/error.h"
#include "os/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

TEST(MappedFile, AFileThatBecomesShorterReadsAsZerosAndIsSaidToBeCut) {
  const fs::path path = fs::temp_directory_path() / fmt::format("lathe-shorter-{}", ::getpid());
  write_file_atomically(path, std::string(100'000, 'x'));
  {
    const MappedFile file = MappedFile::open(path);
    EXPECT_EQ(file.bytes()[99'000], std::byte{'x'});
    EXPECT_NO_THROW(file.expect_whole());
    fs::resize_file(path, 5'000);
    EXPECT_EQ(file.bytes()[99'000], std::byte{0});
    EXPECT_EQ(file.bytes()[4'000], std::byte{'x'});
    EXPECT_THROW(file.expect_whole(), Error);
  }
  fs::remove(path);
}

TEST(MappedFile, OneThatWasCutDoesNotSpoilTheNextInItsPlace) {
  const fs::path path = fs::temp_directory_path() / fmt::format("lathe-shorter-next-{}", ::getpid());
  for (int round = 0; round < 3; ++round) {
    write_file_atomically(path, std::string(20'000, 'x'));
    MappedFile moved = MappedFile::open(path);
    const MappedFile file = std::move(moved);
    EXPECT_NO_THROW(file.expect_whole());
    fs::resize_file(path, 0);
    EXPECT_EQ(file.bytes()[0], std::byte{0});
    EXPECT_THROW(file.expect_whole(), Error);
  }
  fs::remove(path);
}

}  // namespace
}  // namespace lathe

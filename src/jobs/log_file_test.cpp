// SPDX-License-Identifier: MIT
#include "jobs/log_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "base/error.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

TEST(LogFile, IsReadBackAsItWasWritten) {
  const testing::ScratchFolder folder;
  LogFile log(folder.path() / "log.zst");
  log.line("first");
  log.line("");
  log.line("third");
  log.close();
  std::string text;
  read_log(folder.path() / "log.zst", [&](std::string_view bytes) { text += bytes; });
  EXPECT_EQ(text, "first\n\nthird\n");
}

TEST(LogFile, AFifoIsRefusedAtOnce) {
  const testing::ScratchFolder folder;
  ASSERT_EQ(::mkfifo((folder.path() / "log.zst").c_str(), 0600), 0);
  EXPECT_THROW(LogFile(folder.path() / "log.zst"), Error);
  EXPECT_THROW(LogFile("/dev/null"), Error);
}

}  // namespace
}  // namespace lathe

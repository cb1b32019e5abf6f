// SPDX-License-Identifier: MIT
// A source that somebody writes to while it is carved: the carve is that of the old file or of the new one,
// or an error.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <thread>

#include "base/error.h"
#include "carve/carve.h"
#include "testing/gpu_libraries.h"
#include "os/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

class ChangedSource : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::have_program("gcc")) GTEST_SKIP() << "no gcc on PATH";
    testing::write_parts(folder_,
                         {{{"sm_80", 90'000}, {"sm_90", 40'000}}, {{"sm_75", 50'000}, {"sm_90", 15'000}}});
    testing::link_parts(folder_, "a.so");
    options_.targets = parse_carve_targets("9.0");
    old_ = new_ = read_file(source_);
    const std::string carved = carve();
    // A byte of a kept image: the tail of the largest one.
    const std::size_t kept = old_.find(carved.substr(carved.find("\x7f"
                                                                 "ELF",
                                                                 4) +
                                                         20'000,
                                                     64));
    ASSERT_NE(kept, std::string::npos);
    at_ = kept;
    new_[at_] = static_cast<char>(~new_[at_]);
  }

  std::string carve() {
    fs::remove(target_);
    carve_file(source_, target_, options_);
    return read_file(target_);
  }

  // As it was, and last written long ago: clocks of file systems tick slowly.
  void restore(const std::string& content) {
    folder_.write("a.so", content);
    const std::array<timespec, 2> long_ago{timespec{1'600'000'000, 0}, timespec{1'600'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, source_.c_str(), long_ago.data(), 0), 0);
  }

  void write_after(std::chrono::microseconds delay) const {
    std::this_thread::sleep_for(delay);
    const int file = ::open(source_.c_str(), O_WRONLY | O_CLOEXEC);
    EXPECT_EQ(::pwrite(file, &new_[at_], 1, static_cast<off_t>(at_)), 1);
    ::close(file);
  }

  testing::ScratchFolder folder_;
  const fs::path source_ = folder_.path() / "a.so", target_ = folder_.path() / "carved.so";
  CarveOptions options_;
  std::string old_, new_;
  std::size_t at_ = 0;
};

TEST_F(ChangedSource, IsNoticedOrWasReadWhole) {
  const auto start = Clock::now();
  restore(new_);
  const std::string carved_new = carve();
  restore(old_);
  const std::string carved_old = carve();
  ASSERT_NE(carved_old, carved_new);
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start) / 2;

  std::mt19937 random(7);
  std::uniform_int_distribution<std::int64_t> moment(0, whole.count());
  int noticed = 0;
  for (int i = 0; i < 300; ++i) {
    restore(old_);
    std::thread writer([&] { write_after(std::chrono::microseconds(moment(random))); });
    try {
      const std::string carved = carve();
      EXPECT_TRUE(carved == carved_old || carved == carved_new) << "round " << i;
    } catch (const Error& error) {
      EXPECT_EQ(error.parts().what, "the file changed while it was carved");
      EXPECT_FALSE(fs::exists(target_));
      ++noticed;
    }
    writer.join();
  }
  EXPECT_GT(noticed, 10);
}

}  // namespace
}  // namespace lathe

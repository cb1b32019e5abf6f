// SPDX-License-Identifier: MIT
#include "formats/known_formats.h"

#include <gtest/gtest.h>

#include <string>

#include "testing/tar.h"

namespace lathe {
namespace {

using namespace std::string_literals;

std::string name_of(const std::string& start) {
  const KnownFormat* format = known_format(as_byte_span(start));
  return format ? std::string(format->name) : "";
}

// "MZ", and at 0x3c where the header of Windows lies.
std::string windows_program(const std::string& mark) {
  std::string text = "MZ"s + std::string(0x3a, '\0') + "\x40\0\0\0"s + mark;
  return text + std::string(look_size - text.size(), '\0');
}

TEST(KnownFormats, AreToldByTheirFirstBytes) {
  EXPECT_EQ(name_of(windows_program("PE\0\0"s)), "PE");
  EXPECT_EQ(name_of("\xcf\xfa\xed\xfe\x0c\0\0\x01"s), "Mach-O");
  EXPECT_EQ(name_of("\x1f\x8b\x08\0"s), "gzip");
  EXPECT_EQ(name_of("\xfd"
                    "7zXZ\0\0"s),
            "xz");
  EXPECT_EQ(name_of("\x28\xb5\x2f\xfd"s), "zstd");
  EXPECT_EQ(name_of("BZh91AY&SY"s), "bzip2");
  EXPECT_EQ(name_of(testing::tar_header("a.so")), "tar");
  EXPECT_EQ(name_of("PK\x03\x04"s), "zip");
  EXPECT_EQ(name_of("hsqs"s), "squashfs");
  EXPECT_EQ(name_of("\x0d\0\0\0\0\0\0\0nix-archive-1\0\0\0"s), "nar");
}

TEST(KnownFormats, AMarkOfTwoLettersAloneIsNoWindowsProgram) {
  EXPECT_EQ(name_of(windows_program("text"s)), "");
  EXPECT_EQ(name_of("MZ is how this text begins"s), "");
}

TEST(KnownFormats, JavaClassesBeginLikeMacProgramsForSeveralMachines) {
  EXPECT_EQ(name_of("\xca\xfe\xba\xbe\0\0\0\x41"s), "");  // version 65
  EXPECT_EQ(name_of("\xca\xfe\xba\xbe\0\0\0\x02"s), "Mach-O");
}

TEST(KnownFormats, TextAndSourceAreNone) {
  EXPECT_EQ(name_of("import torch\n"s), "");
  EXPECT_EQ(name_of("BZh is not an archive"s), "");
  EXPECT_EQ(name_of(""s), "");
}

TEST(KnownFormats, ATarHeaderWithAWrongSumIsNone) {
  std::string block = testing::tar_header("a.so");
  block[0] = 'b';
  EXPECT_FALSE(looks_like_tar_header(as_byte_span(block)));
}

}  // namespace
}  // namespace lathe

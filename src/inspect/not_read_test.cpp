// SPDX-License-Identifier: MIT
#include "inspect/not_read.h"

#include <gtest/gtest.h>

#include <string>

#include "testing/tar.h"

namespace lathe {
namespace {

using namespace std::string_literals;
using Holds = NotRead::Holds;
using testing::tar_member;

const std::string end_of_tar(1024, '\0');
const std::string elf =
    "\x7f"
    "ELF\x02\x01\x01"s +
    std::string(57, '\0');

NotRead look(const std::string& bytes) {
  const auto found = look_into(as_byte_span(bytes));
  return found.value_or(NotRead{.format = "none", .holds = Holds::nothing});
}

TEST(NotRead, AThinArchiveHoldsOnlyNames) {
  const NotRead file = look("!<thin>\nMZ and whatever");
  EXPECT_EQ(file.format, "thin archive");
  EXPECT_EQ(file.holds, Holds::nothing);
}

TEST(NotRead, ALibraryInATarArchiveIsCodeThatWasNotRead) {
  const NotRead file = look(tar_member("readme", "text") + tar_member("lib/libk.so", elf) + end_of_tar);
  EXPECT_EQ(file.format, "tar");
  EXPECT_EQ(file.holds, Holds::code);
  EXPECT_EQ(file.seen, "lib/libk.so in it is an ELF file");
}

TEST(NotRead, AnArchiveOfTextsHoldsNothing) {
  EXPECT_EQ(look(tar_member("readme", "text") + end_of_tar).holds, Holds::nothing);
}

TEST(NotRead, AnArchiveThatIsCutOffMayHoldMore) {
  const std::string whole = tar_member("readme", std::string(5000, 'x'));
  EXPECT_EQ(look(whole.substr(0, 3000)).holds, Holds::unknown);
}

TEST(NotRead, AContainerImageIsNamedSo) {
  EXPECT_EQ(look(tar_member("oci-layout", "{}") + end_of_tar).words, "container image in a tar archive");
}

TEST(NotRead, SectionsOfDeviceCodeInAWindowsLibraryAreSeen) {
  std::string library = "MZ"s + std::string(0x3a, '\0') + "\x40\0\0\0PE\0\0"s;
  library.resize(1024);
  EXPECT_EQ(look(library).holds, Holds::cpu_code);
  library.replace(512, 8, ".nv_fatb");
  EXPECT_EQ(look(library).holds, Holds::device_code);
}

TEST(NotRead, LinkTimeCodeIsForALinkerAlone) {
  EXPECT_EQ(look("\xed\x43\x4e\x7f" + std::string(60, 'x')).holds, Holds::linker_code);
}

TEST(NotRead, OrdinaryTextIsNoneOfThese) {
  EXPECT_EQ(look("import torch\n").format, "none");
  EXPECT_EQ(look("#!/bin/sh\necho\n").format, "none");
}

TEST(NotRead, DamagedPackedFilesAreNotKnownAndNeverThrow) {
  for (const std::string& start : {"\x1f\x8b\x08\0"s,
                                   "\xfd"
                                   "7zXZ\0"s,
                                   "\x28\xb5\x2f\xfd"s, "BZh91AY&SY"s, "\x04\x22\x4d\x18"s}) {
    EXPECT_EQ(look(start + "rubbish that follows").holds, Holds::unknown) << start;
  }
}

TEST(NotRead, WhatIsSaidDependsOnWhereItLiesAndWhatIsInIt) {
  NotRead file{.within = "a.whl", .format = "gzip", .holds = Holds::nothing};
  EXPECT_EQ(severity_of(file, true), Severity::note);
  file.holds = Holds::cpu_code;
  EXPECT_EQ(severity_of(file, true), Severity::warning);
  EXPECT_EQ(severity_of(file, false), Severity::error);
  file.holds = Holds::linker_code;
  EXPECT_EQ(severity_of(file, true), Severity::warning);
  file.holds = Holds::unknown;
  EXPECT_EQ(severity_of(file, true), Severity::error);
  file.holds = Holds::nothing;
  file.within = "";
  EXPECT_EQ(severity_of(file, true), Severity::error) << "the file that was asked about";
}

}  // namespace
}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "cli/exit/report_exception.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

#include "base/error.h"
#include "base/json.h"

namespace lathe {
namespace {

template <typename Thrown>
std::string said_of(const Thrown& thrown, int code) {
  std::string out, err;
  Terminal terminal(out, err);
  try {
    throw thrown;
  } catch (...) {
    EXPECT_EQ(report_exception(terminal), code) << err;
  }
  EXPECT_EQ(out, "");
  return err;
}

TEST(ReportException, OurErrorsHaveTheirOwnCode) {
  EXPECT_EQ(said_of(Error({.what = "odd", .where = {.file = "a"}, .next = "try b"}), 2),
            "torchlathe: a: odd\n  fix: try b\n");
}

TEST(ReportException, AsJsonItIsAnObjectOnStandardError) {
  std::string out, err;
  Terminal terminal(out, err);
  try {
    throw Error({.what = "odd", .where = {.file = "a", .line = 3}, .next = "try b"});
  } catch (...) {
    EXPECT_EQ(report_exception(terminal, true), 2);
  }
  EXPECT_EQ(out, "");
  const Json json = parse_json(err, "standard error");
  EXPECT_EQ(json.find("error")->text_of("what"), "odd");
  EXPECT_EQ(json.find("error")->text_of("fix"), "try b");
}

TEST(ReportException, WhatNobodyForesawIsOneLineAndAFault) {
  EXPECT_EQ(said_of(std::runtime_error("a\nb\x1b[2J"), 3),
            "torchlathe: unexpected failure: a\\x0ab\\x1b[2J\n");
  EXPECT_EQ(said_of(std::bad_alloc(), 3), "torchlathe: out of memory\n");
  EXPECT_EQ(said_of(7, 3), "torchlathe: unexpected failure\n");
}

TEST(ReportException, AnErrorOfTheFileSystemNamesThePathAndWhatWasTried) {
  const std::filesystem::filesystem_error error("cannot rename", "x/y",
                                                std::make_error_code(std::errc::permission_denied));
  const std::string said = said_of(error, 3);
  EXPECT_TRUE(said.starts_with("torchlathe: x/y: cannot rename: Permission denied\n")) << said;
}

}  // namespace
}  // namespace lathe

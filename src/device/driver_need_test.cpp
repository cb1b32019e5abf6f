// SPDX-License-Identifier: MIT
#include "device/driver_need.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lathe {
namespace {

std::string need(bool zstd, const std::vector<std::string>& toolkits,
                 const std::vector<std::string>& ptx = {}) {
  const auto found = driver_need(zstd, toolkits, ptx);
  return found ? found->version.text() + " " + found->because : "";
}

TEST(DriverNeed, IsTheHighestOfWhatIsAsked) {
  EXPECT_EQ(need(false, {}), "");
  EXPECT_EQ(need(true, {}), "550.54.14 zstd");
  EXPECT_EQ(need(true, {"12.6"}), "550.54.14 zstd");
  EXPECT_EQ(need(false, {"12.6"}), "525 CUDA 12.6");
  EXPECT_EQ(need(true, {"12.6", "13.0"}), "580 CUDA 13.0");
}

TEST(DriverNeed, OfPtxIsTheDriverThatKnowsItsLanguage) {
  EXPECT_EQ(need(false, {"12.8"}, {"8.7"}), "570.26 PTX 8.7");
  EXPECT_EQ(need(true, {}, {"9.0", "8.8"}), "580.65.06 PTX 9.0");
  EXPECT_EQ(need(false, {}, {"9.1"}), "590.44.01 PTX 9.1");
}

TEST(DriverNeed, OfWhatTheCatalogueDoesNotHaveIsNone) {
  EXPECT_EQ(need(false, {"11.8", "99.0", "odd"}, {"7.0", "9.99", "", "x"}), "");
}

}  // namespace
}  // namespace lathe

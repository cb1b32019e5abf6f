// SPDX-License-Identifier: MIT
#include "conform/pins_text.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace lathe {
namespace {

constexpr std::string_view table = R"(# What is known.

[[pin]]
rev = "aaaa"
torch = "2.9.1"  # read
source = "a history"
confidence = "derived"

# Of the second.
[[pin]]
rev = "bbbb"
source = "another"
confidence = "derived"
)";

TEST(UpdatePins, ChangesTheLinesOfOneRowAndKeepsAllOthers) {
  const std::string made =
      update_pins(table, "pins.toml",
                  {.rev = "aaaa",
                   .like = "2025-11",
                   .columns = {{"torch", {"2.10.0"}}, {"cuda_sets", {"12.9"}}, {"magma_cuda13", {"true"}}}});
  EXPECT_EQ(made, R"(# What is known.

[[pin]]
rev = "aaaa"
torch = "2.10.0"  # read
cuda_sets = ["12.9"]
magma_cuda13 = true
source = "a history; cuda_sets, magma_cuda13, torch: evaluated there by torchlathe conform"
confidence = "derived"

# Of the second.
[[pin]]
rev = "bbbb"
source = "another"
confidence = "derived"
)");
}

TEST(UpdatePins, ANewRevisionComesLast) {
  const std::string made =
      update_pins(table, "pins.toml", {.rev = "cccc", .like = "2026-09", .columns = {{"torch", {"2.15.0"}}}});
  EXPECT_TRUE(made.starts_with(table));
  EXPECT_EQ(made.substr(table.size()),
            "\n[[pin]]\nrev = \"cccc\"\nlike = \"2026-09\"\ntorch = \"2.15.0\"\ncuda_sets = []\n"
            "source = \"evaluated there by torchlathe conform\"\nconfidence = \"measured\"\n");
}

TEST(UpdatePins, NothingToSayChangesNothing) {
  EXPECT_EQ(update_pins(table, "pins.toml", {.rev = "aaaa", .like = "2025-11", .columns = {}}), table);
}

TEST(UpdatePins, AListOverSeveralLinesIsLeftToPeople) {
  const std::string text =
      "[[pin]]\nrev = \"aaaa\"\ncuda_sets = [\n  \"12.8\",\n]\nsource = \"x\"\nconfidence = \"derived\"\n";
  EXPECT_THROW(
      update_pins(text, "pins.toml", {.rev = "aaaa", .like = "", .columns = {{"cuda_sets", {"12.9"}}}}),
      Error);
}

}  // namespace
}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "carve/loose.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

const std::string one(64, '1'), two(64, '2'), three(64, 'f');

std::string checked(std::string_view text, std::string_view folder, const std::set<std::string>& removed) {
  return true_checksums(text, folder, removed, [](const std::string& path) -> std::optional<std::string> {
    return path.ends_with("new.so") ? std::optional(three) : std::nullopt;
  });
}

TEST(Checksums, LoseTheLinesOfMembersThatAreGone) {
  EXPECT_EQ(checked(one + "  a.cubin\n" + two + "  include/b.h\n", "p/c", {"p/c/a.cubin"}),
            two + "  include/b.h\n");
  EXPECT_EQ(checked(one + " *./a.cubin\n" + two + "  b", "", {"a.cubin"}), two + "  b");
  EXPECT_EQ(checked(one + "  a.cubin\n", "other", {"p/a.cubin"}), one + "  a.cubin\n");
  EXPECT_EQ(checked(one + "  a b.cubin\r\n", "p", {"p/a b.cubin"}), "");
}

TEST(Checksums, TellTheSumOfWhatChanged) {
  EXPECT_EQ(checked(one + "  new.so\n" + two + "  old.so\n", "p", {}),
            three + "  new.so\n" + two + "  old.so\n");
}

TEST(Checksums, KeepLinesThatAreNone) {
  const std::string odd = "# sums\n\n" + one + "\n" + one + " \n" + one.substr(1) + "  a\n" + one + "a  a\n";
  EXPECT_EQ(checked(odd, "", {"a"}), odd);
  EXPECT_EQ(checked("", "", {}), "");
}

}  // namespace
}  // namespace lathe

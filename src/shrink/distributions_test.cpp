// SPDX-License-Identifier: MIT
#include "shrink/distributions.h"

#include <gtest/gtest.h>

#include <utility>

#include "package/kinds.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

TEST(Distributions, AreThoseWhoseRecordListsAFile) {
  const testing::ScratchFolder folder;
  const std::string site = "venv/lib/python3.12/site-packages/";
  for (const char* name : {"two_words-1.0+cu13", "bare-2", "one-3"})
    fs::create_directories(folder.path() / (site + name + ".dist-info"));
  folder.write(site + "two_words-1.0+cu13.dist-info/METADATA", "Metadata-Version: 2.1\nName: two-words\n");
  folder.write(site + "two_words-1.0+cu13.dist-info/RECORD",
               "two/a.so,sha256=x,1\n\"two/b,c.so\",,\n../../../bin/two,,\nshared.py,,\n/etc/passwd,,\n");
  folder.write(site + "one-3.dist-info/RECORD", "one.py,,\nshared.py,,\n");
  folder.write(site + "one-3.dist-info/license.txt", "RECORD\n");
  PathLook look(folder.path() / "venv");
  const auto package = package_kind(look)->open(std::move(look));
  const Distributions found(*package);
  ASSERT_EQ(found.all().size(), 2u) << "a folder without RECORD is none";
  EXPECT_EQ(found.all()[0].name, "one");
  EXPECT_EQ(found.all()[1].name, "two-words");
  EXPECT_EQ(found.all()[1].version, "1.0+cu13");
  const std::string inside = "lib/python3.12/site-packages/";
  EXPECT_EQ(found.owner(inside + "two/a.so"), 1u);
  EXPECT_EQ(found.owner(inside + "two/b,c.so"), 1u);
  EXPECT_EQ(found.owner("bin/two"), 1u);
  EXPECT_EQ(found.owner(inside + "shared.py"), 0u);
  EXPECT_EQ(found.owner(inside + "two/d.so"), std::nullopt);
  EXPECT_EQ(found.owner("etc/passwd"), std::nullopt);
}

}  // namespace
}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "jobs/cache_distance.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace lathe {
namespace {

TEST(DryRun, ListsFollowTheirHeads) {
  const DryRun run = read_dry_run(
      "these 2 derivations will be built:\n  /nix/store/a-x.drv\n  /nix/store/b-y.drv\nthese paths will be "
      "fetched (0.10 MiB download, 1.00 MiB unpacked):\n"
      "  /nix/store/c-z\n");
  EXPECT_EQ(run.build, (std::vector<std::string>{"/nix/store/a-x.drv", "/nix/store/b-y.drv"}));
  EXPECT_EQ(run.fetch, std::vector<std::string>{"/nix/store/c-z"});
  EXPECT_TRUE(read_dry_run("").build.empty());
}

TEST(PathInfos, AreReadAsOlderAndNewerNixPrintThem) {
  const auto older = read_path_infos(
      R"([{"path":"/nix/store/a","narSize":100,"downloadSize":40},{"path":"/nix/store/b","valid":false}])");
  ASSERT_EQ(older.size(), 1u);
  EXPECT_EQ(older.at("/nix/store/a").download, 40u);
  const auto newer = read_path_infos(R"({"/nix/store/a":{"narSize":100},"/nix/store/b":null})");
  ASSERT_EQ(newer.size(), 1u);
  EXPECT_EQ(newer.at("/nix/store/a").unpacked, 100u);
  EXPECT_THROW(read_path_infos("["), Error);
}

}  // namespace
}  // namespace lathe

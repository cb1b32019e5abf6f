// SPDX-License-Identifier: MIT
#include "jobs/driver.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

const Job sm90{.name = "pytorch-python313-cuda13_0-sm90-avx2", .derivation = {}};

TEST(Driver, IsFoundByItsName) {
  for (const Driver* driver : drivers()) EXPECT_EQ(&driver_named(driver->name()), driver);
  EXPECT_EQ(drivers().front()->name(), "nix");
  EXPECT_THROW(driver_named("guix"), Error);
}

TEST(Driver, FloxBuildsAPackageByItsNameInTheProjectFolder) {
  const Process process =
      driver_named("flox").process(sm90, "result", {.flox_project = "/home/me/build-pytorch"});
  EXPECT_EQ(process.arguments,
            (std::vector<std::string>{"flox", "build", "pytorch-python313-cuda13_0-sm90-avx2"}));
  EXPECT_EQ(process.folder, "/home/me/build-pytorch");
}

TEST(Driver, WhatFloxBuiltIsWhereALinkOfItsProjectLeads) {
  const testing::ScratchFolder folder;
  const Driver& flox = driver_named("flox");
  EXPECT_TRUE(flox.outputs(sm90, "/nix/store/a-printed", {.flox_project = folder.path()}).empty());
  std::filesystem::create_directory(folder.path() / "built");
  std::filesystem::create_symlink("built", folder.path() / ("result-" + sm90.name));
  EXPECT_EQ(flox.outputs(sm90, "", {.flox_project = folder.path()}),
            (std::vector<std::string>{std::filesystem::canonical(folder.path() / "built").string()}));
}

TEST(Driver, FloxLinksEachOutputAndLinksOfOtherPackagesAreNoneOfThem) {
  const testing::ScratchFolder folder;
  const auto link = [&](const std::string& name, const std::string& target) {
    std::filesystem::create_directory(folder.path() / target);
    std::filesystem::create_symlink(target, folder.path() / name);
    return std::filesystem::canonical(folder.path() / target).string();
  };
  const std::string out = link("result-" + sm90.name, "h1-torch-2.9.1");
  const std::string lib = link("result-" + sm90.name + "-lib", "h0-torch-2.9.1-lib");
  link("result-" + sm90.name + "-slim", "h2-torch-2.9.1");
  link("result-" + sm90.name + "-slim-lib", "h3-torch-2.9.1-lib");
  EXPECT_EQ(driver_named("flox").outputs(sm90, "", {.flox_project = folder.path()}),
            (std::vector<std::string>{out, lib}));
}

// Of Flox both streams are for people, of Nix one has events and the other the paths.
TEST(Driver, WhatALineSaysDependsOnWhoPrintedIt) {
  const auto flox = driver_named("flox").event(Stream::out, "building");
  ASSERT_TRUE(flox);
  EXPECT_EQ(flox->kind, NixEvent::Kind::message);
  EXPECT_EQ(flox->text, "building");
  const Driver& nix = driver_named("nix");
  EXPECT_FALSE(nix.event(Stream::out, "/nix/store/a-torch"));
  EXPECT_EQ(nix.event(Stream::err, "plain")->text, "plain");
  EXPECT_EQ(nix.outputs(sm90, "/nix/store/a-torch\nwords\n", {}),
            (std::vector<std::string>{"/nix/store/a-torch"}));
  EXPECT_TRUE(nix.tells_builds());
  EXPECT_FALSE(driver_named("flox").tells_builds());
}

TEST(Driver, OnlyNixHasBuildersAndCachesToAsk) {
  EXPECT_TRUE(driver_named("flox").machines("ssh://arm1 aarch64-linux").empty());
  EXPECT_EQ(driver_named("nix").machines("ssh://arm1 aarch64-linux").size(), 1U);
  EXPECT_TRUE(driver_named("nix").asks_caches());
  EXPECT_FALSE(driver_named("flox").asks_caches());
}

}  // namespace
}  // namespace lathe

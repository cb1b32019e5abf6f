// SPDX-License-Identifier: MIT
#include "nix/machines.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "os/file.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

TEST(NixMachines, ALineHasEightFieldsAndADashIsTheDefault) {
  const auto machines = read_machines(
      "ssh-ng://root@arm1 aarch64-linux,armv7l-linux /root/.ssh/key 4 2.5 kvm,big-parallel cuda c3No # "
      "Grace");
  ASSERT_EQ(machines.size(), 1U);
  EXPECT_EQ(machines[0].uri, "ssh-ng://root@arm1");
  EXPECT_EQ(machines[0].systems, (std::vector<std::string>{"aarch64-linux", "armv7l-linux"}));
  EXPECT_EQ(machines[0].max_jobs, 4U);
  EXPECT_EQ(machines[0].speed, 2.5);
  EXPECT_TRUE(machines[0].offers("cuda"));
  EXPECT_EQ(text_of(machines[0]),
            "ssh-ng://root@arm1 aarch64-linux,armv7l-linux /root/.ssh/key 4 2.5 kvm,big-parallel cuda c3No");
  EXPECT_EQ(text_of(read_machines("big").at(0)), "ssh://big - - 1 1 - - -");
}

TEST(NixMachines, SemicolonsSeparateAndFilesMayBeNamed) {
  const testing::ScratchFolder scratch;
  const std::filesystem::path folder = scratch.path();
  write_file_atomically(folder / "machines", "# ours\nssh://a\n\nssh-ng://b - - 0\n");
  const auto machines = read_machines("ssh://c; @" + (folder / "machines").string() + ";@/nowhere/machines");
  ASSERT_EQ(machines.size(), 3U);
  EXPECT_EQ(machines[1].uri, "ssh://a");
  EXPECT_EQ(machines[2].max_jobs, 0U);
  write_file_atomically(folder / "machines", "ssh://a\nssh://b x - many\n");
  try {
    read_machines("@" + (folder / "machines").string());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.parts().where.line, 2U);
  }
  write_file_atomically(folder / "machines", "@" + (folder / "machines").string());
  EXPECT_THROW(read_machines("@" + (folder / "machines").string()), Error) << "it names itself";
}

TEST(NixMachines, WhereSshGoes) {
  const SshPlace place = ssh_place({.uri = "ssh-ng://me@host:2222?remote-store=local%3Froot%3D/s&ssh-key=/"
                                           "k&remote-program=/n/bin/nix-daemon"});
  EXPECT_EQ(place.protocol, "ssh-ng");
  EXPECT_EQ(place.host, "me@host");
  EXPECT_EQ(place.port, "2222");
  EXPECT_EQ(place.remote_store, "local?root=/s");
  EXPECT_EQ(place.key, "/k");
  EXPECT_EQ(ssh_place({.uri = "ssh://fe80::1"}).host, "fe80::1") << "an address has no port";
  EXPECT_EQ(ssh_place({.uri = "local?root=/x%2"}).protocol.substr(0, 5), "local");
}

}  // namespace
}  // namespace lathe

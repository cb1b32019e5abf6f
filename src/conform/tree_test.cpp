// SPDX-License-Identifier: MIT
#include "conform/tree.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "nix/nix.h"

namespace lathe {
namespace {

// What would be fetched for it; "" where nothing is.
std::string fetched(const std::string& given) {
  std::string address;
  const RunProcess record = [&](const Process& process) {
    address = process.arguments.back();
    return ProcessResult{};
  };
  try {
    find_tree(given, record);
  } catch (const Error&) {
  }
  return address;
}

TEST(NixpkgsTree, IsFetchedFromWhereItsNameSays) {
  if (!find_nix()) GTEST_SKIP() << "no Nix on this machine";
  const std::string rev = "6a030d535719c5190187c4cec156f335e95e3211",
                    archive = "https://github.com/NixOS/nixpkgs/archive/";
  EXPECT_EQ(fetched(rev), archive + rev + ".tar.gz");
  EXPECT_EQ(fetched("github:NixOS/nixpkgs/" + rev), archive + rev + ".tar.gz");
  EXPECT_EQ(fetched("github:NixOS/nixpkgs/nixos-26.05"), archive + "nixos-26.05.tar.gz");
  EXPECT_EQ(fetched("github:NixOS/nixpkgs"), archive + "HEAD.tar.gz");
  EXPECT_EQ(fetched("channel:nixos-unstable"), "https://channels.nixos.org/nixos-unstable/nixexprs.tar.xz");
  EXPECT_EQ(fetched("https://example.org/nixexprs.tar.xz"), "https://example.org/nixexprs.tar.xz");
}

TEST(NixpkgsTree, WhatIsNoneIsSaid) {
  for (const char* given : {"6a030d5", "<nixpkgs>", "nixpkgs", "github:NixOS", "flake:nixpkgs"}) {
    try {
      find_tree(given, [](const Process&) { return ProcessResult{}; });
      ADD_FAILURE() << given;
    } catch (const Error& error) {
      EXPECT_EQ(error.parts().what, "there is no such file or folder") << given;
    }
  }
}

}  // namespace
}  // namespace lathe

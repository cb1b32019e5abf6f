// SPDX-License-Identifier: MIT
#include "jobs/compile_cache.h"

#include <fmt/format.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "matrix/variant.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

TEST(CompileCache, FoldersOfJobsAreNamedOnceAndReachTheSandboxAsOptional) {
  const auto job = [](std::string folder) {
    Variant variant;
    Settings settings;
    settings.compile_cache = std::move(folder);
    variant.settings = std::make_shared<Settings>(settings);
    return Job{.name = "x", .variant = variant};
  };
  const std::vector<Job> jobs = {job("/b"), job("/a"), job(""), job("/b"), Job{.name = "magma"}};
  const std::vector<std::string> folders = compile_caches(jobs);
  EXPECT_EQ(folders, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(sandbox_setting(folders), "extra-sandbox-paths=/a? /b?");
}

TEST(CompileCache, AMissingFolderIsMadeForAGroupThatKeepsItsFiles) {
  const fs::path root = fs::temp_directory_path() / fmt::format("lathe_cache_{}", ::getpid());
  if (::geteuid() == 0 || ::getgrnam("nixbld") == nullptr) EXPECT_EQ(prepare_compile_cache(root / "a/b"), "");
  else EXPECT_NE(prepare_compile_cache(root / "a/b").find("closed to the group nixbld"), std::string::npos);
  struct stat status {};
  ASSERT_EQ(::stat((root / "a/b").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 02770u);
  ASSERT_EQ(::chmod((root / "a/b").c_str(), 0700), 0);
  const std::string said = prepare_compile_cache(root / "a/b");
  EXPECT_EQ(said.empty(), ::getgrnam("nixbld") == nullptr) << said;
  ASSERT_EQ(::stat((root / "a/b").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700u) << "one that was there is left as it is";
  fs::remove_all(root);
}

TEST(CompileCache, AFolderThatCannotBeMadeIsSaid) {
  EXPECT_NE(prepare_compile_cache("/proc/cache").find("no compile cache: /proc/cache cannot be made"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe

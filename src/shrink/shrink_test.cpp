// SPDX-License-Identifier: MIT
// A small environment shrunk: what goes, what stays, what is told of each package, and what lies outside.
#include "shrink/shrink.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "os/file.h"
#include "package/place_journal.h"
#include "testing/gpu_libraries.h"
#include "testing/small_environment.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::contents_of;
using testing::FolderContents;
using testing::wrong_lists;

class Environment : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::have_program("gcc")) GTEST_SKIP() << "no gcc on PATH";
    testing::write_small_environment(folder_, "site");
    options_.carve.targets = parse_carve_targets("12.0");
    before_ = contents_of(site_);
    ASSERT_EQ(wrong_lists(site_), "");
  }

  Shrunk in_place() { return shrink(site_, site_, options_); }

  static const ShrunkPackage& named(const Shrunk& shrunk, std::string_view name) {
    return *std::ranges::find(shrunk.packages, name, &ShrunkPackage::name);
  }

  testing::ScratchFolder folder_;
  const fs::path site_ = folder_.path() / "site";
  CarvePackageOptions options_;
  FolderContents before_;
};

TEST_F(Environment, IsToldByPackage) {
  const Shrunk shrunk = in_place();
  ASSERT_EQ(shrunk.packages.size(), 3u);
  const ShrunkPackage &fat = named(shrunk, "fat"), &loose = named(shrunk, "loose"),
                      &rest = shrunk.packages[2];
  EXPECT_EQ(fat.version, "1.0");
  EXPECT_EQ(fat.carved, 2u) << "a file with two names is one";
  EXPECT_EQ(fat.images_before, 8u);
  EXPECT_EQ(fat.images_after, 4u);
  EXPECT_LT(fat.size_after, fat.size_before);
  EXPECT_EQ(loose.files_gone, 4u);
  EXPECT_EQ(loose.gone_for, "10.0, 10.0a");
  EXPECT_EQ(rest.name, "");
  EXPECT_EQ(rest.carved, 1u);
  EXPECT_EQ(rest.files_gone, 5u) << "Triton's kernel for 10.0a and what lies beside it";
  std::uint64_t before = 0, after = 0;
  for (const ShrunkPackage& package : shrunk.packages) {
    before += package.size_before;
    after += package.size_after;
  }
  EXPECT_EQ(before, shrunk.carved.old_size);
  EXPECT_EQ(after, shrunk.carved.new_size);
}

TEST_F(Environment, LosesWhatNoTargetRunsAndNothingElse) {
  in_place();
  EXPECT_EQ(wrong_lists(site_), "");
  const FolderContents now = contents_of(site_);
  for (const auto& [path, content] : before_) {
    const bool goes = path.find("sm_100") != std::string::npos || path.starts_with("triton/OLD/");
    ASSERT_EQ(now.contains(path), !goes) << path;
    const bool changes = path.ends_with(".so") || path.ends_with("RECORD") || path.ends_with("checksums.txt");
    EXPECT_TRUE(goes || changes || now.at(path) == content) << path;
  }
  EXPECT_FALSE(fs::exists(site_ / "triton/OLD"));
  EXPECT_TRUE(fs::equivalent(site_ / "fat/lib/a.so", site_ / "fat/lib/same.so"));
  EXPECT_FALSE(fs::exists(site_ / place_journal_name));
  EXPECT_NE(read_file(site_ / "fat-1.0.dist-info/RECORD").find("torchlathe-manifest.json"),
            std::string::npos);
}

TEST_F(Environment, IsTheSameInANewFolder) {
  const fs::path place = folder_.path() / "new/place";
  shrink(site_, place, options_);
  EXPECT_TRUE(contents_of(site_) == before_);
  EXPECT_EQ(wrong_lists(place), "");
  in_place();
  EXPECT_TRUE(contents_of(site_) == contents_of(place));
  EXPECT_FALSE(fs::exists(place / "triton/OLD"));
}

TEST_F(Environment, TellsBeforehandWhatItDoes) {
  options_.carve.dry_run = true;
  const Shrunk planned = in_place();
  EXPECT_TRUE(contents_of(site_) == before_);
  options_.carve.dry_run = false;
  const Shrunk done = in_place();
  EXPECT_EQ(planned.carved.new_size, done.carved.new_size);
  EXPECT_EQ(planned.packages.at(0).size_after, done.packages.at(0).size_after);
}

TEST_F(Environment, LosesNothingForAGpuThatWasMistyped) {
  options_.carve.targets = parse_carve_targets("5.0");
  const Shrunk shrunk = in_place();
  EXPECT_EQ(shrunk.carved.failures.size(), 1u);
  EXPECT_EQ(named(shrunk, "loose").files_gone, 0u);
  EXPECT_TRUE(contents_of(site_) == before_);
}

TEST_F(Environment, LosesSymbolsWithoutAGpu) {
  options_.carve.targets.clear();
  options_.carve.strip_symbols = true;
  const Shrunk shrunk = in_place();
  EXPECT_EQ(named(shrunk, "fat").stripped, 2u);
  EXPECT_EQ(named(shrunk, "loose").files_gone, 0u);
  EXPECT_EQ(folder_.run("readelf -SW site/fat/lib/a.so | grep -c symtab || true"), "0\n");
  EXPECT_EQ(wrong_lists(site_), "");
}

// What uv and conda install are second names of the files in their caches.
TEST_F(Environment, LeavesACacheAloneThatSharesItsFiles) {
  folder_.run("cp -al site cache");
  in_place();
  EXPECT_TRUE(contents_of(folder_.path() / "cache") == before_);
  EXPECT_EQ(wrong_lists(site_), "");
}

TEST_F(Environment, LeavesAloneWhatLinksLeadTo) {
  folder_.run(
      "mkdir outside; cp site/alone.so outside/; cp -r site/loose/cubins outside/; "
      "ln -s ../outside/alone.so site/out.so; ln -s ../outside/cubins site/cubins; echo $PWD/outside > "
      "site/editable.pth");
  const FolderContents outside = contents_of(folder_.path() / "outside");
  in_place();
  EXPECT_TRUE(contents_of(folder_.path() / "outside") == outside);
  EXPECT_TRUE(fs::is_symlink(site_ / "out.so"));
  EXPECT_TRUE(fs::is_symlink(site_ / "cubins"));
  EXPECT_EQ(read_file(site_ / "editable.pth"), folder_.path().string() + "/outside\n");
}

TEST_F(Environment, IsForOneRun) {
  {
    const PlaceJournal other(site_ / "fat");
    EXPECT_THROW(in_place(), Error);
  }
  EXPECT_TRUE(contents_of(site_) == before_);
  EXPECT_NO_THROW(in_place());
}

TEST_F(Environment, ThatIsUnfinishedIsNotCopied) {
  PlaceJournal(site_ / "fat").will_change({{.path = "lib/a.so"}});
  EXPECT_THROW(shrink(site_, folder_.path() / "new", options_), Error);
  EXPECT_TRUE(in_place().finished_earlier);
  EXPECT_NO_THROW(shrink(site_, folder_.path() / "new", options_));
}

// One kernel of two in a folder, an index that is none, one that lists what another one lists too.
TEST_F(Environment, KeepsOfTritonsCacheWhatIsStillUsed) {
  folder_.run(
      "cp site/triton/NEW/k.cubin site/triton/OLD/n.cubin; cp site/triton/NEW/k.cubin "
      "site/triton/OLD/m.cubin");
  folder_.write("site/triton/OLD/n.json", "{}");
  folder_.write("site/triton/OLD/__grp__n.json",
                R"({"child_paths": {"n.cubin": "", "n.json": "", "k.ttir": "", "../x": ""}})");
  folder_.write("site/triton/OLD/__grp__odd.json", R"(["k.ptx"])");
  in_place();
  std::vector<std::string> left;
  for (const auto& [path, content] : contents_of(site_ / "triton/OLD")) left.push_back(path);
  EXPECT_EQ(left, (std::vector<std::string>{"__grp__n.json", "__grp__odd.json", "k.ttir", "m.cubin",
                                            "n.cubin", "n.json"}));
}

TEST_F(Environment, LosesLibrariesThatANameIsForAnotherGpu) {
  fs::create_directories(site_ / "trt");
  const auto resource = [&](const char* gpu) {
    return site_ / "trt" / (std::string("libnvinfer_builder_resource_") + gpu + ".so.10.13.3");
  };
  for (const char* gpu : {"sm90", "sm120", "ptx", "smart"}) fs::copy(site_ / "alone.so", resource(gpu));
  fs::copy(site_ / "alone.so", site_ / "trt/libnvinfer_builder_resource_sm90.so_old");
  const Shrunk shrunk = in_place();
  EXPECT_FALSE(fs::exists(resource("sm90")));
  for (const char* gpu : {"sm120", "ptx", "smart"}) EXPECT_TRUE(fs::exists(resource(gpu))) << gpu;
  EXPECT_TRUE(fs::exists(site_ / "trt/libnvinfer_builder_resource_sm90.so_old"));
  // where one of the targets has none of its own and none for all, they stay
  fs::copy(site_ / "alone.so", resource("sm90"));
  fs::remove(resource("ptx"));
  options_.carve.targets = parse_carve_targets("7.5,12.0");
  in_place();
  EXPECT_TRUE(fs::exists(resource("sm90")));
}

}  // namespace
}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "publish/index_page.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/error.h"
#include "hardware/catalog.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "select/candidate.h"

namespace lathe {
namespace {

constexpr const char* path = "/nix/store/73mimbx5qk542zpf5djpahjzjz9iamni-python3.13-pytorch-2.10.0";

std::string record(const std::string& name, const std::string& store_path = path) {
  return "{\"name\":\"" + name +
         "\",\"package\":\"pytorch\",\"isa\":\"avx2\",\"capability\":\"9.0\",\"cuda\":\"13.0\",\"store_"
         "path\":\"" +
         store_path + "\",\"bytes\":1200000}";
}

std::string why(const std::string& index) {
  try {
    read_published(index, "https://cache.example.org");
    return "";
  } catch (const Error& error) {
    return error.text();
  }
}

TEST(IndexPages, WhatIsWrittenIsWhatSelectReads) {
  const IndexPages pages =
      index_pages({.name = "m", .keys = {"cache-1:abc+/="}}, {record("pytorch-a"), record("pytorch-b")});
  const auto candidates = read_published(pages.json, "https://cache.example.org/builds");
  ASSERT_EQ(candidates.size(), 2u);
  EXPECT_EQ(candidates[1].name, "pytorch-b");
  EXPECT_EQ(candidates[1].get,
            std::string("nix --extra-experimental-features nix-command copy --from "
                        "https://cache.example.org/builds --option trusted-public-keys cache-1:abc+/= ") +
                path + "\nnix-store --realise " + path +
                " --option substituters https://cache.example.org/builds --option trusted-public-keys "
                "cache-1:abc+/=");
}

TEST(IndexPages, SaysWhichDriverTheCodeNeedsAndWhy) {
  Variant variant = expand(parse_matrix(R"([matrix]
name = "m"
package = "pytorch"
[nixpkgs.canonical]
rev = "6a030d535719c5190187c4cec156f335e95e3211"
[pytorch."2.10.0"]
hash = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ="
[[build]]
pytorch = ["2.10.0"]
python = ["3.13"]
cuda = ["13.0"]
gpus = ["9.0"]
isas = ["avx2"]
)",
                                        "m.toml"))
                        .at(0);
  auto cell = std::make_shared<Cell>(*variant.cell);
  cell->min_driver = Version::parse("535.54.03");
  variant.cell = cell;
  const auto record_for = [&](const char* driver) {
    return index_record(
        variant,
        {.store_path = path, .driver = DriverNeed{.version = *Version::parse(driver), .because = "zstd"}});
  };
  const auto candidate = [&](const char* driver) {
    return read_published(index_pages({.name = "m"}, {record_for(driver)}).json, "https://cache.example.org")
        .at(0);
  };
  EXPECT_EQ(candidate("550.54.14").driver, Version::parse("550.54.14"));
  EXPECT_EQ(candidate("550.54.14").driver_because, "zstd");
  EXPECT_EQ(candidate("470.42.01").driver, Version::parse("535.54.03")) << "the toolkit needs more";
  EXPECT_EQ(candidate("470.42.01").driver_because, "");
}

TEST(IndexPages, AnIndexOfNothingIsAnIndex) {
  EXPECT_TRUE(read_published(index_pages({.name = "m"}, {}).json, "https://cache.example.org").empty());
}

TEST(IndexPages, NamesFromElsewhereAreTextInThePage) {
  const IndexPages pages =
      index_pages({.name = "<script>alert(1)</script>"}, {record("<img src=x onerror='alert(1)'>")});
  EXPECT_EQ(pages.html.find("<script>alert"), std::string::npos);
  EXPECT_EQ(pages.html.find("<img"), std::string::npos);
  EXPECT_NE(pages.html.find("&lt;img src=x onerror=&#39;alert(1)&#39;&gt;"), std::string::npos);
}

TEST(IndexPages, NothingOfAHostileIndexComesIntoACommand) {
  const auto index = [](const std::string& head, const std::string& row) {
    return "{\"format\":\"torchlathe-index\",\"version\":1," + head + "\"variants\":[" + row + "]}";
  };
  EXPECT_EQ(why(index("", record("pytorch-a"))), "");
  EXPECT_NE(why(index("", record("$(reboot)"))).find("cannot name a variant"), std::string::npos);
  EXPECT_NE(why(index("", record("pytorch-a", "/nix/store/x; reboot"))).find("which is none"),
            std::string::npos);
  EXPECT_NE(why(index("", record("pytorch-a", std::string(path) + "/../../../etc"))).find("which is none"),
            std::string::npos);
  EXPECT_NE(why(index(R"x("cache":"https://a/$(reboot)",)x", record("pytorch-a")))
                .find("not an address of a binary cache"),
            std::string::npos);
  EXPECT_NE(
      why(index(R"("cache":"--option",)", record("pytorch-a"))).find("not an address of a binary cache"),
      std::string::npos);
  EXPECT_NE(why(index(R"("public_keys":["a:b' reboot"],)", record("pytorch-a"))).find("public keys"),
            std::string::npos);
}

TEST(IndexPages, ACompanionGoesWithTheVeryPytorchThatItWasBuiltWith) {
  const std::string vision_path = "/nix/store/0cbsxwzg96qi75mzzip3bxfxhy4x5gbh-python3.13-torchvision-0.25.0";
  const auto vision = [&](const std::string& torch_path) {
    return R"({"name":"torchvision-a","package":"torchvision","version":"0.25.0","torch":"pytorch-a",)"
           R"("isa":"avx2",)"
           R"("store_path":")" +
           vision_path + R"(","torch_path":")" + torch_path + "\"}";
  };
  const IndexPages pages = index_pages({.name = "m"}, {vision(path), record("pytorch-a")});
  const auto candidates = read_published(pages.json, "https://cache.example.org");
  ASSERT_EQ(candidates.size(), 1u) << "it is nothing to choose by itself";
  EXPECT_EQ(candidates[0].companions, std::vector<std::string>{"torchvision-a"});
  EXPECT_EQ(candidates[0].get,
            std::string("nix --extra-experimental-features nix-command copy --no-check-sigs --from "
                        "https://cache.example.org ") +
                path + " " + vision_path + "\nnix-store --realise " + path + " " + vision_path +
                " --option substituters https://cache.example.org --option require-sigs false");
  EXPECT_NE(pages.html.find(std::string(path) + " " + vision_path), std::string::npos);
  EXPECT_NE(pages.html.find("<small>with torchvision 0.25.0</small>"), std::string::npos);
  const IndexPages stale = index_pages(
      {.name = "m"},
      {record("pytorch-a"), vision("/nix/store/8p16fyv9hjyycbykd6hawkrvfv44m7mh-python3.13-pytorch-2.10.0")});
  EXPECT_TRUE(read_published(stale.json, "https://cache.example.org")[0].companions.empty())
      << "two PyTorch in one process crash";
  EXPECT_EQ(stale.html.find("with torchvision"), std::string::npos);
  EXPECT_NE(why(index_pages(
                    {}, {record("pytorch-a"), R"x({"name":"$(reboot)","torch":"pytorch-a","store_path":")x" +
                                                  vision_path + R"(","torch_path":")" + path + "\"}"})
                    .json)
                .find("cannot name a variant"),
            std::string::npos);
}

TEST(IndexPages, OfAnAddressOnlyWhatSaysWhereIsHandedOn) {
  EXPECT_EQ(public_address(
                "s3://builds?endpoint=s3.example.org&compression=zstd&region=eu-1&profile=me&scheme=https"),
            "s3://builds?endpoint=s3.example.org&region=eu-1&scheme=https");
  EXPECT_EQ(public_address("file:///srv/cache?compression=zstd"), "file:///srv/cache");
  const IndexPages pages = index_pages(
      {.name = "m", .cache = "s3://builds?endpoint=s3.example.org&region=eu-1"}, {record("pytorch-a")});
  const std::string get = read_published(pages.json, "https://www.example.org")[0].get;
  EXPECT_NE(
      get.find(" copy --no-check-sigs --from 's3://builds?endpoint=s3.example.org&region=eu-1' /nix/store/"),
      std::string::npos)
      << get;
  for (const char* hostile :
       {"ssh://-oProxyCommand=reboot", "ssh://host?remote-program=reboot", "ssh://host?ssh-key=/x",
        "https://a?trusted=true", "s3://b?region='", "s3://b?endpoint=a b", "s3://b?", "s3://b?region"}) {
    EXPECT_THROW(check_cache_address(hostile), Error) << hostile;
  }
}

TEST(IndexPages, AnotherVersionIsRefused) {
  EXPECT_NE(why(R"({"format":"torchlathe-index","version":2,"variants":[]})").find("version 2"),
            std::string::npos);
  EXPECT_NE(why(R"({"format":"torchlathe-index","variants":[]})").find("version none"), std::string::npos);
}

}  // namespace
}  // namespace lathe

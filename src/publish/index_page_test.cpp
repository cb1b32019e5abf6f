// SPDX-License-Identifier: MIT
#include "publish/index_page.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "host/candidate.h"

namespace lathe {
namespace {

constexpr const char* path = "/nix/store/73mimbx5qk542zpf5djpahjzjz9iamni-python3.13-pytorch-2.10.0";

std::string record(const std::string& name, const std::string& store_path = path) {
  return "{\"name\":\"" + name + "\",\"package\":\"pytorch\",\"isa\":\"avx2\",\"capability\":\"9.0\",\"cuda\":\"13.0\",\"store_path\":\"" + store_path + "\",\"bytes\":1200000}";
}

std::string why(const std::string& index) {
  try {
    read_published(index, "https://cache.example.org");
    return "";
  } catch (const Error& error) {
    return error.text();
  }
}

TEST(IndexPages, what_is_written_is_what_select_reads) {
  const IndexPages pages = index_pages({.name = "m", .keys = {"cache-1:abc+/="}}, {record("pytorch-a"), record("pytorch-b")});
  const auto candidates = read_published(pages.json, "https://cache.example.org/builds");
  ASSERT_EQ(candidates.size(), 2u);
  EXPECT_EQ(candidates[1].name, "pytorch-b");
  EXPECT_EQ(candidates[1].get, std::string("nix --extra-experimental-features nix-command copy --from https://cache.example.org/builds --option trusted-public-keys cache-1:abc+/= ") + path +
                                   "\nnix-store --realise " + path + " --option substituters https://cache.example.org/builds --option trusted-public-keys cache-1:abc+/=");
}

TEST(IndexPages, an_index_of_nothing_is_an_index) {
  EXPECT_TRUE(read_published(index_pages({.name = "m"}, {}).json, "https://cache.example.org").empty());
}

TEST(IndexPages, names_from_elsewhere_are_text_in_the_page) {
  const IndexPages pages = index_pages({.name = "<script>alert(1)</script>"}, {record("<img src=x onerror='alert(1)'>")});
  EXPECT_EQ(pages.html.find("<script>alert"), std::string::npos);
  EXPECT_EQ(pages.html.find("<img"), std::string::npos);
  EXPECT_NE(pages.html.find("&lt;img src=x onerror=&#39;alert(1)&#39;&gt;"), std::string::npos);
}

TEST(IndexPages, nothing_of_a_hostile_index_comes_into_a_command) {
  const auto index = [](const std::string& head, const std::string& row) {
    return "{\"format\":\"torchlathe-index\",\"version\":1," + head + "\"variants\":[" + row + "]}";
  };
  EXPECT_EQ(why(index("", record("pytorch-a"))), "");
  EXPECT_NE(why(index("", record("$(reboot)"))).find("cannot name a variant"), std::string::npos);
  EXPECT_NE(why(index("", record("pytorch-a", "/nix/store/x; reboot"))).find("which is none"), std::string::npos);
  EXPECT_NE(why(index("", record("pytorch-a", std::string(path) + "/../../../etc"))).find("which is none"), std::string::npos);
  EXPECT_NE(why(index(R"x("cache":"https://a/$(reboot)",)x", record("pytorch-a"))).find("no address of a binary cache"), std::string::npos);
  EXPECT_NE(why(index(R"("cache":"--option",)", record("pytorch-a"))).find("no address of a binary cache"), std::string::npos);
  EXPECT_NE(why(index(R"("public_keys":["a:b' reboot"],)", record("pytorch-a"))).find("public keys"), std::string::npos);
}

TEST(IndexPages, another_version_is_refused) {
  EXPECT_NE(why(R"({"format":"torchlathe-index","version":2,"variants":[]})").find("version 2"), std::string::npos);
  EXPECT_NE(why(R"({"format":"torchlathe-index","variants":[]})").find("version none"), std::string::npos);
}

}  // namespace
}  // namespace lathe

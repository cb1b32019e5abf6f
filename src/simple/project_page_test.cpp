// SPDX-License-Identifier: MIT
#include "simple/project_page.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "base/json.h"
#include "carve/plan/plan.h"
#include "package/wheel_names.h"
#include "simple/root.h"
#include "simple/variants_json.h"

namespace lathe {
namespace {

const std::string sum(64, 'a');
const std::string other(64, 'b');

ProjectPage page_of_two() {
  return {
      .name = "torch",
      .files = {{.name = "torch-1+sm90-py3-none-any.whl",
                 .url = "../../files/torch-1%2Bsm90-py3-none-any.whl",
                 .sha256 = sum,
                 .size = 5,
                 .requires_python = ">=3.8,<4",
                 .yanked = "broken & \"bad\" <b>",
                 .has_metadata = true,
                 .metadata_sha256 = other,
                 .provenance = "https://x.org/p"},
                {.name = "torch-2-py3-none-any.whl", .url = "../../wheels/torch/torch-2-py3-none-any.whl"}}};
}

TEST(ProjectNames, AreComparedAsThePythonIndexDoes) {
  EXPECT_EQ(normal_project_name("Foo._-Bar"), "foo-bar");
  for (const char* good : {"a", "torch", "Zope.Interface", "a_b-c.d"})
    EXPECT_TRUE(is_project_name(good)) << good;
  for (const char* bad : {"", "-a", "a-", "a/b", "..", "a b", "é"}) EXPECT_FALSE(is_project_name(bad)) << bad;
  EXPECT_FALSE(is_project_name(std::string(200, 'a')));
  EXPECT_TRUE(is_distribution_file("torch-2.15.0+cu128-cp312-cp312-linux_x86_64.whl"));
  for (const char* bad : {"", ".whl", "../a.whl", "a/b.whl", "a%2Fb.whl", "a b.whl"})
    EXPECT_FALSE(is_distribution_file(bad)) << bad;
  EXPECT_FALSE(is_distribution_file(std::string(300, 'a')));
}

void expect_same(const ProjectPage& read) {
  ASSERT_EQ(read.files.size(), 2u);
  EXPECT_EQ(read.files[0].name, "torch-1+sm90-py3-none-any.whl");
  EXPECT_EQ(read.files[0].url, "http://x.org/files/torch-1%2Bsm90-py3-none-any.whl");
  EXPECT_EQ(read.files[0].sha256, sum);
  EXPECT_EQ(read.files[0].requires_python, ">=3.8,<4");
  EXPECT_EQ(read.files[0].yanked, "broken & \"bad\" <b>");
  EXPECT_EQ(read.files[0].metadata_sha256, other);
  EXPECT_EQ(read.files[0].provenance, "https://x.org/p");
  EXPECT_EQ(read.files[1].sha256, "");
  EXPECT_FALSE(read.files[1].yanked);
  EXPECT_FALSE(read.files[1].has_metadata);
}

TEST(ProjectPages, AreReadAsTheyAreWritten) {
  const std::string html = page_html(page_of_two()), json = page_json(page_of_two());
  expect_same(read_project_page(html, "torch", "http://x.org/simple/torch/"));
  expect_same(read_project_page(json, "torch", "http://x.org/simple/torch/"));
  EXPECT_EQ(html.find("<b>"), std::string::npos);
  EXPECT_EQ(json.find("dist-info-metadata"), std::string::npos) << "pip 22.3 fails on it";
}

TEST(ProjectPages, SayOneDotOneOnlyWithAllSizes) {
  ProjectPage page = page_of_two();
  EXPECT_EQ(parse_json(page_json(page), "x").find("meta")->text_of("api-version"), "1.0");
  page.files.pop_back();
  EXPECT_EQ(parse_json(page_json(page), "x").find("meta")->text_of("api-version"), "1.1");
}

TEST(ProjectPages, OfOthersAreNotTrusted) {
  const auto files = [](const std::string& text) {
    return read_project_page(text, "a", "https://x.org/simple/a/").files.size();
  };
  EXPECT_EQ(files(R"({"meta":{"api-version":"1.9"},"files":[{"filename":"a-1.whl","url":"file:///etc/passwd"},
    {"filename":"../a.whl","url":"a.whl"},
    {"filename":"a-1.whl","url":"a.whl","hashes":{"sha256":"x"},"size":-1},{"filename":5}]})"),
            1u);
  EXPECT_EQ(files("<!DOCTYPE html><!-- <a href='x-1.whl'>x-1.whl</a> --><a "
                  "href=\"javascript:x\">a-1.whl</a><a\nhref='a-1.whl'>a-1.whl</a><abbr>"),
            1u);
  EXPECT_EQ(files("<html><a href=\"a"), 0u);
  const auto base = read_project_page("<html><base href='https://y.org/b/'><a href=\"a-1.whl\">a-1.whl</a>",
                                      "a", "https://x.org/");
  EXPECT_EQ(base.files.at(0).url, "https://y.org/b/a-1.whl");
  for (const char* bad : {"", "no page", "{}", "{", "[]", R"({"meta":{"api-version":"2.0"},"files":[]})"})
    EXPECT_THROW(files(bad), Error) << bad;
}

TEST(ProjectPages, ComeInTheFormThatIsAskedFor) {
  EXPECT_FALSE(prefers_json("*/*"));
  EXPECT_FALSE(prefers_json(""));
  EXPECT_TRUE(prefers_json(
      "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"));
  EXPECT_FALSE(prefers_json("text/html, application/vnd.pypi.simple.v1+json;q=0.2"));
  EXPECT_FALSE(prefers_json("application/vnd.pypi.simple.v1+json;q=0"));
}

TEST(Roots, AreOneForEachGpuAndTwoOfAll) {
  const auto roots = roots_for(parse_carve_targets("8.6,9.0+PTX,8.6"));
  ASSERT_EQ(roots.size(), 4u);
  EXPECT_EQ(roots[0].path, "sm86/");
  EXPECT_EQ(roots[1].path, "sm90ptx/");
  EXPECT_EQ(roots[2].path, "");
  EXPECT_THROW(roots_for({}), Error);
  const WheelName name = *parse_wheel_name("torch-2.15.0+cu130-cp312-cp312-linux_x86_64.whl");
  const CarveTarget gpu = parse_carve_targets("9.0")[0];
  EXPECT_EQ(carved_name(name, gpu, Naming::same).file_name(), name.file_name());
  EXPECT_EQ(carved_name(name, gpu, Naming::local).file_name(),
            "torch-2.15.0+cu130.sm90-cp312-cp312-linux_x86_64.whl");
  EXPECT_EQ(carved_name(name, gpu, Naming::variant).file_name(),
            "torch-2.15.0+cu130-cp312-cp312-linux_x86_64-sm90.whl");
}

std::string variant(const std::string& label, const std::string& provider = "p>=1") {
  return R"({"$schema":"s","default-priorities":{"namespace":["nvidia"]},)"
         R"("providers":{"nvidia":{"requires":[")" +
         provider + R"("]}},"variants":{")" + label + R"(":{"nvidia":{"sm_arch":["90_real"]}}}})";
}

TEST(VariantsJson, HoldsTheVariantsOfAllWheels) {
  const Json joined =
      parse_json(joined_variants_json({variant("sm90"), variant("sm86"), variant("sm90")}), "x");
  EXPECT_EQ(joined.find("variants")->object()->size(), 2u);
  EXPECT_EQ(joined.find("providers")->object()->size(), 1u);
  EXPECT_EQ(joined.find("default-priorities")->find("namespace")->array()->size(), 1u);
  EXPECT_EQ(joined_variants_json({}), "");
  EXPECT_THROW(joined_variants_json({variant("sm90"), variant("sm86", "p>=2")}), Error);
  EXPECT_THROW(joined_variants_json({"{}"}), Error);
}

}  // namespace
}  // namespace lathe

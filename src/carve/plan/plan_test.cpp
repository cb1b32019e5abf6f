// SPDX-License-Identifier: MIT
#include "carve/plan/plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "device/cuda_target.h"
#include "testing/gfx_vendor.h"
#include "base/error.h"
#include "device/target.h"
#include "hardware/capability.h"

namespace lathe {
namespace {

// A container of these images behind a wrapper of its own.
void add(DeviceContents& fatbins, const std::vector<std::string>& images,
         DeviceWrapper::Kind kind = DeviceWrapper::Kind::plain) {
  DeviceContainer container{.header_size = 16, .wrapper = WrapperIndex{fatbins.wrappers.size()}};
  std::uint64_t at = 16;
  for (const std::string& image : images) {
    const auto spelled = parse_capability(image);
    DeviceImage entry{.offset = at, .header_size = 64, .payload_size = 1000 + at % 7};
    entry.kind = spelled->dialect == Dialect::compute ? ImageKind::portable : ImageKind::native;
    entry.target = cuda_target(spelled->capability);
    at = entry.end();
    container.images.push_back(entry);
  }
  fatbins.wrappers.push_back({.kind = kind, .container = ContainerIndex{fatbins.containers.size()}});
  fatbins.containers.push_back(container);
}

// What of one container stays for these targets, by name.
std::string kept(const std::vector<std::string>& images, std::string_view targets, bool minimal = false,
                 bool keep_special = false) {
  DeviceContents fatbins;
  add(fatbins, images);
  const CarvePlan plan =
      plan_carve(fatbins, {},
                 {.targets = parse_carve_targets(targets), .minimal = minimal, .keep_special = keep_special});
  std::string text;
  for (const ImageIndex index : plan.containers[{0}].keep)
    text += (text.empty() ? "" : " ") + images[index.value];
  return text;
}

const std::vector<std::string> many{"sm_75", "sm_80", "sm_86", "sm_90", "sm_90a", "sm_100", "compute_120"};

TEST(CarvePlan, KeepsWhatTheDriverPicksForOneGpu) {
  EXPECT_EQ(kept(many, "9.0"), "sm_90a");
  EXPECT_EQ(kept(many, "8.0"), "sm_80");
  EXPECT_EQ(kept(many, "8.9"), "sm_86");
  EXPECT_EQ(kept(many, "10.3"), "sm_100");
  EXPECT_EQ(kept(many, "12.0"), "compute_120");
}

TEST(CarvePlan, KeepsTheUnionForSeveralGpus) { EXPECT_EQ(kept(many, "8.9,7.5,sm_90"), "sm_75 sm_86 sm_90a"); }

TEST(CarvePlan, KeepsThePtxBesideTheCodeWhereItIsAskedFor) {
  EXPECT_EQ(kept({"sm_80", "compute_80", "sm_90", "compute_90"}, "9.0+PTX"), "sm_90 compute_90");
  EXPECT_EQ(kept({"sm_80", "compute_80", "sm_90"}, "9.0+PTX"), "compute_80 sm_90");
}

TEST(CarvePlan, KeepsBothWhereTheDriversRuleIsNotMeasured) {
  EXPECT_EQ(kept({"sm_100", "sm_100f"}, "10.3"), "sm_100 sm_100f");
  EXPECT_EQ(kept({"sm_100", "sm_100f"}, "10.3", true), "sm_100f");
  EXPECT_EQ(kept({"sm_90", "sm_90"}, "9.0"), "sm_90 sm_90");
  EXPECT_EQ(kept({"compute_90", "compute_90a"}, "9.0"), "compute_90 compute_90a");
}

TEST(CarvePlan, DecidesPerContainerNotPerFile) {
  DeviceContents fatbins;
  add(fatbins, {"sm_86"});
  add(fatbins, {"sm_80"});
  const CarvePlan plan = plan_carve(fatbins, {}, {.targets = parse_carve_targets("8.6")});
  EXPECT_EQ(plan.containers[{0}].keep.size(), 1u);
  EXPECT_EQ(plan.containers[{1}].keep.size(), 1u);
  EXPECT_FALSE(plan.drops_something());
}

TEST(CarvePlan, KeepsNothingWhereNothingFitsOrTheSmallestImageIfAsked) {
  EXPECT_EQ(kept({"sm_80", "sm_86"}, "9.0"), "");
  EXPECT_EQ(kept({"sm_80", "sm_86"}, "9.0", true), "");
  EXPECT_EQ(kept({"sm_80", "sm_86"}, "9.0", false, true), "sm_80");
  EXPECT_EQ(kept({"sm_80", "sm_86"}, "9.0", true, true), "sm_80");
  EXPECT_EQ(kept({"sm_80", "sm_90", "sm_90a"}, "9.0", false, true), "sm_90a");
}

TEST(CarvePlan, TellsWhichGpusAContainerCannotServe) {
  DeviceContents fatbins;
  add(fatbins, {"sm_80", "sm_90"});
  const CarvePlan plan = plan_carve(fatbins, {}, {.targets = parse_carve_targets("8.0,12.0")});
  ASSERT_EQ(plan.containers[{0}].unserved.size(), 1u);
  EXPECT_EQ(to_string(plan.containers[{0}].unserved[0]), "12.0");
  EXPECT_EQ(plan.totals.unserved, 1u);
  EXPECT_EQ(plan.totals.images_kept, 1u);
}

TEST(CarvePlan, LeavesAloneWhatItMustNotTouch) {
  DeviceContents fatbins;
  for (int i = 0; i < 6; ++i)
    add(fatbins, many, i == 3 ? DeviceWrapper::Kind::linked : DeviceWrapper::Kind::plain);
  fatbins.containers[{0}].wrapper.reset();
  fatbins.containers[{1}].relocatable = true;
  fatbins.containers[{2}].understood = false;
  fatbins.containers[{4}].images[{2}].kind = ImageKind::other;
  const ContainerIndex referenced[] = {{5}};
  const CarvePlan plan = plan_carve(fatbins, referenced, {.targets = parse_carve_targets("9.0")});
  const Untouched expected[] = {Untouched::no_wrapper, Untouched::relocatable,   Untouched::damaged,
                                Untouched::linked,     Untouched::unknown_image, Untouched::referenced};
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(plan.containers[{i}].untouched, expected[i]) << i;
    EXPECT_EQ(plan.containers[{i}].keep.size(), many.size()) << i;
  }
  EXPECT_EQ(plan.totals.untouched, 6u);
}

// A linked container and relocatable ones; what of each stays, separated by bars.
class Linked {
 public:
  explicit Linked(const std::vector<std::string>& linked,
                  const std::vector<std::vector<std::string>>& relocatable)
      : names_{linked} {
    contents.vendor = cuda_target({9, 0}).vendor;
    contents.all_linked = true;
    add(contents, linked, DeviceWrapper::Kind::linked);
    for (const auto& images : relocatable) {
      add(contents, images);
      contents.containers[{contents.containers.size() - 1}].relocatable = true;
      names_.push_back(images);
    }
  }

  std::string kept(std::string_view targets, bool minimal = false) const {
    const CarvePlan plan = plan_of(targets, minimal);
    std::string text;
    for (const ContainerIndex i : contents.containers.ids()) {
      if (i.value != 0) text += " |";
      for (const ImageIndex index : plan.containers[i].keep)
        text += (text.empty() ? "" : " ") + names_[i.value][index.value];
    }
    return text;
  }

  CarvePlan plan_of(std::string_view targets, bool minimal = false) const {
    return plan_carve(contents, {}, {.targets = parse_carve_targets(targets), .minimal = minimal});
  }

  DeviceContents contents;

 private:
  std::vector<std::vector<std::string>> names_;
};

TEST(CarvePlan, DropsRelocatableCodeWhereLinkedMachineCodeFits) {
  const Linked file({"sm_80", "sm_90"}, {{"sm_80", "sm_90", "compute_90"}, {"sm_80", "sm_90"}});
  EXPECT_EQ(file.kept("9.0"), "sm_90 | |");
  EXPECT_EQ(file.kept("8.0,9.0"), "sm_80 sm_90 | |");
  EXPECT_EQ(file.kept("8.6", true), "sm_80 | |");
  const CarvePlan plan = file.plan_of("9.0");
  EXPECT_EQ(plan.totals.untouched, 0u);
  EXPECT_EQ(plan.totals.relocatable_kept, 0u);
  EXPECT_GT(plan.totals.relocatable, 5000u);
}

TEST(CarvePlan, KeepsRelocatableCodeThatTheDriverLinks) {
  const Linked file({"sm_80"}, {{"sm_80", "compute_80"}, {"sm_80", "compute_75", "compute_80"}});
  EXPECT_EQ(file.kept("9.0"), "sm_80 | compute_80 | compute_80");
  EXPECT_EQ(file.kept("8.0,9.0"), "sm_80 | compute_80 | compute_80");
  EXPECT_EQ(file.kept("9.0", true), " | compute_80 | compute_80");
  EXPECT_TRUE(file.plan_of("9.0").containers[{0}].unserved.empty());
  EXPECT_EQ(file.kept("8.0+PTX"), "sm_80 | sm_80 compute_80 | sm_80 compute_80");
}

TEST(CarvePlan, NeedsRelocatableCodeForOneLinkThatHasNone) {
  Linked file({"sm_80", "sm_90"}, {{"sm_80", "compute_80"}});
  add(file.contents, {"sm_80"}, DeviceWrapper::Kind::linked);
  const CarvePlan plan = file.plan_of("9.0");
  ASSERT_EQ(plan.containers[{1}].keep.size(), 1u);
  EXPECT_EQ(plan.containers[{1}].keep[0], ImageIndex{1});
}

TEST(CarvePlan, LinksMachineCodeAgainToo) {
  const Linked file({"sm_80"}, {{"sm_80", "sm_90"}, {"sm_80", "compute_80"}});
  EXPECT_EQ(file.kept("9.0"), "sm_80 | sm_90 | compute_80");
  EXPECT_TRUE(file.plan_of("9.0").containers[{0}].unserved.empty());
  EXPECT_EQ(file.plan_of("10.0").containers[{0}].unserved.size(), 1u);
}

TEST(CarvePlan, KeepsNoRelocatableCodeThatFitsNoTarget) {
  const Linked file({"sm_80"}, {{"sm_80", "compute_80"}, {"sm_80"}});
  EXPECT_EQ(file.kept("9.0"), "sm_80 | compute_80 |");
  EXPECT_EQ(file.plan_of("9.0").containers[{0}].unserved.size(), 1u);
  const Linked none({"sm_80"}, {{"sm_80"}, {"sm_80"}});
  EXPECT_EQ(none.kept("9.0"), "sm_80 | |");
}

TEST(CarvePlan, KeepsLinkTimeCodeWhileSomethingIsLinked) {
  Linked file({"sm_80", "sm_90"}, {{"sm_80", "sm_90", "compute_90"}});
  file.contents.containers[{1}].images[{1}].kind = ImageKind::link_ir;
  EXPECT_EQ(file.kept("9.0"), "sm_90 |");
  EXPECT_EQ(file.kept("12.0"), "sm_80 | sm_90 compute_90");
}

TEST(CarvePlan, LeavesLinkedCodeAloneThatIsNotUnderstood) {
  const auto untouched = [](const std::function<void(DeviceContents&)>& spoil) {
    Linked file({"sm_80", "sm_90"}, {{"sm_80", "sm_90"}, {"sm_80", "sm_90"}});
    spoil(file.contents);
    const CarvePlan plan = file.plan_of("9.0");
    EXPECT_EQ(plan.totals.images, plan.totals.images_kept);
    return plan.totals.untouched;
  };
  EXPECT_EQ(untouched([](DeviceContents& file) { file.all_linked = false; }), 3u);
  EXPECT_EQ(untouched([](DeviceContents& file) { file.containers[{2}].understood = false; }), 3u);
  EXPECT_EQ(untouched([](DeviceContents& file) { file.containers[{1}].wrapper.reset(); }), 3u);
  EXPECT_EQ(untouched([](DeviceContents& file) { file.containers[{2}].images[{0}].kind = ImageKind::other; }),
            3u);
  EXPECT_EQ(
      untouched([](DeviceContents& file) { file.containers[{0}].images[{0}].kind = ImageKind::link_ir; }),
      3u);
  EXPECT_EQ(untouched([](DeviceContents& file) { file.wrappers[{1}].kind = DeviceWrapper::Kind::linked; }),
            3u);
  Linked file({"sm_80", "sm_90"}, {{"sm_80", "sm_90"}});
  const ContainerIndex referenced[] = {{1}};
  EXPECT_EQ(plan_carve(file.contents, referenced, {.targets = parse_carve_targets("9.0")}).totals.untouched,
            2u);
}

TEST(CarvePlan, KeepsWhatTheDriverOfAnotherVendorPicks) {
  using testing::gfx;
  const std::vector<TargetCode> codes = {
      {gfx("gfx90a")}, {gfx("gfx90a:xnack+")}, {gfx("gfx942")}, {cuda_target({9, 0})}};
  const std::vector<CarveTarget> with{{.device = gfx("gfx90a:sramecc+:xnack+")}};
  const std::vector<CarveTarget> without{{.device = gfx("gfx90a:sramecc+:xnack-")}};
  EXPECT_EQ(codes_to_keep(codes, with, false), std::vector<std::size_t>{1});
  EXPECT_EQ(codes_to_keep(codes, without, false), std::vector<std::size_t>{0});
  EXPECT_EQ(codes_to_keep(codes, parse_carve_targets("9.0"), false), std::vector<std::size_t>{3});
  EXPECT_EQ(to_string(with), "gfx90a:sramecc+:xnack+");
}

TEST(CarveTargets, TakeAnySpellingOfAGpu) {
  EXPECT_EQ(to_string(parse_carve_targets("sm_90, 8.6,90")), "8.6, 9.0");
  EXPECT_EQ(to_string(parse_carve_targets("9.0+PTX,9.0")), "9.0+PTX");
  EXPECT_EQ(to_string(parse_carve_targets("RTX 5090,NVIDIA H100 80GB HBM3,3090")), "8.6, 9.0, 12.0");
}

TEST(CarveTargets, RefuseCodeNamesAndNonsense) {
  EXPECT_THROW(parse_carve_targets("9.0a"), Error);
  EXPECT_THROW(parse_carve_targets(""), Error);
  EXPECT_THROW(parse_carve_targets("8.6,,9.0"), Error);
}

}  // namespace
}  // namespace lathe

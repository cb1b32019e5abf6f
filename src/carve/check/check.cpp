// SPDX-License-Identifier: MIT
#include "carve/check/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "base/finding.h"
#include "base/parallel.h"
#include "carve/check/check_parts.h"
#include "device/vendor.h"
#include "formats/elf.h"

namespace lathe {
namespace {

bool equal(ByteSpan a, ByteSpan b) { return as_text(a) == as_text(b); }

ByteSpan bytes_of(const Elf& elf, const DeviceImage& entry) {
  return ByteReader(elf.bytes(), "image").at(entry.offset, entry.size());
}

// Compares one container's images and what they resolve to.
class ContainerCheck {
  using Origin = Rows<ImageIndex, ImageIndex>;

 public:
  ContainerCheck(const Carved& carved, const DeviceContainer& before, const DeviceContainer& after)
      : carved_(carved), before_(before), after_(after) {}

  std::string problem() {
    if (!after_.understood) return "can no longer be read";
    if (before_.header_size != after_.header_size) return "has another header";
    ImageIndex next;
    for (const DeviceImage& image : after_.images) {
      while (next.value < before_.images.size() && !same(before_.images[next], image)) ++next.value;
      if (next.value == before_.images.size()) return "holds an image that is not one of the old ones";
      origin_.push_back(next);
      ++next.value;
    }
    for (const CarveTarget& target : carved_.options.targets) {
      if (picked(before_, target, nullptr) == picked(after_, target, &origin_)) continue;
      return fmt::format("resolves to another image for {}", to_string(target));
    }
    return "";
  }

 private:
  bool same(const DeviceImage& old_entry, const DeviceImage& new_entry) const {
    return old_entry.size() == new_entry.size() &&
           equal(bytes_of(carved_.old_file, old_entry), bytes_of(carved_.new_file, new_entry));
  }

  struct Picked {
    std::optional<ImageIndex> code, ptx;
    bool operator==(const Picked&) const = default;
  };

  // As images of the old container.
  static Picked picked(const DeviceContainer& container, const CarveTarget& target, const Origin* origin) {
    const ContainerCode code = container.code();
    const TargetPick found = pick_for(code.codes, target);
    const auto image = [&](const std::optional<std::size_t>& one) -> std::optional<ImageIndex> {
      if (!one) return std::nullopt;
      return origin ? (*origin)[code.image[*one]] : code.image[*one];
    };
    return {.code = image(found.code), .ptx = image(found.ptx)};
  }

  const Carved& carved_;
  const DeviceContainer& before_;
  const DeviceContainer& after_;
  Origin origin_;  // of each new image: which of the old ones it is
};

}  // namespace

void Carved::wrong(std::string what) const {
  constexpr std::size_t most_findings = 20;
  if (findings.size() >= most_findings) return;
  findings.add({.rule = "carve-check",
                .severity = Severity::error,
                .where = {.file = new_file.name()},
                .what = std::move(what),
                .fix = "the file was not written; please report this"});
}

Movable may_move(const DeviceContents& fatbins, std::span<const ContainerIndex> referenced) {
  Movable movable;
  for (const ContainerIndex i : fatbins.containers.ids()) {
    const DeviceContainer& container = fatbins.containers[i];
    movable.push_back(container.is_known() && container.understood && !container.relocatable &&
                      container.wrapper &&
                      fatbins.wrappers[*container.wrapper].kind == DeviceWrapper::Kind::plain &&
                      !std::ranges::binary_search(referenced, i));
  }
  return movable;
}

void check_images(const Carved& carved, const Movable& movable) {
  const auto& before = carved.old_fatbins;
  const auto& after = carved.new_fatbins;
  if (before.wrappers.size() != after.wrappers.size() ||
      before.containers.size() != after.containers.size()) {
    return carved.wrong(fmt::format("{} wrappers and {} containers became {} and {}", before.wrappers.size(),
                                    before.containers.size(), after.wrappers.size(),
                                    after.containers.size()));
  }
  std::vector<std::string> problems(before.wrappers.size());
  parallel_for_all(before.wrappers.size(), [&](std::size_t i) {
    const DeviceWrapper& old_wrapper = before.wrappers[{i}];
    const DeviceWrapper& new_wrapper = after.wrappers[{i}];
    if (old_wrapper.address != new_wrapper.address || old_wrapper.version != new_wrapper.version ||
        old_wrapper.container.has_value() != new_wrapper.container.has_value()) {
      problems[i] = "has a wrapper that leads elsewhere";
    } else if (old_wrapper.container && movable[*old_wrapper.container]) {
      problems[i] = ContainerCheck(carved, before.containers[*old_wrapper.container],
                                   after.containers[*new_wrapper.container])
                        .problem();
    }
  });
  for (std::size_t i = 0; i < problems.size(); ++i) {
    if (!problems[i].empty()) carved.wrong(fmt::format("the container of wrapper {} {}", i, problems[i]));
  }
}

Findings check_carved(const Elf& old_file, const DeviceContents& old_fatbins, const Elf& new_file,
                      const CheckOptions& options) {
  Findings findings;
  const DeviceContents new_fatbins = read_device_code(new_file);
  const Carved carved{.old_file = old_file,
                      .old_fatbins = old_fatbins,
                      .new_file = new_file,
                      .new_fatbins = new_fatbins,
                      .options = options,
                      .findings = findings};
  const Movable movable = may_move(old_fatbins, options.referenced);
  check_headers(carved);
  if (!findings.empty()) return findings;
  check_sections(carved, movable);
  check_images(carved, movable);
  check_memory(carved, movable);
  return findings;
}

namespace {

// Device code lies where one segment and its own section say, and nobody else's section does.
std::string region_problem(const Elf& elf, const DeviceRegion& region) {
  const std::uint64_t last = region.size - 1;
  if (elf.offset_of(region.address) != region.offset ||
      elf.offset_of(region.address + last) != region.offset + last) {
    return "device code lies beside its segment";
  }
  for (const ElfSection& section : elf.sections()) {
    const bool has_bytes =
        section.type != elf::sht_nobits && section.type != elf::sht_null && section.size != 0;
    const bool own = section.offset == region.offset && section.size == region.size &&
                     device_section(section.name) == DeviceSection::images;
    if (has_bytes && !own && section.offset < region.offset + region.size &&
        region.offset < section.offset + section.size) {
      return "a section overlaps device code";
    }
  }
  return "";
}

}  // namespace

Findings check_sound(const Elf& file, const DeviceContents& fatbins, const CheckOptions& options) {
  Findings findings;
  const Carved same{.old_file = file,
                    .old_fatbins = fatbins,
                    .new_file = file,
                    .new_fatbins = fatbins,
                    .options = options,
                    .findings = findings};
  check_headers(same);
  if (findings.empty()) check_sections(same, may_move(fatbins, options.referenced));
  const bool nameless = std::ranges::any_of(file.sections(), [](const ElfSection& section) {
    return section.type != elf::sht_null && section.name.empty();
  });
  if (options.strip_symbols && nameless)
    same.wrong("there are sections without names: which of them strip would drop is not known");
  for (const DeviceRegion& region : fatbins.regions) {
    if (region.size == 0 || region.relocatable) continue;
    if (const std::string problem = region_problem(file, region); !problem.empty()) same.wrong(problem);
  }
  return findings;
}

}  // namespace lathe

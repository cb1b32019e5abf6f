// SPDX-License-Identifier: MIT
#include "carve/check/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"
#include "base/parallel.h"
#include "carve/check/check_parts.h"
#include "carve/plan/no_gpu.h"
#include "device/target.h"
#include "device/vendor.h"
#include "formats/elf.h"

namespace lathe {
namespace {

constexpr std::size_t padding_end = 8;  // fewer bytes than that pad an image

bool equal(ByteSpan a, ByteSpan b) { return as_text(a) == as_text(b); }

ByteSpan bytes_of(const Elf& elf, const DeviceImage& entry) {
  return ByteReader(elf.bytes(), "image").at(entry.offset, entry.size());
}

// Compares one container's images and what they resolve to.
class ContainerCheck {
  using Origin = Rows<ImageIndex, ImageIndex>;

 public:
  // `targets`: for whom both must resolve to the same.
  ContainerCheck(const Carved& carved, std::span<const CarveTarget> targets, const DeviceContainer& before,
                 const DeviceContainer& after)
      : carved_(carved), targets_(targets), before_(before), after_(after) {}

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
    for (const CarveTarget& target : targets_) {
      if (picked(before_, target, nullptr) == picked(after_, target, &origin_)) continue;
      return fmt::format("resolves to another image for {}", to_string(target));
    }
    if (before_.relocatable && !targets_.empty() && !is_no_gpu(targets_) &&
        linker_inputs(before_) != linker_inputs(after_))
      return "lost code that the device linker makes more code of";
    return "";
  }

 private:
  // Of no GPU in particular.
  static std::ptrdiff_t linker_inputs(const DeviceContainer& container) {
    return std::ranges::count(container.images, ImageKind::link_ir, &DeviceImage::kind);
  }

  bool same(const DeviceImage& old_entry, const DeviceImage& new_entry) const {
    if (old_entry.compression != new_entry.compression)
      return packed_from(old_entry, new_entry) || unpacked_from(old_entry, new_entry);
    return old_entry.size() == new_entry.size() &&
           equal(bytes_of(carved_.old_file, old_entry), bytes_of(carved_.new_file, new_entry));
  }

  // Unpacks to the very bytes that lay there unpacked, and says the same of itself but for how it is stored.
  bool packed_from(const DeviceImage& old_entry, const DeviceImage& new_entry) const {
    if (old_entry.compression != Compression::none || new_entry.compression != carved_.options.packed)
      return false;
    if (old_entry.kind != new_entry.kind || old_entry.target != new_entry.target ||
        old_entry.header_size != new_entry.header_size || old_entry.payload_size != new_entry.unpacked_size)
      return false;
    return same_headers(old_entry, new_entry) && image_bytes(carved_.old_file.bytes(), old_entry) ==
                                                     image_bytes(carved_.new_file.bytes(), new_entry);
  }

  // The other way round; zeros pad it.
  bool unpacked_from(const DeviceImage& old_entry, const DeviceImage& new_entry) const {
    if (!carved_.options.unpacked || new_entry.compression != Compression::none) return false;
    if (old_entry.kind != new_entry.kind || old_entry.target != new_entry.target ||
        old_entry.header_size != new_entry.header_size || old_entry.unpacked_size > new_entry.payload_size ||
        !same_headers(old_entry, new_entry))
      return false;
    std::vector<std::byte> was = image_bytes(carved_.old_file.bytes(), old_entry);
    const std::vector<std::byte> is = image_bytes(carved_.new_file.bytes(), new_entry);
    if (is.size() < was.size() || is.size() - was.size() >= padding_end) return false;
    was.resize(is.size());
    return was == is;
  }

  bool same_headers(const DeviceImage& old_entry, const DeviceImage& new_entry) const {
    const ByteSpan was = bytes_of(carved_.old_file, old_entry).first(old_entry.header_size);
    const ByteSpan is = bytes_of(carved_.new_file, new_entry).first(new_entry.header_size);
    return carved_.old_fatbins.vendor->same_but_for_packing(was, is);
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
  std::span<const CarveTarget> targets_;
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

namespace {

enum class Part { alone, linked, relocatable, other };

Part part_of(const DeviceContents& fatbins, const DeviceContainer& container) {
  if (!container.wrapper || !container.understood) return Part::other;
  const auto kind = fatbins.wrappers[*container.wrapper].kind;
  if (container.relocatable) return kind == DeviceWrapper::Kind::plain ? Part::relocatable : Part::other;
  if (!container.is_known()) return Part::other;
  if (kind == DeviceWrapper::Kind::linked) return Part::linked;
  return kind == DeviceWrapper::Kind::plain ? Part::alone : Part::other;
}

bool all_are_linker_inputs(const DeviceContainer& container) {
  return std::ranges::none_of(container.images, [](const DeviceImage& image) {
    return image.kind != ImageKind::native && image.kind != ImageKind::portable &&
           image.kind != ImageKind::link_ir;
  });
}

// One device link that is not understood may read any relocatable container: then all of both stay.
bool links_may_move(const DeviceContents& fatbins, std::span<const ContainerIndex> referenced) {
  if (!fatbins.all_linked) return false;
  for (const ContainerIndex i : fatbins.containers.ids()) {
    const DeviceContainer& container = fatbins.containers[i];
    const Part part = part_of(fatbins, container);
    const bool of_a_link = container.relocatable || fatbins.is_linked(container);
    if (of_a_link && (part == Part::other || std::ranges::binary_search(referenced, i))) return false;
    if (part == Part::relocatable && !all_are_linker_inputs(container)) return false;
  }
  return true;
}

// For these the driver needs the relocatable containers: some linked one has no machine code for them, or
// their portable code was asked for.
std::vector<CarveTarget> relinking(const DeviceContents& fatbins, std::span<const CarveTarget> targets) {
  std::vector<CarveTarget> some;
  for (const CarveTarget& target : targets) {
    if (is_no_gpu(target)) continue;
    const bool needs = target.ptx || std::ranges::any_of(fatbins.containers, [&](const DeviceContainer& one) {
                         if (!fatbins.is_linked(one)) return false;
                         const ContainerCode code = one.code();
                         const auto picked = pick(code.codes, target.device);
                         return !picked || code.codes[*picked].kind != ImageKind::native;
                       });
    // The driver links machine code, or else portable code: both must stay.
    if (needs) some.push_back({.device = target.device, .ptx = true});
  }
  return some;
}

}  // namespace

bool holds_containers(std::string_view section) {
  const DeviceSection role = device_section(section);
  return role == DeviceSection::images || role == DeviceSection::linker;
}

Movable may_move(const DeviceContents& fatbins, std::span<const ContainerIndex> referenced) {
  const bool links = links_may_move(fatbins, referenced);
  Movable movable;
  for (const ContainerIndex i : fatbins.containers.ids()) {
    const Part part = part_of(fatbins, fatbins.containers[i]);
    const bool moves = part == Part::alone || (part != Part::other && links);
    movable.push_back(moves && !std::ranges::binary_search(referenced, i));
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
  const std::vector<CarveTarget> relinked = relinking(before, carved.options.targets);
  std::vector<std::string> problems(before.wrappers.size());
  parallel_for_all(before.wrappers.size(), [&](std::size_t i) {
    const DeviceWrapper& old_wrapper = before.wrappers[{i}];
    const DeviceWrapper& new_wrapper = after.wrappers[{i}];
    if (old_wrapper.address != new_wrapper.address || old_wrapper.version != new_wrapper.version ||
        old_wrapper.container.has_value() != new_wrapper.container.has_value()) {
      problems[i] = "has a wrapper that leads elsewhere";
    } else if (old_wrapper.container && movable[*old_wrapper.container]) {
      const DeviceContainer& container = before.containers[*old_wrapper.container];
      const std::vector<CarveTarget>& targets = container.relocatable ? relinked : carved.options.targets;
      problems[i] =
          ContainerCheck(carved, targets, container, after.containers[*new_wrapper.container]).problem();
    }
  });
  for (std::size_t i = 0; i < problems.size(); ++i) {
    if (!problems[i].empty()) carved.wrong(fmt::format("the container of wrapper {} {}", i, problems[i]));
  }
}

Findings check_carved(const Elf& old_file, const DeviceContents& old_fatbins, const Elf& new_file,
                      const CheckOptions& options) {
  Findings findings;
  const DeviceContents new_fatbins = options.lists ? DeviceContents{} : read_device_code(new_file);
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
    const bool own =
        section.offset == region.offset && section.size == region.size && holds_containers(section.name);
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
    if (region.size == 0 || (region.relocatable && !fatbins.all_linked)) continue;
    if (const std::string problem = region_problem(file, region); !problem.empty()) same.wrong(problem);
  }
  return findings;
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "carve/check/check.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/parallel.h"
#include "carve/check/check_parts.h"
#include "device/vendor.h"

namespace lathe {
namespace {

bool equal(ByteSpan a, ByteSpan b) { return as_text(a) == as_text(b); }

ByteSpan bytes_of(const Elf& elf, const FatbinEntry& entry) {
  return ByteReader(elf.bytes(), "image").at(entry.offset, entry.end() - entry.offset);
}

// Compares one container's images and what they resolve to.
class ContainerCheck {
 public:
  ContainerCheck(const Carved& carved, const FatbinContainer& before, const FatbinContainer& after)
      : carved_(carved), before_(before), after_(after) {}

  std::string problem() {
    if (!after_.understood) return "can no longer be read";
    if (before_.header_size != after_.header_size) return "has another header";
    std::size_t next = 0;
    for (const FatbinEntry& entry : after_.entries) {
      while (next < before_.entries.size() && !same(before_.entries[next], entry)) ++next;
      if (next == before_.entries.size()) return "holds an image that is not one of the old ones";
      origin_.push_back(next++);
    }
    for (const CarveTarget& target : carved_.options.targets) {
      if (picked(before_, target, nullptr) == picked(after_, target, &origin_)) continue;
      return fmt::format("resolves to another image for {}", to_string(target));
    }
    return "";
  }

 private:
  bool same(const FatbinEntry& old_entry, const FatbinEntry& new_entry) const {
    return old_entry.end() - old_entry.offset == new_entry.end() - new_entry.offset &&
           equal(bytes_of(carved_.old_file, old_entry), bytes_of(carved_.new_file, new_entry));
  }

  // As indices of the old container's entries.
  static TargetPick picked(const FatbinContainer& container, const CarveTarget& target,
                           const std::vector<std::size_t>* origin) {
    const ContainerCode code = device_codes(container);
    TargetPick picked = pick_for(code.codes, target);
    for (auto* one : {&picked.code, &picked.ptx}) {
      if (!*one) continue;
      const std::size_t entry = code.entry[**one];
      *one = origin ? (*origin)[entry] : entry;
    }
    return picked;
  }

  const Carved& carved_;
  const FatbinContainer& before_;
  const FatbinContainer& after_;
  std::vector<std::size_t> origin_;  // of each new entry, its place among the old ones
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

std::vector<bool> may_move(const Fatbins& fatbins, std::span<const std::size_t> referenced) {
  std::vector<bool> movable;
  for (std::size_t i = 0; i < fatbins.containers.size(); ++i) {
    const FatbinContainer& container = fatbins.containers[i];
    const bool known = std::ranges::all_of(container.entries,
                                           [](const FatbinEntry& entry) { return entry.kind.has_value(); });
    movable.push_back(known && container.understood && !container.relocatable && container.wrapper &&
                      fatbins.wrappers[*container.wrapper].version == 1 &&
                      !std::ranges::binary_search(referenced, i));
  }
  return movable;
}

void check_images(const Carved& carved, const std::vector<bool>& movable) {
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
    const FatbinWrapper& old_wrapper = before.wrappers[i];
    const FatbinWrapper& new_wrapper = after.wrappers[i];
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

Findings check_carved(const Elf& old_file, const Fatbins& old_fatbins, const Elf& new_file,
                      const CheckOptions& options) {
  Findings findings;
  const Fatbins new_fatbins = read_fatbins(new_file);
  const Carved carved{.old_file = old_file,
                      .old_fatbins = old_fatbins,
                      .new_file = new_file,
                      .new_fatbins = new_fatbins,
                      .options = options,
                      .findings = findings};
  const std::vector<bool> movable = may_move(old_fatbins, options.referenced);
  check_headers(carved);
  if (!findings.empty()) return findings;
  check_sections(carved, movable);
  check_images(carved, movable);
  check_memory(carved, movable);
  return findings;
}

namespace {

// Device code lies where one segment and its own section say, and nobody else's section does.
std::string region_problem(const Elf& elf, const FatbinRegion& region) {
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

Findings check_sound(const Elf& file, const Fatbins& fatbins, const CheckOptions& options) {
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
  for (const FatbinRegion& region : fatbins.regions) {
    if (region.size == 0 || region.relocatable) continue;
    if (const std::string problem = region_problem(file, region); !problem.empty()) same.wrong(problem);
  }
  return findings;
}

}  // namespace lathe

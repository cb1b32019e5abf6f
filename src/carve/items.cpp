// SPDX-License-Identifier: MIT
#include "carve/items.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/parallel.h"
#include "device/contents.h"
#include "device/target.h"
#include "device/vendor.h"
#include "formats/elf.h"

namespace lathe {
namespace {

using Items = std::vector<PackageItem>;

// As paths are ordered: what lies in a folder stands together, "a/b" before "a-b".
bool comes_before(std::string_view one, std::string_view other) {
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
  return std::ranges::lexicographical_compare(one, other, {}, rank, rank);
}

Items regular_files(const Package& package) {
  const std::map<std::size_t, std::size_t> others = other_names(package);
  Items items;
  for (std::size_t i = 0; i < package.members().size(); ++i) {
    const PackageMember& member = package.members()[i];
    if (member.kind != PackageMember::Kind::file) continue;
    items.push_back({.path = member.path(),
                     .member = i,
                     .size = member.size,
                     .by_itself = !package.file_of(i).empty(),
                     .other_name = others.contains(i)});
  }
  std::ranges::sort(items, comes_before, &PackageItem::path);
  return items;
}

bool member_is_elf(const Package& package, const PackageItem& item) {
  if (item.size < smallest_library || !package.members()[item.member].unreadable().empty()) return false;
  return Elf::looks_like(as_byte_span(package.part(item.member, 0, smallest_library)));
}

// One that is damaged stays, and is found out with all others.
std::optional<LooseCode> sound_loose_code(const Package& package, std::size_t member,
                                          std::span<const CarveTarget> targets) {
  try {
    return look_at_loose_code(package, member, targets);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// A program that has such libraries opens the one for its GPU. They stay where one of the targets has none.
void find_libraries_by_name(Items& items, std::span<const CarveTarget> targets) {
  std::vector<std::pair<PackageItem*, LooseCode>> named;
  bool for_others = false;
  for (PackageItem& item : items) {
    const std::string_view name = name_in(item.path);
    if (const auto target = target_in_name(name)) {
      named.push_back({&item, {.member = item.member, .target = *target, .size = item.size}});
    }
    for_others = for_others || is_for_other_gpus(name);
  }
  std::set<std::size_t> served;
  for (auto& [item, code] : named) {
    const TargetCode machine_code{.target = code.target, .kind = ImageKind::native};
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (!pick(std::span(&machine_code, 1), targets[i].device)) continue;
      served.insert(i);
      code.wanted = true;
    }
  }
  if (!for_others && served.size() < targets.size()) return;
  for (const auto& [item, code] : named) {
    if (!code.wanted) item->loose = code;
  }
}

LeftAlone mark_what_goes_along(const Package& package, Items& items) {
  std::set<std::size_t> gone;
  for (const PackageItem& item : items) {
    if (item.goes()) gone.insert(item.member);
  }
  LeftAlone left = left_of_triton(package, gone);
  const std::set<std::size_t> along(left.files.begin(), left.files.end());
  for (PackageItem& item : items) item.goes_along = along.contains(item.member);
  return left;
}

}  // namespace

std::string_view name_in(std::string_view path) { return path.substr(path.rfind('/') + 1); }

const PackageItem* PackageItems::find(std::string_view path) const {
  const auto item = std::ranges::lower_bound(files, path, comes_before, &PackageItem::path);
  return item != files.end() && item->path == path ? &*item : nullptr;
}

bool PackageItems::keeps_loose_code() const {
  return std::ranges::any_of(files, [](const PackageItem& item) { return item.loose && item.loose->wanted; });
}

LooseDropped PackageItems::dropped() const {
  LooseDropped out;
  std::vector<LooseCode> gone;
  for (const PackageItem& item : files) {
    if (!item.goes() || item.merged || item.other_name) continue;
    if (item.loose) gone.push_back(*item.loose);
    ++out.files;
    out.bytes += item.size;
  }
  out.code = targets_of(gone);
  return out;
}

void PackageItems::keep_all() {
  for (PackageItem& item : files) {
    if (!item.goes()) continue;
    item.loose.reset();
    item.goes_along = false;
  }
  along = {};
}

PackageItems list_items(const Package& package, std::span<const CarveTarget> targets, unsigned threads) {
  PackageItems out{.files = regular_files(package)};
  parallel_for_all(
      out.files.size(),
      [&](std::size_t i) {
        PackageItem& item = out.files[i];
        if (!member_is_elf(package, item)) return;
        item.library = !item.by_itself;
        if (!targets.empty()) item.loose = sound_loose_code(package, item.member, targets);
      },
      threads);
  if (targets.empty()) return out;
  find_libraries_by_name(out.files, targets);
  out.along = mark_what_goes_along(package, out.files);
  return out;
}

}  // namespace lathe

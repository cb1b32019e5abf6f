// SPDX-License-Identifier: MIT
#include "carve/arch_list.h"

#include <span>
#include <string_view>

#include "base/text.h"
#include "device/cuda_target.h"
#include "device/target.h"
#include "formats/elf.h"
#include "hardware/capability.h"

namespace lathe {
namespace {

constexpr std::size_t longest_list = 1024;

std::optional<TargetCode> parse_name(std::string_view name) {
  const auto spelled = parse_capability(name);
  if (!spelled || spelled->ptx) return std::nullopt;
  if (spelled->dialect != Dialect::sm && spelled->dialect != Dialect::compute) return std::nullopt;
  return TargetCode{.target = cuda_target(spelled->capability),
                    .kind = spelled->dialect == Dialect::sm ? ImageKind::native : ImageKind::portable};
}

std::optional<std::vector<TargetCode>> parse_list(std::string_view text) {
  std::vector<TargetCode> codes;
  for (const std::string_view name : split(text, ' ')) {
    const auto code = parse_name(name);
    if (!code) return std::nullopt;
    codes.push_back(*code);
  }
  if (codes.size() < 2) return std::nullopt;
  return codes;
}

}  // namespace

std::optional<ArchList> find_arch_list(const Elf& elf) {
  std::optional<ArchList> found;
  for (const ElfSection& section : elf.sections()) {
    if (!section.name.starts_with(".rodata") || (section.flags & elf::shf_write)) continue;
    const std::string_view text = as_text(elf.contents(section));
    for (std::size_t at = text.find("sm_"); at != std::string_view::npos; at = text.find("sm_", at + 3)) {
      if (at != 0 && text[at - 1] != '\0') continue;
      const std::string_view rest = text.substr(at, longest_list);
      const std::size_t end = rest.find('\0');
      if (end == std::string_view::npos || !parse_list(rest.substr(0, end))) continue;
      if (found) return std::nullopt;  // two of them: which is repeated is not known
      found = ArchList{.address = section.address + at, .text = std::string(rest.substr(0, end))};
    }
  }
  return found;
}

std::optional<std::string> carved_arch_list(const std::string& list, std::span<const CarveTarget> targets) {
  const auto codes = parse_list(list);
  if (!codes) return std::nullopt;
  const auto names = split(list, ' ');
  std::string kept;
  for (const std::size_t index : codes_to_keep(*codes, targets, true)) {
    kept += (kept.empty() ? "" : " ") + std::string(names[index]);
  }
  if (kept.empty() || kept == list) return std::nullopt;
  return kept;
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "carve/loose.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "device/vendor.h"

namespace lathe {
namespace {

constexpr std::size_t sum_digits = 64;

bool is_sum(std::string_view text) {
  return text.size() == sum_digits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

// Where the path of a line begins; npos: it is not a line of sha256sum. A star says that the file was read as
// binary.
std::size_t path_at(std::string_view line) {
  if (line.size() <= sum_digits || !is_sum(line.substr(0, sum_digits)) || line[sum_digits] != ' ')
    return std::string_view::npos;
  const std::size_t at = line.find_first_not_of(' ', sum_digits);
  if (at == std::string_view::npos) return at;
  return line[at] == '*' ? at + 1 : at;
}

std::string path_in_package(std::string_view folder, std::string_view path) {
  return (std::filesystem::path(folder) / path).lexically_normal().generic_string();
}

}  // namespace

std::optional<LooseCode> look_at_loose_code(const Package& package, std::size_t member,
                                            std::span<const CarveTarget> targets) {
  const std::string start = package.part(member, 0, look_size);
  const auto format = bare_format(as_byte_span(start));
  if (!format || format->image != ImageKind::native) return std::nullopt;
  const MemberContent content = package.open(member);
  const ImageFacts facts = format->vendor->look_into(content.bytes(), ImageKind::native);
  if (!facts.target || facts.relocatable) return std::nullopt;
  const TargetCode code{.target = *facts.target, .kind = ImageKind::native};
  return LooseCode{.member = member,
                   .target = *facts.target,
                   .size = content.bytes().size(),
                   .wanted = std::ranges::any_of(targets, [&](const CarveTarget& target) {
                     return pick(std::span(&code, 1), target.device).has_value();
                   })};
}

std::string targets_of(std::span<const LooseCode> code) {
  std::set<Target> targets;
  for (const LooseCode& one : code) targets.insert(one.target);
  std::string text;
  for (const Target target : targets) text += (text.empty() ? "" : ", ") + spell(target);
  return text;
}

std::string true_checksums(std::string_view text, std::string_view folder,
                           const std::set<std::string>& removed,
                           const std::function<std::optional<std::string>(const std::string&)>& sum_of) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    std::string line(text.substr(0, end));
    text.remove_prefix(end);
    const std::size_t at = path_at(line);
    if (at != std::string_view::npos) {
      const std::string path = path_in_package(folder, trim(std::string_view(line).substr(at)));
      if (removed.contains(path)) continue;
      if (const auto sum = sum_of(path)) line.replace(0, sum_digits, *sum);
    }
    out += line;
  }
  return out;
}

}  // namespace lathe

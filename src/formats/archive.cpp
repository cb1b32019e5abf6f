// SPDX-License-Identifier: MIT
#include "formats/archive.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace lathe {
namespace {

constexpr std::string_view magic = "!<arch>\n";
constexpr std::string_view thin_magic = "!<thin>\n";
constexpr std::uint64_t archive_header_size = 60;
constexpr std::size_t most_archive_members = 1'000'000;

std::optional<std::uint64_t> number_in(std::string_view digits) {
  digits = trim(digits);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// GNU: "name/" or "/offset" into the table of names, where the name ends with "/\n".
std::string gnu_name(std::string_view field, std::string_view long_names) {
  if (field.starts_with('/')) {
    const auto at = number_in(field.substr(1));
    if (!at || *at >= long_names.size()) return std::string(field);
    const std::string_view rest = long_names.substr(*at, 4096);
    return std::string(rest.substr(0, rest.find("/\n")));
  }
  return std::string(field.ends_with('/') ? field.substr(0, field.size() - 1) : field);
}

}  // namespace

bool looks_like_archive(ByteSpan file) {
  return as_text(file).starts_with(magic) || as_text(file).starts_with(thin_magic);
}

bool is_thin_archive(ByteSpan file) { return as_text(file).starts_with(thin_magic); }

// Each member: name(16) | time(12) | owner(6) | group(6) | mode(8) | size in decimal(10) | "`\n" | content,
// padded to 2
std::vector<ArchiveMember> read_archive(ByteSpan file, const std::string& name, Findings& findings) {
  if (is_thin_archive(file)) {
    throw Error({.what = "a thin archive holds only the names of its object files",
                 .where = {.file = name},
                 .next = "give the object files, or an archive made without `ar --thin`"});
  }
  ByteReader reader(file, "archive");
  reader.skip(magic.size());
  std::vector<ArchiveMember> members;
  std::string_view long_names;
  while (reader.left() >= archive_header_size && members.size() < most_archive_members) {
    const std::string_view header = as_text(reader.take(archive_header_size));
    const auto size = number_in(header.substr(48, 10));
    if (!size || header.substr(58) != "`\n" || *size > reader.left()) {
      findings.add({.rule = "archive-damaged",
                    .severity = Severity::warning,
                    .where = {.file = name},
                    .what = "a member's header makes no sense; what follows is not read",
                    .fix = "fetch or build the file again"});
      break;
    }
    const std::string_view field = trim(header.substr(0, 16));
    ArchiveMember member{.name = {}, .offset = reader.position(), .content = reader.take(*size)};
    if (*size % 2 == 1 && reader.left() > 0) reader.skip(1);
    if (field == "/" || field == "/SYM64/" || field.starts_with("__.SYMDEF")) continue;
    if (field == "//") {
      long_names = as_text(member.content);
      continue;
    }
    if (field.starts_with("#1/")) {  // BSD: the name stands before the content
      const std::uint64_t length = std::min<std::uint64_t>(number_in(field.substr(3)).value_or(0), *size);
      member.name = as_text(member.content.first(length));
      member.name.erase(std::min(member.name.find('\0'), member.name.size()));
      member.content = member.content.subspan(length);
      member.offset += length;
    } else {
      member.name = gnu_name(field, long_names);
    }
    members.push_back(std::move(member));
  }
  return members;
}

}  // namespace lathe

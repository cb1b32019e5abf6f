// SPDX-License-Identifier: MIT
#include "package/wheel_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/text.h"

namespace lathe {
namespace {

constexpr std::string_view extension = ".whl";

using Row = std::vector<std::string>;

// One field of CSV from `at` on, quoted or not; `at` comes to stand on the comma or line end behind it.
// `open`: its quote is never closed.
std::string field_at(std::string_view text, std::size_t& at, bool& open) {
  std::string field;
  bool quoted = at < text.size() && text[at] == '"';
  if (quoted) ++at;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    const bool quote = quoted && c == '"';
    if (quote && at + 1 < text.size() && text[at + 1] == '"') ++at;
    else if (quote) {
      quoted = false;
      continue;
    } else if (!quoted && (c == ',' || c == '\n' || c == '\r')) break;
    field += c;
  }
  open = quoted;
  return field;
}

struct Rows {
  std::vector<Row> rows;
  bool open = false;  // they end inside a quoted field
};

// RECORD as its writers and readers have it, Python's csv module: path, hash, size. Rows without a path are
// left out.
Rows rows_of(std::string_view text) {
  Rows all;
  for (std::size_t at = 0; at < text.size(); ++at) {
    Row row = {field_at(text, at, all.open)};
    while (at < text.size() && text[at] == ',') row.push_back(field_at(text, ++at, all.open));
    if (!row[0].empty()) all.rows.push_back(std::move(row));
  }
  return all;
}

std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  return "\"" + replace_all(field, "\"", "\"\"") + "\"";
}

std::string line_of(const Row& row) {
  std::string line;
  for (std::size_t i = 0; i < std::max<std::size_t>(row.size(), 3); ++i) {
    line += (i == 0 ? "" : ",") + (i < row.size() ? quoted(row[i]) : "");
  }
  return line + "\n";
}

bool is_part(std::string_view part) {
  constexpr std::string_view others = "._+!";
  return !part.empty() && std::ranges::all_of(part, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           others.find(c) != std::string_view::npos;
  });
}

// As the index compares names: "Foo.Bar" and "foo_bar" are one.
std::string normal(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool between = c == '-' || c == '_' || c == '.';
    if (between && out.ends_with('_')) continue;
    const bool capital = c >= 'A' && c <= 'Z';
    if (between) out += '_';
    else out += capital ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

// cp312-cp312-manylinux_2_27_x86_64 and cp312-cp312-manylinux_2_28_x86_64 as one: what a file's name has.
std::optional<std::string> joined_tags(const std::vector<std::string>& tags) {
  constexpr std::size_t most_tags = 200;  // a name has at most 255 bytes
  if (tags.size() > most_tags) return std::nullopt;
  std::vector<std::string> fields[3];
  for (const std::string& tag : tags) {
    const auto parts = split(tag, '-');
    if (parts.size() != 3) return std::nullopt;
    for (std::size_t i = 0; i < 3; ++i) {
      std::vector<std::string>& field = fields[i];
      if (std::ranges::find(field, parts[i]) == field.end()) field.emplace_back(parts[i]);
    }
  }
  if (tags.empty()) return std::nullopt;
  return fmt::format("{}-{}-{}", fmt::join(fields[0], "."), fmt::join(fields[1], "."),
                     fmt::join(fields[2], "."));
}

std::string line_of(const std::string& path, const RecordedFile& file) {
  return fmt::format("{},sha256={},{}\n", quoted(path), to_base64url(file.hash), file.size);
}

}  // namespace

std::vector<std::string> field_values(std::string_view text, std::string_view field) {
  std::vector<std::string> values;
  for (const std::string_view line : split(text, '\n')) {
    if (trim(line).empty()) break;  // the fields are over
    if (line.starts_with(field)) values.emplace_back(trim(line.substr(field.size())));
  }
  return values;
}

std::string_view dist_info_stem(std::string_view member) {
  constexpr std::string_view record = ".dist-info/RECORD";
  const std::size_t slash = member.find('/');
  const bool own = slash != std::string_view::npos && member.ends_with(record) && member.size() == slash + 7;
  return own ? member.substr(0, member.size() - record.size()) : std::string_view();
}

std::optional<WheelName> parse_wheel_name(std::string_view file_name) {
  if (!file_name.ends_with(extension)) return std::nullopt;
  // Downloaded names may spell the plus of a local version as their address did.
  const std::string name = replace_all(replace_all(std::string(file_name), "%2B", "+"), "%2b", "+");
  auto parts = split(std::string_view(name).substr(0, name.size() - extension.size()), '-');
  if (parts.size() < 5 || parts.size() > 7 || !std::ranges::all_of(parts, is_part)) return std::nullopt;
  // A build number begins with a digit, a Python tag never does.
  const bool has_build = !parts[2].empty() && parts[2][0] >= '0' && parts[2][0] <= '9';
  const std::size_t ordinary = has_build ? 6 : 5;
  if (parts.size() != ordinary && parts.size() != ordinary + 1) return std::nullopt;
  WheelName wheel{.distribution = std::string(parts[0]), .version = std::string(parts[1]), .rest = {}};
  if (parts.size() > ordinary) wheel.variant = std::string(parts[ordinary]);
  for (std::size_t i = 2; i < ordinary; ++i) wheel.rest += (i == 2 ? "" : "-") + std::string(parts[i]);
  return wheel;
}

std::optional<WheelName> wheel_name_inside(std::string_view stem, std::string_view wheel_text,
                                           std::string_view variant) {
  const std::size_t hyphen = stem.rfind('-');
  const auto tags = joined_tags(field_values(wheel_text, "Tag:"));
  if (hyphen == std::string_view::npos || !tags) return std::nullopt;
  WheelName name{.distribution = std::string(stem.substr(0, hyphen)),
                 .version = std::string(stem.substr(hyphen + 1)),
                 .rest = *tags,
                 .variant = std::string(variant)};
  const std::vector<std::string> build = field_values(wheel_text, "Build:");
  if (!build.empty()) name.rest = build[0] + "-" + name.rest;
  return parse_wheel_name(name.file_name());
}

bool names_stem(const WheelName& name, std::string_view stem) {
  return normal(name.distribution + "-" + name.version) == normal(stem);
}

std::optional<std::string> metadata_with_version(std::string_view text, std::string_view version) {
  constexpr std::string_view field = "Version:";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (trim(line).empty()) return std::nullopt;  // the fields are over
    if (line.starts_with(field)) {
      const std::string_view line_end = line.ends_with('\r') ? "\r" : "";
      return std::string(text.substr(0, at)) + "Version: " + std::string(version) + std::string(line_end) +
             std::string(text.substr(end));
    }
    at = end + 1;
  }
  return std::nullopt;
}

std::string rewrite_record(std::string_view text, std::string_view own_name,
                           const std::map<std::string, RecordedFile>& written,
                           const std::function<std::string(std::string_view)>& new_name) {
  std::string out;
  std::set<std::string> seen;
  const std::string own(own_name);
  for (Row& row : rows_of(text).rows) {
    if (row[0] == own || row[0] == own + ".jws" || row[0] == own + ".p7s") continue;
    row[0] = new_name(row[0]);
    if (row[0].empty()) continue;
    const auto it = written.find(row[0]);
    out += it == written.end() ? line_of(row) : line_of(row[0], it->second);
    seen.insert(row[0]);
  }
  for (const auto& [path, file] : written) {
    if (!seen.contains(path)) out += line_of(path, file);
  }
  return out + line_of({new_name(own), "", ""});  // it lists all but itself
}

bool is_variant_label(std::string_view text) {
  return !text.empty() && text.size() <= longest_variant_label && text != "null" &&
         std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '_' || c == '.';
         });
}

std::string label_inside(std::string_view variant_json) {
  if (variant_json.empty()) return "";
  const Json document = parse_json(variant_json, std::string(variant_file_name));
  const Json* variants = document.find("variants");
  const bool one = variants != nullptr && variants->object() != nullptr && variants->object()->size() == 1;
  return one && is_variant_label(variants->object()->front().first) ? variants->object()->front().first : "";
}

bool is_whole_record(std::string_view text) { return !rows_of(text).open; }

std::set<std::string> recorded_paths(std::string_view text) {
  std::set<std::string> paths;
  for (Row& row : rows_of(text).rows) paths.insert(std::move(row[0]));
  return paths;
}

}  // namespace lathe

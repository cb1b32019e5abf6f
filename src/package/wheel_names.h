// SPDX-License-Identifier: MIT
// The texts that name a Python wheel and list its files: file name, version, METADATA, RECORD. Pure. The
// rules are those of the Python packaging specifications (binary distribution format, version specifiers,
// recording installed projects).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"

namespace lathe {

// torch-2.10.0+cu128-cp312-cp312-manylinux_2_28_x86_64.whl
struct WheelName {
  std::string distribution;  // "torch"
  std::string version;       // "2.10.0+cu128"
  std::string rest;          // "cp312-cp312-manylinux_2_28_x86_64", before it a build number if there is one
  std::string variant = {};  // label of PEP 825, "sm90"; "" of an ordinary wheel

  std::string file_name() const {
    return distribution + "-" + version + "-" + rest + (variant.empty() ? "" : "-" + variant) + ".whl";
  }
};
std::optional<WheelName> parse_wheel_name(std::string_view file_name);

// What its own texts say: `stem` of "torch-2.10.0+cu128.dist-info", and the tags and build number that WHEEL
// has in it. `variant`: the label that its variant.json has, or "". nullopt when they do not say enough.
std::optional<WheelName> wheel_name_inside(std::string_view stem, std::string_view wheel_text,
                                           std::string_view variant);

// The values of a field ("Tag:") of a text such as WHEEL, in their order.
std::vector<std::string> field_values(std::string_view text, std::string_view field);

// "torch-2.10.0+cu128" for "torch-2.10.0+cu128.dist-info/RECORD"; "" for every other name.
std::string_view dist_info_stem(std::string_view member);

// Do "torch-2.10.0+cu128" of a .dist-info folder and a file's name mean the same version of the same package?
bool names_stem(const WheelName& name, std::string_view stem);

// PEP 825: what of .dist-info describes the variant.
inline constexpr std::string_view variant_file_name = "variant.json";
inline constexpr std::size_t longest_variant_label = 16;
bool is_variant_label(std::string_view text);
// The label in a wheel's variant.json, "" when it has none or more than one.
std::string label_inside(std::string_view variant_json);

// METADATA with another version. nullopt when it names none.
std::optional<std::string> metadata_with_version(std::string_view text, std::string_view version);

struct RecordedFile {
  Sha256 hash = {};
  std::uint64_t size = 0;
};
// RECORD (itself listed as `own_name`, an old path) with its paths renamed by `new_name`, which gives none
// for files that are gone; with the lines of `written` (new paths) changed or added, its own there in any
// case, and without its own signatures, which no longer hold. It is CSV: a name may hold commas, quotes and
// line ends.
std::string rewrite_record(std::string_view text, std::string_view own_name,
                           const std::map<std::string, RecordedFile>& written,
                           const std::function<std::string(std::string_view)>& new_name);
// False when it ends inside a quoted field: no two readers make the same of it.
bool is_whole_record(std::string_view text);

// The files that RECORD lists.
std::set<std::string> recorded_paths(std::string_view text);

}  // namespace lathe

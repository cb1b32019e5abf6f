// SPDX-License-Identifier: MIT
#include "carve/manifest.h"

#include "base/error.h"
#include "base/text.h"
#include "carve/plan/plan.h"
#include "device/contents.h"

namespace lathe {

void write_carved_file(JsonWriter& json, const CarvedFile& file) {
  json.begin_object();
  json.member("path", file.path).member("outcome", to_string(file.outcome));
  json.member("size_before", file.old_size).member("size_after", file.new_size);
  if (!file.old_sha256.empty()) json.member("sha256_before", file.old_sha256);
  json.member("images_before", file.totals.images).member("images_after", file.totals.images_kept);
  if (file.least_driver) {
    json.key("least_driver").begin_object();
    json.member("version", file.least_driver->version.text()).member("because", file.least_driver->because);
    json.end_object();
  }
  if (file.images_packed > 0) json.member("images_packed", file.images_packed);
  if (file.images_unpacked > 0) json.member("images_unpacked", file.images_unpacked);
  if (file.embedded_bytes > 0) {
    json.member("embedded_bytes", file.embedded_bytes).member("embedded_dropped", file.embedded_dropped);
  }
  json.member("containers", file.totals.containers).member("containers_untouched", file.totals.untouched);
  json.member("containers_unserved", file.totals.unserved);
  if (!file.old_held.empty()) json.member("code_before", file.old_held).member("code_after", file.new_held);
  if (file.new_architectures) {
    json.member("arch_list_before", *file.old_architectures)
        .member("arch_list_after", *file.new_architectures);
  }
  json.end_object();
}

std::string carved_file_json(const CarvedFile& file) {
  JsonWriter json(JsonWriter::Layout::compact);
  write_carved_file(json, file);
  return json.take();
}

std::optional<std::uint64_t> carved_size(std::string_view record) {
  try {
    const Json json = parse_json(record, "record");
    const Json* size = json.find("size_after");
    const auto* number = size ? size->get<std::int64_t>() : nullptr;
    return number ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void write_loose(JsonWriter& json, const LooseDropped& loose) {
  if (loose.files == 0) return;
  json.key("loose_dropped").begin_object();
  json.member("files", loose.files).member("bytes", loose.bytes).member("code", loose.code);
  json.end_object();
}

namespace {

// An earlier manifest that is not JSON is not a reason to fail.
bool is_json(std::string_view text) {
  try {
    parse_json(text, "manifest");
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::string carve_manifest(const std::vector<CarvedFile>& files, const CarveOptions& options,
                           std::string_view earlier, const LooseDropped& loose,
                           const std::map<std::string, std::string>& finished) {
  JsonWriter json;
  json.begin_object().member("tool", "torchlathe " LATHE_VERSION).member("made_by", "carve");
  json.key("gpus").begin_array();
  for (const CarveTarget& target : options.targets) json.value(to_string(target));
  json.end_array();
  json.member("minimal", options.minimal).member("strip_symbols", options.strip_symbols);
  if (options.keep_special) json.member("keep_special", true);
  if (options.compress != Compression::none) json.member("compress", to_string(options.compress));
  if (options.unpack) json.member("compress", to_string(Compression::none));
  json.key("files").begin_array();
  std::map<std::string, std::string> left = finished;
  for (const CarvedFile& file : files) {
    const auto before = file.outcome == Outcome::carved ? finished.end() : finished.find(file.path);
    if (before != finished.end()) json.raw(trim(before->second));
    else write_carved_file(json, file);
    left.erase(file.path);
  }
  for (const auto& [path, record] : left) json.raw(trim(record));
  json.end_array();
  write_loose(json, loose);
  if (!earlier.empty() && is_json(earlier)) json.key("earlier").raw(trim(earlier));
  json.end_object();
  return json.take();
}

}  // namespace lathe

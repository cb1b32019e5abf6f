// SPDX-License-Identifier: MIT
// The shape is told in docs/commands/inspect.md; programs rely on it.
#include <string>
#include <string_view>
#include <vector>

#include "base/finding_json.h"
#include "base/json.h"
#include "base/json_report.h"
#include "cpu/cpu_scan.h"
#include "cpu/isa/isa.h"
#include "device/coverage.h"
#include "device/target.h"
#include "device/vendor.h"
#include "inspect/byte_shares.h"
#include "inspect/carve_record.h"
#include "inspect/inspect.h"
#include "inspect/not_read.h"
#include "report/inspection.h"
#include "report/inspection_images.h"

namespace lathe {
namespace {

std::string_view kind_of(const TargetCode& code) {
  return code.target.vendor ? code.target.vendor->word_of(code.kind) : "other";
}

void write_gpu(JsonWriter& json, const std::vector<GpuCode>& gpu) {
  json.key("gpu").begin_array();
  for (const GpuCode& code : gpu) {
    json.begin_object();
    json.member("arch", code.name());
    json.member("kind", kind_of(code.code));
    json.member("images", code.images);
    json.member("bytes", code.bytes);
    json.member("compressed", code.compressed);
    json.member("unpacked_bytes", code.unpacked_bytes);
    json.end_object();
  }
  json.end_array();
}

// Nothing where there is none of it.
void write_apart(JsonWriter& json, std::string_view key, const CodeApart& apart,
                 std::string_view coverage = "") {
  if (apart.empty()) return;
  json.key(key).begin_object();
  json.member("containers", apart.containers)
      .member("outside_containers", apart.loose)
      .member("bytes", apart.bytes);
  if (!apart.sections.empty()) json.member("sections", apart.sections);
  if (!coverage.empty()) json.member("coverage", coverage);
  json.key("gpu").begin_array();
  for (const ImageCount& count : apart.images) {
    json.begin_object().member("arch", count.name()).member("kind", kind_of(count.code));
    json.member("images", count.images).member("bytes", count.bytes).end_object();
  }
  json.end_array().end_object();
}

constexpr std::string_view chosen_by_library = "chosen by the library itself";

void write_coverage(JsonWriter& json, const std::vector<Coverage>& all) {
  json.key("coverage").begin_array();
  for (const Coverage& coverage : all) {
    json.begin_object();
    json.member("capability", spell(coverage.device));
    json.member("runs", to_string(coverage.runs));
    json.member("containers_without", coverage.containers_without);
    json.member("special_without", coverage.special_without);
    json.key("special_for").begin_array();
    for (const TargetCode& code : coverage.special_for) json.value(spell(code));
    json.end_array();
    json.key("through").begin_array();
    for (const Target target : coverage.through) json.value(spell(TargetCode{target}));
    json.end_array();
    json.end_object();
  }
  json.end_array();
}

void write_not_read(JsonWriter& json, const std::vector<NotRead>& files) {
  if (files.empty()) return;
  json.key("not_read").begin_array();
  for (const NotRead& file : files) {
    json.begin_object().member("path", file.path).member("format", file.format).member("what", file.words);
    json.member("holds", to_key(file.holds))
        .member("seen", file.seen)
        .member("severity", to_string(file.severity));
    json.member("size", file.size).end_object();
  }
  json.end_array();
}

void write_shares(JsonWriter& json, const ByteShares& shares) {
  json.key("bytes").begin_object();
  for (std::size_t i = 0; i < shares.bytes.size(); ++i) {
    if (shares.bytes[i] > 0) json.member(to_string(static_cast<ByteUse>(i)), shares.bytes[i]);
  }
  json.end_object();
}

void write_counts(JsonWriter& json, std::string_view key, const ExtensionCounts& counts) {
  json.key(key).begin_object();
  for (std::size_t i = 0; i < extension_count; ++i) {
    if (counts[i] > 0) json.member(name_of(static_cast<Extension>(i)), counts[i]);
  }
  json.end_object();
}

void write_set(JsonWriter& json, std::string_view key, const ExtensionSet& set) {
  json.key(key).begin_array();
  for (std::size_t i = 0; i < extension_count; ++i) {
    if (set[i]) json.value(name_of(static_cast<Extension>(i)));
  }
  json.end_array();
}

void write_functions(JsonWriter& json, const CpuScan& cpu, std::string_view key, CpuReach reach) {
  json.key(key).begin_array();
  for (const CpuFunction* function : cpu.of(reach)) {
    json.begin_object();
    json.member("function", function->name);
    json.member("address", function->address);
    json.member("instruction", function->first);
    write_set(json, "needs", function->needs);
    json.member("instructions", function->instructions);
    json.member("why", function->why);
    json.end_object();
  }
  json.end_array();
}

struct ReachKey {
  CpuReach reach;
  std::string_view key;
};
constexpr ReachKey reach_keys[] = {{CpuReach::at_load, "at_load"},  {CpuReach::unguarded, "unguarded"},
                                   {CpuReach::leaked, "leaked"},    {CpuReach::by_pointer, "by_pointer"},
                                   {CpuReach::unknown, "unknown"},  {CpuReach::dispatched, "dispatched"},
                                   {CpuReach::doubtful, "doubtful"}};

void write_verdict(JsonWriter& json, const CpuScan& cpu) {
  json.member("machine", to_string(cpu.machine));
  json.member("least_isa", cpu.least_isa);
  write_set(json, "required", cpu.required);
  write_set(json, "besides", cpu.besides);
  write_set(json, "undecided", cpu.undecided);
}

void write_cpu(JsonWriter& json, const CpuScan& cpu) {
  json.key("cpu").begin_object();
  write_verdict(json, cpu);
  json.member("reason", cpu.reason);
  json.member("code_bytes", cpu.code_bytes);
  json.member("functions", cpu.functions);
  json.member("instructions", cpu.instructions);
  write_counts(json, "extensions", cpu.extensions);
  json.key("places").begin_object();
  for (const auto& [reach, key] : reach_keys) {
    json.key(key).begin_object();
    json.member("functions", cpu.functions_by_reach[static_cast<std::size_t>(reach)]);
    write_counts(json, "extensions", cpu.by_reach[static_cast<std::size_t>(reach)]);
    json.end_object();
  }
  json.end_object();
  for (const auto& [reach, key] : reach_keys) write_functions(json, cpu, key, reach);
  json.end_object();
}

void write_file(JsonWriter& json, const FileInspection& file) {
  json.begin_object();
  json.member("path", file.path);
  json.member("size", file.size);
  json.member("format", file.format);
  json.member("machine", file.machine);
  json.member("soname", file.soname);
  json.member("build_id", file.build_id);
  write_gpu(json, file.gpu);
  json.member("containers", file.containers);
  json.member("containers_empty", file.containers_empty);
  json.member("containers_unknown", file.containers_unknown);
  json.member("containers_without_wrapper", file.containers_without_wrapper);
  json.member("containers_relocatable", file.containers_relocatable);
  json.member("containers_linked", file.containers_linked);
  json.member("unknown_images", file.unknown_images);
  write_apart(json, "embedded", file.embedded, chosen_by_library);
  write_apart(json, "relocatable", file.relocatable);
  write_apart(json, "lto_ir", file.lto_ir);
  json.member("toolkits", file.toolkits);
  json.member("ptx_versions", file.ptx_versions);
  if (const auto need = file.least_driver()) {
    json.key("least_driver").begin_object();
    json.member("version", need->version.text()).member("because", need->because);
    json.end_object();
  }
  write_coverage(json, file.coverage);
  if (file.picks_itself) json.member("picks_itself", true);
  if (file.cpu) write_cpu(json, *file.cpu);
  write_shares(json, file.shares);
  write_findings(json, "findings", file.findings);
  json.end_object();
}

void write_carved(JsonWriter& json, const std::vector<CarveRecord>& records) {
  if (records.empty()) return;
  json.key("carved").begin_array();
  for (const CarveRecord& record : records) {
    json.begin_object().member("record", record.path).member("tool", record.tool).member("gpus", record.gpus);
    json.key("files").begin_array();
    for (const CarveRecord::File& file : record.files) {
      json.begin_object().member("path", file.path).member("outcome", file.outcome);
      json.member("size_before", file.size_before).member("size_after", file.size_after);
      json.member("sha256_before", file.sha256_before);
      json.member("code_before", file.code_before).member("code_after", file.code_after).end_object();
    }
    json.end_array().member("earlier", record.earlier).end_object();
  }
  json.end_array();
}

}  // namespace

std::string inspection_json(const Inspection& inspection) {
  JsonWriter json;
  begin_report(json);
  json.key("files").begin_array();
  for (const FileInspection& file : inspection.files) write_file(json, file);
  json.end_array();
  json.member("other_files", inspection.other_files);
  json.member("other_bytes", inspection.other_bytes);
  write_not_read(json, inspection.not_read);
  json.member("size", inspection.bytes());
  write_gpu(json, inspection.gpu());
  write_apart(json, "embedded", inspection.embedded(), chosen_by_library);
  write_coverage(json, inspection.coverage);
  if (const auto cpu = inspection.cpu()) {
    json.key("cpu").begin_object();
    write_verdict(json, *cpu);
    json.end_object();
  }
  write_carved(json, inspection.carved);
  write_images(json, inspection.images);
  write_findings(json, "findings", inspection.findings);
  json.end_object();
  return json.take();
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "host/host_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json_report.h"
#include "base/finding.h"
#include "base/finding_json.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"

namespace lathe {
namespace {

constexpr JsonLimits limits = {.bytes = std::size_t{4} << 20, .depth = 20};
constexpr std::size_t most_items = 4096;  // GPUs, slices, features: more is no machine

std::optional<std::string> text_of(const std::optional<Version>& version) {
  return version ? std::optional(version->text()) : std::nullopt;
}

std::optional<std::string> text_of(const std::optional<Capability>& capability) {
  return capability ? std::optional(spell(*capability, Dialect::dotted)) : std::nullopt;
}

// Reads members of one object; every mistake names the member as a path: "gpus[1].capability".
class Members {
 public:
  Members(const Json& json, std::string path, const std::string& file)
      : json_(json), path_(std::move(path)), file_(file) {
    if (!json.object()) fail("", "is not a record");
  }

  [[noreturn]] void fail(std::string_view key, std::string_view what, std::string next = {}) const {
    std::string where = path_.empty() ? "the whole" : path_;
    if (!key.empty()) where = name(key);
    throw Error({.what = fmt::format("not a recorded machine: {} {}", where, what),
                 .where = {.file = file_},
                 .next = next.empty() ? "docs/formats/host.md describes the format" : std::move(next)});
  }

  const Json* find(std::string_view key) const {
    const Json* value = json_.find(key);
    return value && !value->is_null() ? value : nullptr;
  }

  std::string text(std::string_view key) const {
    const Json* value = find(key);
    if (!value) return "";
    if (!value->text()) fail(key, "is not text");
    return *value->text();
  }

  bool flag(std::string_view key) const {
    const Json* value = find(key);
    if (value && !value->get<bool>()) fail(key, "is neither true nor false");
    return value && *value->get<bool>();
  }

  std::optional<std::int64_t> number(std::string_view key, std::int64_t least, std::int64_t most) const {
    const Json* value = find(key);
    if (!value) return std::nullopt;
    const std::int64_t* number = value->get<std::int64_t>();
    if (!number || *number < least || *number > most)
      fail(key, fmt::format("is not a number from {} to {}", least, most));
    return *number;
  }

  std::optional<double> fraction(std::string_view key) const {
    const Json* value = find(key);
    if (!value) return std::nullopt;
    double result = -1;
    if (const double* number = value->get<double>()) result = *number;
    else if (const std::int64_t* whole = value->get<std::int64_t>()) result = static_cast<double>(*whole);
    if (!std::isfinite(result) || result < 0 || result > 1e6)
      fail(key, "is not a number from 0 to a million");
    return result;
  }

  std::optional<std::uint64_t> bytes(std::string_view key) const {
    const auto value = number(key, 0, std::int64_t{1} << 50);
    return value ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
  }

  std::optional<Version> version(std::string_view key) const {
    const std::string value = text(key);
    if (value.empty()) return std::nullopt;
    const auto version = Version::parse(value);
    if (!version)
      fail(key, fmt::format("\"{}\" is not a version", printable(value)), "written as in \"580.65.06\"");
    return version;
  }

  std::vector<std::string> texts(std::string_view key) const {
    std::vector<std::string> result;
    for (const Json& item : items(key)) {
      if (!item.text()) fail(key, "holds something that is not text");
      result.push_back(*item.text());
    }
    return result;
  }

  const Json::Array& items(std::string_view key) const {
    static const Json::Array nothing;
    const Json* value = find(key);
    if (!value) return nothing;
    if (!value->array()) fail(key, "is not a list");
    if (value->array()->size() > most_items) fail(key, fmt::format("has more than {} items", most_items));
    return *value->array();
  }

  std::optional<Members> members(std::string_view key) const {
    const Json* value = find(key);
    return value ? std::optional(Members(*value, name(key), file_)) : std::nullopt;
  }

  std::string name(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  }
  const std::string& file() const { return file_; }

 private:
  const Json& json_;
  std::string path_;
  const std::string& file_;
};

std::optional<int> pci_device(const Members& gpu) {
  const std::string text = gpu.text("pci_id");
  if (text.empty()) return std::nullopt;
  int number = 0;
  const std::string_view digits = std::string_view(text).substr(std::min<std::size_t>(5, text.size()));
  const bool good = text.starts_with("10de:") && digits.size() == 4 &&
                    std::from_chars(digits.data(), digits.data() + 4, number, 16).ptr == digits.data() + 4;
  if (!good || number < 0)
    gpu.fail("pci_id", "is not a PCI number of NVIDIA's", "written as in \"10de:2b85\"");
  return number;
}

std::optional<Capability> capability(const Members& gpu) {
  const std::string text = gpu.text("capability");
  if (text.empty()) return std::nullopt;
  const auto spelled = parse_capability(text);
  if (!spelled || spelled->dialect != Dialect::dotted || spelled->ptx || spelled->capability.suffix) {
    gpu.fail("capability", fmt::format("\"{}\" is not a device's compute capability", printable(text)),
             "written as in \"9.0\"");
  }
  return spelled->capability;
}

HostGpu gpu_of(const Members& json) {
  HostGpu gpu = {.name = json.text("name"),
                 .capability = capability(json),
                 .pci_device = pci_device(json),
                 .pci_address = json.text("pci_address"),
                 .memory = json.bytes("memory"),
                 .uuid = json.text("uuid"),
                 .mig = json.flag("mig")};
  for (const Json& item : json.items("slices")) {
    const Members slice(item, json.name("slices"), json.file());
    gpu.slices.push_back(
        {.name = slice.text("name"), .memory = slice.bytes("memory"), .uuid = slice.text("uuid")});
  }
  return gpu;
}

HostCpu read_cpu(const Members& root) {
  const auto json = root.members("cpu");
  if (!json) root.fail("cpu", "is missing", "a machine needs at least cpu.machine and cpu.features");
  HostCpu cpu = {
      .name = json->text("name"), .features = json->texts("features"), .withheld = json->texts("withheld")};
  const std::string machine = json->text("machine");
  if (machine == to_string(Machine::aarch64)) cpu.machine = Machine::aarch64;
  else if (machine != to_string(Machine::x86_64)) json->fail("machine", "is neither x86_64 nor aarch64");
  if (!json->find("features")) {
    json->fail("features", "is missing", "nothing can be said about CPU code without it");
  }
  std::ranges::sort(cpu.features);
  cpu.cores = static_cast<unsigned>(json->number("cores", 0, 1'000'000).value_or(0));
  return cpu;
}

HostSystem system_of(const Members& json) {
  return {.name = json.text("name"),
          .kernel = json.text("kernel"),
          .glibc = json.version("glibc"),
          .container = json.text("container"),
          .cpu_limit = json.fraction("cpu_limit"),
          .memory = json.bytes("memory"),
          .memory_limit = json.bytes("memory_limit"),
          .nix = json.text("nix"),
          .flox = json.text("flox")};
}

void add_note(HostInfo& host, std::string what, std::string fix) {
  // a recording made from a recording
  const auto same = [&](const Finding& note) { return note.what == what; };
  if (std::any_of(host.notes.begin(), host.notes.end(), same)) return;
  host.notes.add(
      {.rule = "recording", .severity = Severity::warning, .what = std::move(what), .fix = std::move(fix)});
}

// What a recording leaves out changes the answer: say so.
void note_gaps(HostInfo& host, const Members& root) {
  if (!root.find("gpus"))
    add_note(host, "the recording does not say which GPUs there are: none is assumed", "add gpus");
  if (!host.gpus.empty() && !host.driver.version) {
    const auto driver = root.members("driver");
    if (!driver || !root.find("driver")) {
      add_note(host, "the recording does not say which driver there is: none is assumed",
               "add driver.version");
    }
  }
  for (std::size_t i = 0; i < host.gpus.size(); ++i) {
    if (host.gpus[i].capability) continue;
    add_note(host,
             fmt::format("the recording gives no capability for GPU {}: nothing can be said to run on it", i),
             "add its capability");
  }
}

Severity severity_of(std::string_view word) {
  if (word == "error") return Severity::error;
  return word == "note" ? Severity::note : Severity::warning;
}

Findings notes_of(const Members& root) {
  Findings notes;
  for (const Json& item : root.items("notes")) {
    const Members note(item, "notes", root.file());
    notes.add({.rule = note.text("rule"),
               .severity = severity_of(note.text("severity")),
               .what = note.text("what"),
               .cause = note.text("cause"),
               .fix = note.text("fix")});
  }
  return notes;
}

void write_cpu(JsonWriter& json, const HostCpu& cpu) {
  json.key("cpu").begin_object();
  json.member("machine", to_string(cpu.machine)).member("name", cpu.name).member("cores", cpu.cores);
  json.member("features", cpu.features).member("withheld", cpu.withheld);
  json.end_object();
}

void write_system(JsonWriter& json, const HostSystem& system) {
  json.key("system").begin_object();
  json.member("name", system.name).member("kernel", system.kernel).member("glibc", text_of(system.glibc));
  json.member("container", system.container).member("cpu_limit", system.cpu_limit);
  json.member("memory", system.memory).member("memory_limit", system.memory_limit);
  json.member("nix", system.nix).member("flox", system.flox);
  json.end_object();
}

}  // namespace

void write_host_gpu(JsonWriter& json, const HostGpu& gpu) {
  json.begin_object();
  json.member("name", gpu.name).member("capability", text_of(gpu.capability));
  json.member("pci_id",
              gpu.pci_device ? std::optional(fmt::format("10de:{:04x}", *gpu.pci_device)) : std::nullopt);
  json.member("pci_address", gpu.pci_address).member("memory", gpu.memory).member("uuid", gpu.uuid);
  json.member("mig", gpu.mig).key("slices").begin_array();
  for (const MigSlice& slice : gpu.slices) {
    json.begin_object()
        .member("name", slice.name)
        .member("memory", slice.memory)
        .member("uuid", slice.uuid)
        .end_object();
  }
  json.end_array().end_object();
}

HostGpu read_host_gpu(const Json& json, const std::string& file) {
  return gpu_of(Members(json, "gpu", file));
}

void write_host(JsonWriter& json, const HostInfo& host) {
  json.member("comment", host.comment);
  write_cpu(json, host.cpu);
  json.member("gpu_source", host.gpu_source).key("gpus").begin_array();
  for (const HostGpu& gpu : host.gpus) write_host_gpu(json, gpu);
  json.end_array().key("driver").begin_object();
  json.member("version", text_of(host.driver.version)).member("cuda", text_of(host.driver.cuda));
  json.member("libraries", host.driver.libraries);
  if (host.driver.assumed) json.member("assumed", true);  // of a machine that was made up from names
  json.end_object();
  write_system(json, host.system);
  write_findings(json, "notes", host.notes);
}

std::string host_json(const HostInfo& host) {
  JsonWriter json;
  begin_report(json);
  write_host(json, host);
  return json.end_object().take();
}

namespace {

HostInfo host_of(const Json& json, const std::string& file) {
  const Members root(json, "", file);
  HostInfo host = {
      .comment = root.text("comment"), .cpu = read_cpu(root), .gpu_source = root.text("gpu_source")};
  for (std::size_t i = 0; i < root.items("gpus").size(); ++i) {
    host.gpus.push_back(gpu_of(Members(root.items("gpus")[i], fmt::format("gpus[{}]", i), file)));
  }
  if (const auto driver = root.members("driver")) {
    const bool libraries = !driver->find("libraries") || driver->flag("libraries");
    host.driver = {.version = driver->version("version"),
                   .cuda = driver->version("cuda"),
                   .libraries = libraries,
                   .assumed = driver->find("assumed") && driver->flag("assumed")};
    if (host.driver.version && !host.driver.cuda) host.driver.cuda = cuda_of_driver(*host.driver.version);
  }
  if (const auto system = root.members("system")) host.system = system_of(*system);
  host.notes = notes_of(root);
  note_gaps(host, root);
  return host;
}

}  // namespace

HostInfo read_host(std::string_view text, const std::string& file) {
  return host_of(parse_json(text, file, limits), file);
}

std::vector<HostInfo> read_hosts(std::string_view text, const std::string& file) {
  const Json json = parse_json(text, file, limits);
  if (!json.array()) return {host_of(json, file)};
  std::vector<HostInfo> hosts;
  for (const Json& host : *json.array()) hosts.push_back(host_of(host, file));
  return hosts;
}

}  // namespace lathe

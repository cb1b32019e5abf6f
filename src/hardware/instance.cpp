// SPDX-License-Identifier: MIT
#include "hardware/instance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "base/embedded.h"
#include "base/text.h"
#include "base/toml.h"
#include "hardware/name_table.h"
#include "hardware/product_name.h"
#include "hardware/provenance.h"

namespace lathe::hardware_data {
std::span<const EmbeddedFile> instances();
}

namespace lathe {
namespace {

struct Row {
  std::vector<ProductPattern> patterns;
  InstanceReading reading;
  std::vector<std::string> names;
  Provenance provenance;
};

bool runs_all_of(const Cpu& cpu, const Cpu& lesser) {
  return std::ranges::all_of(lesser.isas, [&](const std::string& isa) {
    return std::ranges::find(cpu.isas, isa) != cpu.isas.end();
  });
}

// The one whose instruction sets all the others run.
const Cpu* least_of(const Toml& names) {
  std::vector<const Cpu*> cpus;
  for (const Toml& name : names.array()) {
    cpus.push_back(row_named(name, [](std::string_view text) { return catalog().find_cpu(text); }));
  }
  for (const Cpu* least : cpus) {
    if (std::ranges::all_of(cpus, [&](const Cpu* cpu) { return runs_all_of(*cpu, *least); })) return least;
  }
  if (!cpus.empty()) names.fail("none of these runs no more than the others");
  return nullptr;
}

// A type's name is a row's and, where the cloud has them, a size: "p5" and "48xlarge"; "ml" may stand before
// it.
Row read_row(const Toml& row, const std::string& prefix, const std::string& size) {
  row.allow_only({"cloud", "names", "gpu", "cpus", "source", "confidence"});
  Row result{
      .patterns = {}, .reading = {}, .names = row.at("names").texts(), .provenance = provenance_of(row)};
  for (const std::string& name : result.names)
    result.patterns.emplace_back((prefix.empty() ? "" : prefix + " ") + name +
                                 (size.empty() ? "" : " " + size));
  result.reading = {.cloud = row.at("cloud").text(),
                    .gpu = nullptr,
                    .cpu = least_of(row.at("cpus")),
                    .cpus = row.at("cpus").texts()};
  if (const Toml* gpu = row.find("gpu")) {
    result.reading.gpu = row_named(*gpu, [](std::string_view text) { return catalog().find_gpu(text); });
  }
  return result;
}

std::vector<Row> read_instances() {
  const Toml root = Toml::parse(hardware_data::instances().front().text, "instances.toml");
  root.allow_only({"sizes", "prefixes", "instance"});
  std::vector<Row> rows;
  for (const Toml& row : root.at("instance").array()) {
    const std::string cloud = row.at("cloud").text();
    rows.push_back(
        read_row(row, root.at("prefixes").text_or(cloud, ""), root.at("sizes").text_or(cloud, "")));
  }
  return rows;
}

const std::vector<Row>& table() {
  static const std::vector<Row> rows = read_instances();
  return rows;
}

}  // namespace

std::vector<InstanceRow> instance_rows() {
  std::vector<InstanceRow> rows;
  for (const Row& row : table()) {
    rows.push_back({.cloud = row.reading.cloud,
                    .names = row.names,
                    .gpu = row.reading.gpu,
                    .cpus = row.reading.cpus,
                    .provenance = row.provenance});
  }
  return rows;
}

std::string InstanceReading::cpu_text() const {
  return fmt::format("{} has {} in it: what all of them run counts", cloud, fmt::join(cpus, " or "));
}

std::optional<InstanceReading> read_instance_name(std::string_view text) {
  const std::string name = replace_all(clean_name(text), ".", " ");
  if (name.empty()) return std::nullopt;
  for (const Row& row : table()) {
    if (any_whole(row.patterns, name)) return row.reading;
  }
  return std::nullopt;
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "report/builders.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/json.h"
#include "base/json_report.h"
#include "base/safe_format.h"
#include "base/text.h"
#include "hardware/catalog.h"
#include "report/table.h"

namespace lathe {
namespace {

// Sets that include one another count once: "avx512bf16" says avx, avx2 and avx512 too.
std::string best_isas(const Builder& builder) {
  if (builder.proof.empty()) return "not known";
  const std::vector<const Isa*> usable = usable_isas(builder.cpu);
  std::string text;
  for (const Isa* isa : usable) {
    const bool inside = std::ranges::any_of(usable, [&](const Isa* other) {
      return std::ranges::find(other->includes, isa->name) != other->includes.end();
    });
    if (!inside) text += (text.empty() ? "" : ", ") + isa->name;
  }
  return text.empty() ? "none of the catalogue" : text;
}

std::string size_or_unknown(std::uint64_t bytes) { return bytes > 0 ? size_text(bytes) : "not known"; }

}  // namespace

std::string builders_text(const std::vector<Builder>& builders, const Terminal& terminal) {
  Table table(
      {"builder", "jobs", "Nix", "systems", "runs", "proven by", "memory free", "disk free", "features"});
  table.align_right(1);
  std::string problems;
  for (const Builder& builder : builders) {
    if (!builder.problem.empty()) {
      problems +=
          safe_format("builder {} is not used: {}\n", printable(builder.name), printable(builder.problem));
      continue;
    }
    std::vector<std::string> features = builder.machine.features;
    features.insert(features.end(), builder.machine.mandatory.begin(), builder.machine.mandatory.end());
    table.add({printable(builder.name), std::to_string(builder.machine.max_jobs),
               builder.nix.empty() ? "not known" : builder.nix,
               fmt::format("{}", fmt::join(builder.systems, ", ")), best_isas(builder),
               builder.proof.empty() ? "nothing" : builder.proof, size_or_unknown(builder.memory_free),
               size_or_unknown(builder.disk_free), fmt::format("{}", fmt::join(features, ", "))});
  }
  return table.text(terminal) + problems;
}

std::string builders_json(const std::vector<Builder>& builders) {
  std::string text;
  for (const Builder& builder : builders) {
    JsonWriter json(JsonWriter::Layout::compact);
    begin_report(json)
        .member("event", "builder")
        .member("name", builder.name)
        .member("uri", builder.machine.uri)
        .member("problem", builder.problem);
    json.member("jobs", builder.machine.max_jobs)
        .member("speed", builder.machine.speed)
        .member("shell", builder.shell)
        .member("nix", builder.nix)
        .member("systems", builder.systems);
    json.member("features", builder.machine.features)
        .member("mandatory_features", builder.machine.mandatory)
        .member("proof", builder.proof);
    json.key("isas").begin_array();
    if (builder.problem.empty() && !builder.proof.empty()) {
      for (const Isa* isa : usable_isas(builder.cpu)) json.value(isa->name);
    }
    json.end_array()
        .member("cpu", builder.cpu.features)
        .member("cores", builder.cores)
        .member("memory_bytes", builder.memory);
    json.member("memory_free_bytes", builder.memory_free)
        .member("disk_free_bytes", builder.disk_free)
        .end_object();
    std::string line = json.take();
    text += line.ends_with('\n') ? line : line + "\n";
  }
  return text;
}

}  // namespace lathe

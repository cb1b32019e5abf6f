// SPDX-License-Identifier: MIT
#include "cpu/cpu_scan_levels.h"

#include <algorithm>
#include <map>
#include <span>

#include "base/embedded.h"
#include "base/toml.h"
#include "hardware/catalog.h"

namespace lathe::cpu_data {
std::span<const EmbeddedFile> levels();
}

namespace lathe {
namespace {

// Features that no instruction shows (bti) or that this counts under another name (crc32 is SSE4.2's) are
// passed by.
ExtensionSet set_of(const std::vector<std::string>& names, Machine machine) {
  ExtensionSet set;
  for (const std::string& name : names) {
    if (const auto extension = find_extension(name, machine)) set.set(static_cast<std::size_t>(*extension));
  }
  return set;
}

// The same for our own file, where an unknown name is a mistake.
ExtensionSet strict_set_of(const Toml& row, Machine machine) {
  ExtensionSet set;
  for (const Toml& name : row.at("features").array()) {
    const auto extension = find_extension(name.text(), machine);
    if (!extension) name.fail("no such extension: " + name.text());
    set.set(static_cast<std::size_t>(*extension));
  }
  return set;
}

Machine machine_of(const Toml& name) {
  if (name.text() == "x86_64") return Machine::x86_64;
  if (name.text() != "aarch64") name.fail("no such machine: " + name.text());
  return Machine::aarch64;
}

struct Levels {
  std::vector<CpuLevel> rows;
  ExtensionSet all;
};

Levels read_levels_of(Machine machine) {
  const Toml file = Toml::parse(cpu_data::levels().front().text, "levels.toml");
  file.allow_only({"below", "has"});
  Levels levels;
  for (const Toml& row : file.at("below").array()) {
    row.allow_only({"name", "machine", "features", "source", "confidence"});
    if (machine_of(row.at("machine")) != machine) continue;
    levels.rows.push_back({.name = row.at("name").text(), .features = strict_set_of(row, machine)});
  }
  const ExtensionSet below = levels.rows.back().features;
  std::map<std::string, ExtensionSet> own;  // of each ISA
  for (const Isa& isa : catalog().isas) {
    if (isa.machine == machine) own[isa.name] = set_of(isa.features, machine);
  }
  for (const Toml& row : file.at("has").array()) {
    row.allow_only({"isa", "features", "source", "confidence"});
    const Isa* isa = catalog().find_isa(row.at("isa").text());
    if (!isa) row.at("isa").fail("no such ISA: " + row.at("isa").text());
    if (isa->machine == machine) own[isa->name] |= strict_set_of(row, machine);
  }
  for (const Isa& isa : catalog().isas) {
    if (isa.machine != machine) continue;
    ExtensionSet features = below | own[isa.name];
    for (const std::string& included : isa.includes) features |= own[included];
    levels.rows.push_back({.name = isa.name, .features = features});
  }
  for (const CpuLevel& level : levels.rows) levels.all |= level.features;
  return levels;
}

const Levels& levels_of(Machine machine) {
  static const Levels x86 = read_levels_of(Machine::x86_64);
  static const Levels arm = read_levels_of(Machine::aarch64);
  return machine == Machine::x86_64 ? x86 : arm;
}

}  // namespace

const std::vector<CpuLevel>& cpu_levels(Machine machine) { return levels_of(machine).rows; }

const CpuLevel* least_cpu_level(Machine machine, const ExtensionSet& needs) {
  const auto& rows = cpu_levels(machine);
  const auto found =
      std::ranges::find_if(rows, [&](const CpuLevel& level) { return (needs & ~level.features).none(); });
  return found == rows.end() ? nullptr : &*found;
}

const ExtensionSet& known_features(Machine machine) { return levels_of(machine).all; }

}  // namespace lathe

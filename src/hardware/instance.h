// SPDX-License-Identifier: MIT
// Machines that clouds rent, by the names of their types: "p5.48xlarge", "a3-highgpu-8g"
// (data/instances.toml).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/catalog.h"

namespace lathe {

struct InstanceReading {
  std::string cloud = {};    // "AWS"
  const Gpu* gpu = nullptr;  // nullptr: it has none of NVIDIA's
  // of several that it may have the one whose instruction sets all run; nullptr: not known
  const Cpu* cpu = nullptr;
  std::vector<std::string> cpus = {};  // all of them

  bool cpu_is_one() const { return cpus.size() == 1; }
  std::string cpu_text() const;  // "AWS has Skylake-SP or Cascade Lake in it: what both run counts"
};

// A row of the table: types of one cloud that have the same in them.
struct InstanceRow {
  std::string cloud = {};
  std::vector<std::string> names = {};  // patterns as in cpu_names.toml: "p4d", "a2-{highgpu|megagpu}-#g"
  const Gpu* gpu = nullptr;
  std::vector<std::string> cpus = {};
  Provenance provenance = {};
};
std::vector<InstanceRow> instance_rows();

// nullopt: no type of the table.
std::optional<InstanceReading> read_instance_name(std::string_view text);

}  // namespace lathe

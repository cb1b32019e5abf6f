// SPDX-License-Identifier: MIT
#include "cli/options/known_values.h"

#include "hardware/capability.h"
#include "hardware/catalog.h"

namespace lathe {

std::vector<std::string> known_gpus() {
  std::vector<std::string> names;
  for (const CapabilityRow& row : catalog().capabilities)
    names.push_back(spell(row.capability, Dialect::dotted));
  return names;
}

std::vector<std::string> known_isas() { return catalog().isa_names(); }

std::vector<std::string> known_toolkits() {
  std::vector<std::string> names;
  for (const Toolkit& toolkit : catalog().toolkits) names.push_back(toolkit.version.text());
  return names;
}

}  // namespace lathe

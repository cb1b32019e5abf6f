// SPDX-License-Identifier: MIT
// Looking things up in the tables; catalog_read.cpp fills them from TOML, catalog_embedded.cpp from what is
// compiled in.
#include "hardware/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"

namespace lathe {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower_case(x) == lower_case(y); });
}

template <typename Row>
const Row* find_named(const std::vector<Row>& rows, std::string_view name) {
  // As the tables spell it, nearly always: that is compared in a third of the time.
  auto found = std::ranges::find(rows, name, &Row::name);
  if (found == rows.end())
    found = std::ranges::find_if(rows, [&](const Row& row) { return same_name(row.name, name); });
  return found == rows.end() ? nullptr : &*found;
}

template <typename Row>
const Row* find_aliased(const std::vector<Row>& rows, std::string_view name) {
  if (const Row* row = find_named(rows, name)) return row;
  const auto found = std::ranges::find_if(rows, [&](const Row& row) {
    return std::ranges::any_of(row.aliases, [&](const std::string& alias) { return same_name(alias, name); });
  });
  return found == rows.end() ? nullptr : &*found;
}

template <typename Row, typename Key, typename Member>
const Row* find_by(const std::vector<Row>& rows, const Key& key, Member member) {
  const auto found = std::ranges::find(rows, key, member);
  return found == rows.end() ? nullptr : &*found;
}

std::string_view without_vendor(std::string_view name) {
  constexpr std::string_view vendor = "NVIDIA ";
  return same_name(name.substr(0, vendor.size()), vendor) ? name.substr(vendor.size()) : name;
}

}  // namespace

std::string_view to_string(Confidence confidence) {
  static constexpr std::array<std::string_view, 4> names = {"measured", "source", "derived", "known"};
  return names[static_cast<std::size_t>(confidence)];
}

std::string_view to_string(Machine machine) { return machine == Machine::x86_64 ? "x86_64" : "aarch64"; }

std::string system_of(Machine machine) { return fmt::format("{}-linux", to_string(machine)); }

std::string Version::text() const {
  constexpr int first_driver_branch = 100;  // toolkits have not passed 13; drivers have long passed 100
  const bool driver = !parts.empty() && parts.front() >= first_driver_branch;
  std::string result;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) result += '.';
    result += driver && i > 0 ? fmt::format("{:02}", parts[i]) : fmt::format("{}", parts[i]);
  }
  return result;
}

std::optional<Version> Version::parse(std::string_view text) {
  constexpr std::size_t most_parts = 4, most_digits = 6;
  Version version;
  for (const std::string_view part : split(text, '.')) {
    int number = 0;
    const char* end = part.data() + part.size();
    const bool digits = !part.empty() && part.size() <= most_digits && part.front() != '-';
    if (!digits || std::from_chars(part.data(), end, number).ptr != end) return std::nullopt;
    version.parts.push_back(number);
    if (version.parts.size() > most_parts) return std::nullopt;
  }
  return version;
}

const CapabilityRow* Catalog::find(Capability capability) const {
  return find_by(capabilities, capability.portable(), &CapabilityRow::capability);
}
const Gpu* Catalog::find_gpu(std::string_view name) const { return find_aliased(gpus, without_vendor(name)); }
const Chip* Catalog::find_chip(int pci_device) const {
  for (const Chip& chip : chips) {
    for (std::size_t i = 0; i + 1 < chip.ids.size(); i += 2) {
      if (chip.ids[i] <= pci_device && pci_device <= chip.ids[i + 1]) return &chip;
    }
  }
  return nullptr;
}
const HostClass* Catalog::find_host(std::string_view name) const { return find_named(hosts, name); }
const Isa* Catalog::find_isa(std::string_view name) const { return find_named(isas, name); }
const Cpu* Catalog::find_cpu(std::string_view name) const { return find_aliased(cpus, name); }
const Toolkit* Catalog::find_toolkit(const Version& version) const {
  return find_by(toolkits, version, &Toolkit::version);
}
const Pin* Catalog::find_pin(std::string_view rev) const { return find_by(pins, rev, &Pin::rev); }
const PytorchRelease* Catalog::find_pytorch(std::string_view version) const {
  const std::size_t dot = version.find('.');
  const std::size_t end =
      dot == std::string_view::npos ? dot : version.find_first_not_of("0123456789", dot + 1);
  return find_by(pytorch, version.substr(0, end), &PytorchRelease::release);
}

std::vector<const Isa*> Catalog::best_isas(const Cpu& cpu) const {
  std::vector<const Isa*> best;
  for (const Isa& isa : isas) {  // from least to best
    if (std::ranges::find(cpu.isas, isa.name) == cpu.isas.end()) continue;
    if (!best.empty() && best.back()->level < isa.level) best.clear();
    best.push_back(&isa);
  }
  return best;
}

std::vector<std::string> Catalog::isa_names() const {
  std::vector<std::string> names;
  for (const Isa& isa : isas) names.push_back(isa.name);
  return names;
}

}  // namespace lathe

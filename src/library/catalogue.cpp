// SPDX-License-Identifier: MIT
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "torchlathe/catalogue.h"

#include "library/convert.h"

namespace torchlathe {
namespace {

std::string dotted(lathe::Capability capability) { return spell(capability, lathe::Dialect::dotted); }

Gpu public_gpu(const lathe::Gpu& gpu) {
  return {.name = gpu.name,
          .aliases = gpu.aliases,
          .capability = dotted(gpu.capability),
          .segment = gpu.segment,
          .source = gpu.provenance.source};
}

Capability public_capability(const lathe::CapabilityRow& row) {
  return {.capability = dotted(row.capability),
          .name = row.name,
          .first_cuda = row.first_cuda.text(),
          .last_cuda = row.last_cuda ? row.last_cuda->text() : "",
          .first_driver = row.first_driver.text(),
          .source = row.provenance.source};
}

}  // namespace

std::vector<Gpu> gpus() {
  return guarded([] {
    std::vector<Gpu> all;
    for (const lathe::Gpu& gpu : lathe::catalog().gpus) all.push_back(public_gpu(gpu));
    return all;
  });
}

std::vector<Capability> capabilities() {
  return guarded([] {
    std::vector<Capability> all;
    for (const lathe::CapabilityRow& row : lathe::catalog().capabilities)
      all.push_back(public_capability(row));
    return all;
  });
}

std::vector<std::string> toolkits() {
  return guarded([] {
    std::vector<std::string> all;
    for (const lathe::Toolkit& toolkit : lathe::catalog().toolkits) all.push_back(toolkit.version.text());
    return all;
  });
}

std::optional<Gpu> find_gpu(std::string_view name) {
  return guarded([&]() -> std::optional<Gpu> {
    const lathe::Gpu* gpu = lathe::catalog().find_gpu(name);
    if (!gpu) return std::nullopt;
    return public_gpu(*gpu);
  });
}

}  // namespace torchlathe

// SPDX-License-Identifier: MIT
#include "torchlathe/detect.h"

#include <string>
#include <string_view>
#include <vector>

#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "host/detect.h"
#include "host/host_info.h"
#include "host/host_json.h"
#include "host/named_host.h"
#include "host/notes.h"
#include "library/convert.h"

namespace torchlathe {
namespace {

HostGpu public_host_gpu(const lathe::HostGpu& gpu) {
  return {.name = gpu.name,
          .capability = gpu.capability ? spell(*gpu.capability, lathe::Dialect::dotted) : "",
          .memory = gpu.memory.value_or(0)};
}

Host public_host(const lathe::HostInfo& host) {
  const auto text = [](const auto& version) { return version ? version->text() : std::string(); };
  Host out{.machine = std::string(to_string(host.cpu.machine)),
           .cpu = host.cpu.name,
           .isas = {},
           .cores = host.cpu.cores,
           .gpus = {},
           .driver = text(host.driver.version),
           .cuda = text(host.driver.cuda),
           .notes = public_findings(host.notes),
           .record = host_json(host)};
  for (const lathe::Isa* isa : usable_isas(host.cpu)) out.isas.push_back(isa->name);
  for (const lathe::HostGpu& gpu : host.gpus) out.gpus.push_back(public_host_gpu(gpu));
  return out;
}

}  // namespace

Host detect() {
  return guarded([] {
    lathe::HostInfo host = lathe::detect_host();
    note_oddities(host);
    return public_host(host);
  });
}

Host imagine(const std::vector<std::string>& gpus, std::string_view cpu) {
  return guarded([&] {
    if (cpu.empty()) throw lathe::Error({.what = "which CPU?", .where = {}, .next = "name one: Zen 4, avx2"});
    lathe::HostChanges changes{.gpus = gpus, .cpu = std::string(cpu)};
    if (gpus.empty()) changes.gpus = {"none"};
    lathe::HostInfo host = lathe::made_up_host(changes);
    note_oddities(host);
    return public_host(host);
  });
}

Host read_host(std::string_view record) {
  return guarded([&] { return public_host(lathe::read_host(record, "record")); });
}

}  // namespace torchlathe

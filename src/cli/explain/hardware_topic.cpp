// SPDX-License-Identifier: MIT
#include "cli/explain/hardware_topic.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/edit_distance.h"
#include "base/error.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/compat.h"
#include "hardware/cpu_name.h"
#include "hardware/gpu_name.h"
#include "hardware/name_table.h"
#include "host/host_info.h"
#include "host/named_host.h"

namespace lathe {
namespace {

constexpr std::size_t longest_asked_name = 100;

// The portable capabilities of the catalogue whose machine code a device of `device` runs.
std::vector<std::string> code_for(Capability device) {
  std::vector<std::string> names;
  for (const CapabilityRow& row : catalog().capabilities) {
    if (runs_on({row.capability, CodeKind::cubin}, device))
      names.push_back(spell(row.capability, Dialect::dotted));
  }
  return names;
}

std::string about(const CapabilityRow& row) {
  const std::string dotted = spell(row.capability, Dialect::dotted);
  std::string text = fmt::format(
      "It runs machine code for {}, and PTX up to {} once the driver has compiled it; nothing else.\n"
      "{}; driver {} is the first that knows it.\n"
      "Written {} in gpuTargets and TORCH_CUDA_ARCH_LIST, {} in CMAKE_CUDA_ARCHITECTURES, {} for nvcc.",
      fmt::join(code_for(row.capability), ", "), dotted, toolkits_for(row), row.first_driver.text(), dotted,
      spell(row.capability, Dialect::cmake), spell(row.capability, Dialect::sm));
  if (row.tegra)
    text +=
        "\nA chip with its own Arm cores: code for other capabilities of its generation does not run on it.";
  if (row.now_called)
    text += fmt::format("\nLater CUDA releases call it {}.", spell(*row.now_called, Dialect::dotted));
  if (!row.cudnn) text += "\nToday's cuDNN has no code for it: USE_CUDNN=0.";
  return text;
}

Topic capability_topic(const CapabilityRow& row) {
  const std::string dotted = spell(row.capability, Dialect::dotted);
  return {.kind = Topic::Kind::hardware,
          .name = dotted,
          .title = fmt::format("Compute capability {} is {}: {}", dotted, row.name, row.group),
          .text = about(row),
          .source = row.provenance.source,
          .see = {fmt::format("torchlathe list -m cuda-13_0 --gpu {}", dotted),
                  "torchlathe catalog capabilities"}};
}

std::optional<Topic> gpu_topic(const std::string& name) {
  HostInfo host;
  try {
    if (!find_gpu_name(name)) return std::nullopt;
    change_host(host, {.gpus = {name}});
  } catch (const Error&) {
    return std::nullopt;
  }
  if (host.gpus.size() != 1 || !host.gpus.front().capability) return std::nullopt;
  const HostGpu& gpu = host.gpus.front();
  const CapabilityRow* row = catalog().find(*gpu.capability);
  if (!row) return std::nullopt;
  const Gpu* known = catalog().find_gpu(gpu.name);
  if (!known && parse_capability(name)) return capability_topic(*row);
  Topic topic = capability_topic(*row);
  topic.title = fmt::format("{} has compute capability {} ({})", gpu.name, topic.name, row->name);
  if (known) {
    topic.source = known->provenance.source;
    if (!known->hosts.empty())
      topic.text += fmt::format("\nFound beside: {}.", fmt::join(known->hosts, ", "));
  }
  topic.name = gpu.name;
  topic.see = {fmt::format("torchlathe select --gpu \"{}\"", gpu.name),
               fmt::format("torchlathe inspect --gpu \"{}\" PATH", gpu.name)};
  return topic;
}

// "Blackwell": every capability of that name.
std::optional<Topic> generation_topic(std::string_view name) {
  std::string text, title, source;
  for (const CapabilityRow& row : catalog().capabilities) {
    if (edit_distance(row.name, name) == 0) {  // letter case does not count
      text += fmt::format("{}{}: {}; {}; driver {} or newer", text.empty() ? "" : "\n",
                          spell(row.capability, Dialect::dotted), row.group, toolkits_for(row),
                          row.first_driver.text());
      title = row.name;
      source = row.provenance.source;
    }
  }
  if (text.empty()) return std::nullopt;
  return Topic{
      .kind = Topic::Kind::hardware,
      .name = title,
      .title = fmt::format("{} is a generation of NVIDIA's GPUs", title),
      .text = text + "\nMachine code for one major number does not run on another: 10.0 code not on 12.0.",
      .source = source,
      .see = {"torchlathe catalog gpus", "torchlathe catalog capabilities"}};
}

std::optional<Topic> isa_topic(std::string_view name) {
  const Isa* isa = catalog().find_isa(name);
  if (!isa) return std::nullopt;
  std::vector<std::string> cpus;
  for (const Cpu& cpu : catalog().cpus) {
    if (std::ranges::find(cpu.isas, isa->name) != cpu.isas.end()) cpus.push_back(cpu.name);
  }
  std::string text = fmt::format(
      "Compiled with {}.\nA processor must show in /proc/cpuinfo: {}.\nProcessors that run it: {}.",
      fmt::join(isa->flags, " "), fmt::join(isa->cpuinfo, ", "), fmt::join(cpus, ", "));
  if (!isa->pytorch_note.empty()) text += '\n' + isa->pytorch_note;
  return Topic{
      .kind = Topic::Kind::hardware,
      .name = isa->name,
      .title = fmt::format("{} is {}", isa->name, isa->title),
      .text = text,
      .source = isa->provenance.source,
      .see = {"torchlathe catalog isas", fmt::format("torchlathe list -m cuda-13_0 --isa {}", isa->name)}};
}

std::optional<Topic> cpu_topic(const std::string& name) {
  HostInfo host;
  try {
    const auto reading = find_cpu_name(name);
    if (!reading || !reading->unread.empty()) return std::nullopt;
    change_host(host, {.cpu = name});
  } catch (const Error&) {
    return std::nullopt;
  }
  std::vector<std::string> names;
  for (const Isa* isa : usable_isas(host.cpu)) names.push_back(isa->name);
  const std::string_view least = host.cpu.machine == Machine::x86_64 ? "AVX" : "Armv8.2 with dot products";
  const std::string text =
      names.empty()
          ? fmt::format("It has none of the instruction sets that builds are made for, not even {}.", least)
          : fmt::format("It runs builds for {}; the last is the best.", fmt::join(names, ", "));
  const Cpu* known = catalog().find_cpu(name);
  return Topic{.kind = Topic::Kind::hardware,
               .name = name,
               .title = fmt::format("{}: {}", host.cpu.name, to_string(host.cpu.machine)),
               .text = text,
               .source = known ? known->provenance.source : "the name, by the catalogue's rules",
               .see = {fmt::format("torchlathe select --cpu \"{}\"", name), "torchlathe catalog cpus"}};
}

std::optional<Topic> cuda_topic(std::string_view name) {
  if (name.size() < 5 || edit_distance(name.substr(0, 4), "cuda") != 0) return std::nullopt;
  const auto version = Version::parse(trim(name.substr(4)));
  const Toolkit* toolkit = version ? catalog().find_toolkit(*version) : nullptr;
  if (!toolkit) return std::nullopt;
  std::vector<std::string> gpus;
  for (const CapabilityRow& row : catalog().capabilities) {
    if (why_not_compilable(row.capability, *version).empty())
      gpus.push_back(spell(row.capability, Dialect::dotted));
  }
  return Topic{
      .kind = Topic::Kind::hardware,
      .name = "CUDA " + toolkit->version.text(),
      .title = fmt::format("CUDA {} in nixpkgs is {}", toolkit->version.text(), toolkit->nixpkgs_set),
      .text = fmt::format(
          "Its programs start with driver {} or newer; PTX of it needs {} or newer.\nIt compiles for {}.",
          toolkit->minimum_driver.text(), toolkit->paired_driver.text(), fmt::join(gpus, ", ")),
      .source = toolkit->provenance.source,
      .see = {"torchlathe catalog cuda",
              fmt::format("torchlathe list -m cuda-13_0 --cuda {}", toolkit->version.text())}};
}

}  // namespace

std::string toolkits_for(const CapabilityRow& row) {
  std::string text = row.last_cuda ? fmt::format("CUDA {} to {} compiles for it", row.first_cuda.text(),
                                                 row.last_cuda->text())
                                   : fmt::format("CUDA {} or newer compiles for it", row.first_cuda.text());
  if (row.specific_since) text += fmt::format(", with the suffix a from {}", row.specific_since->text());
  if (row.family_since) text += fmt::format(", with f from {}", row.family_since->text());
  return text;
}

std::optional<Topic> hardware_topic(const std::string& name) {
  if (name.empty() || name.size() > longest_asked_name) return std::nullopt;
  if (auto topic = gpu_topic(name)) return topic;
  if (auto topic = generation_topic(name)) return topic;
  if (auto topic = isa_topic(name)) return topic;
  if (auto topic = cuda_topic(name)) return topic;
  return cpu_topic(name);
}

std::optional<Topic> vague_topic(const std::string& name) {
  if (name.size() > longest_asked_name) return std::nullopt;
  for (const auto& read : {+[](const std::string& text) { find_gpu_name(text); },
                           +[](const std::string& text) { find_cpu_name(text); }}) {
    try {
      read(name);
    } catch (const VagueNameError& error) {
      return Topic{.kind = Topic::Kind::hardware,
                   .name = name,
                   .title = error.parts().what,
                   .text = "For more: " + error.parts().next,
                   .source = "the tables of names",
                   .see = {"torchlathe catalog gpus", "torchlathe catalog cpus"}};
    } catch (const Error&) {
      continue;
    }
  }
  return std::nullopt;
}

}  // namespace lathe

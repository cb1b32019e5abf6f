// SPDX-License-Identifier: MIT
#include "cli/options/host_option.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "cli/options/native_gpus.h"
#include "host/detect.h"
#include "host/host_json.h"
#include "host/named_host.h"
#include "host/notes.h"
#include "os/file.h"

namespace lathe {
namespace {

constexpr std::uint64_t largest_cpuinfo = std::uint64_t{4} << 20;

void check_native(const HostOption& option) {
  if (option.gpus.size() > 1 || !option.from.empty())
    throw Error({.what = "--gpu native means the GPUs of this machine and no others",
                 .next = option.from.empty() ? "leave out the other --gpu" : "leave out --from or --gpu"});
  native_gpu_list();  // an Error where there are none
}

HostChanges changes_of(const HostOption& option) {
  HostChanges changes = {.gpus = option.gpus,
                         .cpu = or_environment(option.cpu, "TORCHLATHE_CPU"),
                         .driver = or_environment(option.driver, "TORCHLATHE_DRIVER"),
                         .glibc = or_environment(option.glibc, "TORCHLATHE_GLIBC")};
  if (!option.cpuinfo.empty()) {
    if (!option.cpu.empty())
      throw Error({.what = "--cpu and --cpuinfo exclude each other", .next = "give one of them"});
    changes.cpu = "";
    changes.cpuinfo_file = option.cpuinfo == "-" ? "standard input" : option.cpuinfo;
    changes.cpuinfo = read_file(option.cpuinfo, largest_cpuinfo);
  }
  const bool native = std::ranges::find(option.gpus, "native") != option.gpus.end();
  if (native) check_native(option);
  if (native) changes.gpus.clear();  // what this machine has is looked at, with names and slices
  if (changes.gpus.empty() && !native) {
    const std::string list = or_environment("", "TORCHLATHE_GPU");  // several: "8.6;12.0"
    for (const std::string_view name : split(list, ';')) {
      if (!trim(name).empty()) changes.gpus.emplace_back(trim(name));
    }
  }
  if (option.no_gpu) changes.gpus = {"none"};
  return changes;
}

}  // namespace

void HostOption::declare(OptionSet& set, bool made_up) {
  set.text("--from", from, "FILE", "a recorded machine in place of this one (- is standard input)",
           ValueKind::file);
  if (!made_up) return;
  set.group(machine_group);
  set.texts("--gpu", gpus, "GPU", "another GPU: \"RTX 5090\", 12.0, native, none; once for each");
  set.text("--cpu", cpu, "CPU", "another CPU: \"Core i9-14900K\", \"Zen 4\", avx2");
  set.text("--cpuinfo", cpuinfo, "FILE",
           "another CPU, by the text of its /proc/cpuinfo or lscpu (- is standard input)", ValueKind::file);
  set.text("--driver", driver, "VERSION", "another NVIDIA driver: 570.86.10");
  set.text("--glibc", glibc, "VERSION", "another C library: 2.28");
  set.flag("--no-gpu", no_gpu, "as if there were no GPU: choose among CPU builds");
  set.group("");
}

HostInfo HostOption::load() const {
  const HostChanges changes = changes_of(*this);
  const bool look_for_gpus = changes.gpus.empty();
  HostInfo host;
  if (!from.empty()) host = read_host(read_file(from), from == "-" ? "standard input" : from);
  else if (changes.whole()) host = {.comment = made_up_comment};
  else host = detect_host({.gpus = look_for_gpus});
  host.elsewhere = !from.empty() || changes.whole();
  if (!look_for_gpus) host.notes = {};  // they were about others
  change_host(host, changes);
  note_oddities(host);
  return host;
}

}  // namespace lathe

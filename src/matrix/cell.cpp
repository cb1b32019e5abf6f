// SPDX-License-Identifier: MIT
#include "matrix/cell.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "hardware/nixpkgs.h"
#include "matrix/axis_table.h"

namespace lathe {
namespace {

std::string join_gpus(const std::vector<Capability>& gpus) {
  std::string text;
  for (const Capability gpu : gpus) text += (text.empty() ? "" : "_") + spell(gpu, Dialect::name);
  return text;
}

// The verdict over several GPUs in one build: it is worth having if it is for any of them.
PairVerdict judge(const std::vector<Capability>& gpus, const Isa& isa) {
  PairVerdict best = judge_pair(gpus.front(), isa);
  for (std::size_t i = 1; i < gpus.size(); ++i) {
    PairVerdict verdict = judge_pair(gpus[i], isa);
    if (verdict.status < best.status) best = std::move(verdict);
  }
  return best;
}

// Can any machine with this GPU run code for this ISA?
bool host_runs(const Gpu& gpu, const Isa& isa) {
  return std::ranges::any_of(gpu.hosts, [&](const std::string& name) {
    const HostClass* host = catalog().find_host(name);
    return std::ranges::any_of(host->best_isas, [&](const std::string& best) {
      const Isa* offered = catalog().find_isa(best);
      return offered->machine == isa.machine && isa_runs_on(isa, *offered);
    });
  });
}

// Products that run this code natively: those of exactly these capabilities first, then those that run it as
// it is.
std::vector<std::string> products_for(const std::vector<Capability>& gpus, const Isa& isa, bool ptx) {
  std::vector<std::string> exact, others;
  std::vector<DeviceCode> codes;
  for (const Capability gpu : gpus) codes.push_back({gpu, CodeKind::cubin});
  if (ptx) codes.push_back({gpus.back(), CodeKind::ptx});
  for (const Gpu& gpu : catalog().gpus) {
    if (!host_runs(gpu, isa) || !pick(codes, gpu.capability)) continue;
    const bool same = std::ranges::any_of(gpus, [&](Capability c) { return c.portable() == gpu.capability; });
    (same ? exact : others).push_back(gpu.name);
  }
  exact.insert(exact.end(), others.begin(), others.end());
  return exact;
}

std::vector<std::string> cpus_for(const Isa& isa) {
  std::vector<std::string> names;
  for (const Cpu& cpu : catalog().cpus) {
    if (std::ranges::find(cpu.isas, isa.name) != cpu.isas.end()) names.push_back(cpu.name);
  }
  return names;
}

// Why a word of an axis cannot be for the rest of the cell; "" when all can.
std::string why_no_word(const Cell& cell) {
  std::string why;
  for_each_word(cell, [&](const Axis& row, const std::string& word) {
    if (why.empty() && row.why_not) why = row.why_not(word, cell);
  });
  return why;
}

std::string why_impossible(const Cell& cell, const PytorchSource& source) {
  if (std::string why = why_no_word(cell); !why.empty() || !cell.cuda) return why;
  for (const Capability gpu : cell.gpus) {
    if (std::string why = why_no_build(gpu, *cell.cuda, source); !why.empty()) return why;
  }
  return is_jetson_build(cell) ? why_no_common_packages(cell.gpus, *cell.cuda) : "";
}

}  // namespace

std::string why_no_build(Capability gpu, const Version& cuda, const PytorchSource& source) {
  std::string why = why_not_compilable(gpu, cuda);
  if (why.empty()) why = why_no_packages(gpu, cuda);
  return why.empty() ? why_pytorch_refuses(gpu, cuda, source.version, source.suffixes) : why;
}

bool is_jetson_build(const Cell& cell) {
  return cell.isa->machine == Machine::aarch64 &&
         std::ranges::any_of(cell.gpus, [&](Capability gpu) { return has_jetson_packages(gpu, *cell.cuda); });
}

const Meetings::Meeting& Meetings::of(const std::vector<Capability>& gpus, const Isa& isa) {
  const auto [at, is_new] = known_.try_emplace({gpus, &isa});
  Meeting& meeting = at->second;
  if (!is_new) return meeting;
  meeting.verdict = judge(gpus, isa);
  if (meeting.verdict.status != PairStatus::impossible) meeting.runs_on = products_for(gpus, isa, ptx_);
  return meeting;
}

Cell make_cell(Cell cell, const PytorchSource& source, Meetings& meetings) {
  cell.gpu_text = join_gpus(cell.gpus);
  cell.cuda_text = cell.cuda ? replace_all(cell.cuda->text(), ".", "_") : "";
  cell.reason = why_impossible(cell, source);
  if (!cell.reason.empty()) {
    cell.status = PairStatus::impossible;
    return cell;
  }
  if (!cell.cuda) {
    cell.reason =
        fmt::format("runs on any {} CPU that has it: {}", to_string(cell.isa->machine), cell.isa->title);
    cell.runs_on = cpus_for(*cell.isa);
    return cell;
  }
  const Meetings::Meeting& meeting = meetings.of(cell.gpus, *cell.isa);
  cell.status = meeting.verdict.status;
  cell.reason = meeting.verdict.reason;
  cell.runs_on = meeting.runs_on;
  for (const Capability gpu : cell.gpus) {
    const Version floor = minimum_driver(gpu, *cell.cuda, false);
    if (!cell.min_driver || floor < *cell.min_driver) cell.min_driver = floor;
  }
  return cell;
}

}  // namespace lathe

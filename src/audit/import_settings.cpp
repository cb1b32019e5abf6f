// SPDX-License-Identifier: MIT
#include "audit/import_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace lathe {
namespace {

// The number behind the last `before` in a phase's text; 0 without one.
unsigned number_behind(std::string_view phase, std::string_view before) {
  const std::size_t at = phase.rfind(before);
  if (at == std::string_view::npos) return 0;
  const std::string_view digits = phase.substr(at + before.size());
  unsigned number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

// The lines of a matrix that say `settings`, where they are other than `base`.
std::vector<std::string> lines_of(const Settings& settings, const Settings& base, bool gpu) {
  std::vector<std::string> lines;
  if (gpu && settings.narrow != base.narrow) lines.push_back(fmt::format("narrow = \"{}\"", settings.narrow == Settings::Narrow::closure ? "closure" : "torch"));
  if (gpu && settings.ptx != base.ptx) lines.push_back(fmt::format("ptx = {}", settings.ptx));
  if (settings.jobs != base.jobs) lines.push_back(fmt::format("jobs = {}", settings.jobs));
  if (settings.memory_per_job_gib != base.memory_per_job_gib) lines.push_back(fmt::format("memory_per_job = {}", settings.memory_per_job_gib));
  return lines;
}

}  // namespace

Settings settings_of(const RecordedPackage& torch, const RecordedNixpkgs& pin) {
  // A limit counts where it comes after nixpkgs' own, which is in preBuild.
  const std::string phase = torch.text_of("preBuild");
  Settings settings;
  settings.jobs = number_behind(phase, "MAX_JOBS=$((NIX_BUILD_CORES < ");
  if (settings.jobs == 0) settings.jobs = number_behind(phase, "MAX_JOBS=");
  settings.memory_per_job_gib = number_behind(phase, "1048576 / ");
  settings.narrow = pin.config_texts("cudaCapabilities").empty() ? Settings::Narrow::torch : Settings::Narrow::closure;
  return settings;
}

Settings SettingsTable::most_frequent() const {
  std::map<std::pair<bool, bool>, std::size_t> gpu_settings;
  std::map<std::pair<unsigned, unsigned>, std::size_t> limits;
  for (const Row& row : rows_) {
    if (row.gpu) ++gpu_settings[{row.settings.narrow == Settings::Narrow::closure, row.settings.ptx}];
    ++limits[{row.settings.jobs, row.settings.memory_per_job_gib}];
  }
  const auto less = [](const auto& a, const auto& b) { return a.second < b.second; };
  Settings most;
  if (const auto found = std::ranges::max_element(gpu_settings, less); found != gpu_settings.end()) {
    most.narrow = found->first.first ? Settings::Narrow::closure : Settings::Narrow::torch;
    most.ptx = found->first.second;
  }
  if (const auto found = std::ranges::max_element(limits, less); found != limits.end()) {
    most.jobs = found->first.first;
    most.memory_per_job_gib = found->first.second;
  }
  return most;
}

std::string SettingsTable::text() const {
  const Settings most = most_frequent();
  std::string text;
  if (const auto lines = lines_of(most, Settings{}, true); !lines.empty()) text += fmt::format("\n[settings]\n{}\n", fmt::join(lines, "\n"));
  std::map<std::vector<std::string>, std::vector<std::string>> others;  // lines -> variants
  for (const Row& row : rows_) {
    if (auto lines = lines_of(row.settings, most, row.gpu); !lines.empty()) others[std::move(lines)].push_back(fmt::format("\"{}\"", row.variant));
  }
  for (const auto& [lines, variants] : others) {
    text += fmt::format("\n[[override]]\nmatch = {{ name = [{}] }}\n{}\n", fmt::join(variants, ", "), fmt::join(lines, "\n"));
  }
  return text;
}

}  // namespace lathe

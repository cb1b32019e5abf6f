// SPDX-License-Identifier: MIT
#include "audit/import/import_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

#include "audit/import/import_extra.h"
#include "base/text.h"
#include "matrix/spec.h"

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

// The text between the quotes behind the first `before`; "" without one.
std::string quoted_behind(std::string_view phase, std::string_view before) {
  const std::size_t at = phase.find(before);
  if (at == std::string_view::npos) return "";
  const std::string_view rest = phase.substr(at + before.size());
  return std::string(rest.substr(0, std::min(rest.find('"'), rest.size())));
}

// The lines of a matrix that say `settings`, where they are other than `base`.
std::vector<std::string> lines_of(const Settings& settings, const Settings& base, bool gpu) {
  std::vector<std::string> lines;
  if (gpu && settings.narrow != base.narrow)
    lines.push_back(
        fmt::format("narrow = \"{}\"", settings.narrow == Settings::Narrow::closure ? "closure" : "torch"));
  if (gpu && settings.ptx != base.ptx) lines.push_back(fmt::format("ptx = {}", settings.ptx));
  if (settings.jobs != base.jobs) lines.push_back(fmt::format("jobs = {}", settings.jobs));
  if (settings.memory_per_job_gib != base.memory_per_job_gib)
    lines.push_back(fmt::format("memory_per_job = {}", settings.memory_per_job_gib));
  if (settings.cpu_flags != base.cpu_flags && settings.cpu_flags)
    lines.push_back(fmt::format("flags = [\"{}\"]", fmt::join(*settings.cpu_flags, "\", \"")));
  if (settings.compile_cache != base.compile_cache)
    lines.push_back(fmt::format("compile_cache = \"{}\"", settings.compile_cache));
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
  settings.compile_cache = quoted_behind(torch.text_of("preConfigure"), "export CCACHE_DIR=\"");
  if (!is_cache_folder(settings.compile_cache)) settings.compile_cache.clear();
  settings.narrow =
      pin.config_texts("cudaCapabilities").empty() ? Settings::Narrow::torch : Settings::Narrow::closure;
  return settings;
}

Settings SettingsTable::most_frequent() const {
  std::map<std::pair<bool, bool>, std::size_t> gpu_settings;
  std::map<std::tuple<unsigned, unsigned, std::string>, std::size_t> limits;
  for (const Row& row : rows_) {
    if (row.gpu && !row.narrow_anyway)
      ++gpu_settings[{row.settings.narrow == Settings::Narrow::closure, row.settings.ptx}];
    ++limits[{row.settings.jobs, row.settings.memory_per_job_gib, row.settings.compile_cache}];
  }
  const auto less = [](const auto& a, const auto& b) { return a.second < b.second; };
  Settings most;
  if (const auto found = std::ranges::max_element(gpu_settings, less); found != gpu_settings.end()) {
    most.narrow = found->first.first ? Settings::Narrow::closure : Settings::Narrow::torch;
    most.ptx = found->first.second;
  }
  if (const auto found = std::ranges::max_element(limits, less); found != limits.end()) {
    std::tie(most.jobs, most.memory_per_job_gib, most.compile_cache) = found->first;
  }
  return most;
}

std::string SettingsTable::text(const std::vector<std::string>& strategy) const {
  const Settings most = most_frequent();
  std::string text;
  auto lines = lines_of(most, Settings{}, true);
  lines.insert(lines.begin(), strategy.begin(), strategy.end());
  if (!lines.empty()) text += fmt::format("\n[settings]\n{}\n", fmt::join(lines, "\n"));
  std::map<std::vector<std::string>, std::vector<std::string>> others;  // lines -> variants
  for (const Row& row : rows_) {
    Settings settings = row.settings;
    if (row.narrow_anyway) settings.narrow = most.narrow;
    if (auto own = lines_of(settings, most, row.gpu); !own.empty())
      others[std::move(own)].push_back(fmt::format("\"{}\"", row.variant));
  }
  for (const auto& [changed, variants] : others) {
    text += fmt::format("\n[[override]]\nmatch = {{ name = [{}] }}\n{}\n", fmt::join(variants, ", "),
                        fmt::join(changed, "\n"));
  }
  return text;
}

std::string SettingsTable::extra_text() const {
  std::map<std::string, std::vector<std::string>> variants;  // of the TOML of an extra
  for (const Row& row : rows_)
    variants[extra_toml(row.settings.extra, "override.extra")].push_back(fmt::format("\"{}\"", row.variant));
  if (variants.size() == 1) return extra_toml(rows_.front().settings.extra, "extra");
  std::string text;
  for (const auto& [extra, names] : variants) {
    if (!extra.empty())
      text += fmt::format("\n[[override]]\nmatch = {{ name = [{}] }}\n{}", fmt::join(names, ", "),
                          extra.substr(1));
  }
  return text;
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "cli/parts/last_builds.h"

#include <fmt/format.h>

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "cli/parts/log_lines.h"
#include "diagnose/diagnose.h"
#include "jobs/build_told.h"
#include "jobs/log_file.h"
#include "matrix/variant.h"

namespace lathe {
namespace {

constexpr std::size_t most_lines = 40;
constexpr std::size_t longest_shown = 400;  // bytes of a line

void read_why(LastBuild& build, const std::filesystem::path& state) {
  Diagnoser diagnoser(build.record.log);
  std::deque<std::string> lines;
  LogLines log_lines([&](std::string line) {
    if (line.size() > longest_shown) line = line.substr(0, longest_shown) + " ...";
    lines.push_back(std::move(line));
    if (lines.size() > most_lines) lines.pop_front();
  });
  read_log(log_path(state, build.record.log), [&](std::string_view text) {
    diagnoser.feed(text);
    log_lines.take(text);
  });
  log_lines.finish();
  const auto name = read_variant_name(build.record.variant).name;
  for (Diagnosis& diagnosis : diagnoser.finish(false, name ? build_told(*name) : BuildTold{}))
    build.why.add(std::move(diagnosis.finding));
  build.log_end.assign(lines.begin(), lines.end());
}

bool has_failed(const BuildRecord& record) {
  return record.status == "failed" || record.status == "mismatch";
}

}  // namespace

std::vector<LastBuild> last_builds(const std::vector<BuildRecord>& records,
                                   const std::filesystem::path& state) {
  std::vector<LastBuild> builds;
  std::unordered_set<std::string> seen;
  for (const BuildRecord& record : records) {
    if (!seen.insert(record.variant).second) continue;
    builds.push_back({.record = record});
    if (!has_failed(record) || record.log.empty()) continue;
    try {
      read_why(builds.back(), state);
    } catch (const Error& error) {
      const Error::Parts& parts = error.parts();
      builds.back().no_log = fmt::format("no log to read: {}: {}", parts.where.file, parts.what);
    }
  }
  return builds;
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "jobs/cache_distance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "jobs/job.h"
#include "matrix/variant.h"
#include "nix/derivation.h"
#include "nix/nix.h"
#include "os/process.h"
#include "os/temporary_folder.h"

namespace lathe {
namespace {

// A command line has room for some megabytes.
constexpr std::size_t paths_at_once = 500;

// What Nix remembers of caches in the user's folder would answer for them; here they are asked anew.
Process remembering(const TemporaryFolder& memory, std::vector<std::string> words) {
  Process process{.arguments = std::move(words), .output_limit = std::size_t{256} << 20};
  process.environment["XDG_CACHE_HOME"] = memory.path().string();
  return process;
}

std::string trouble_of(const std::string& uri, const TemporaryFolder& memory, const DriverOptions& options) {
  std::vector<std::string> words = nix_command();
  words.insert(words.end(), {"store", "ping", "--store", uri, "--option", "connect-timeout", "10", "--option",
                             "download-attempts", "1"});
  std::ranges::move(nix_options(options.settings), std::back_inserter(words));
  Process process = remembering(memory, words);
  process.time_limit = std::chrono::seconds(40);
  const ProcessResult result = options.run(process);
  if (result.ok()) return "";
  const std::string message = parse_nix_error(result.err).message;
  return message.empty() ? result.ending() : message;
}

std::vector<std::string> reachable(const std::vector<CacheState>& caches) {
  std::vector<std::string> uris;
  for (const CacheState& cache : caches) {
    if (cache.trouble.empty()) uris.push_back(cache.uri);
  }
  return uris;
}

class Report {
 public:
  Report(std::vector<CacheState> caches, const DriverOptions& options) : options_(options) {
    report_.caches = std::move(caches);
  }

  CacheReport run(const std::vector<Job>& jobs) {
    std::vector<const Job*> asked;
    for (const Job& job : jobs) {
      if (job.variant && !job.derivation.empty() && job.state != JobState::skipped &&
          job.state != JobState::failed)
        asked.push_back(&job);
    }
    std::vector<DryRun> runs;
    // the first fills Nix's memory of the caches for the others
    for (const Job* job : asked) runs.push_back(dry_run(job->derivation));
    find_infos(runs);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      report_.variants.push_back(distance(*asked[i], runs[i]));
      if (asked[i]->variant->of_nixpkgs) count_base(report_.variants.back(), *asked[i]->variant);
    }
    return std::move(report_);
  }

 private:
  Process with_fresh_memory(std::vector<std::string> words) const {
    return remembering(memory_, std::move(words));
  }

  std::vector<std::string> nix_words(std::vector<std::string> words) const {
    std::vector<std::string> all = nix_command();
    std::ranges::move(words, std::back_inserter(all));
    std::ranges::move(nix_options(options_.settings), std::back_inserter(all));
    return all;
  }

  DryRun dry_run(const std::string& derivation) const {
    std::vector<std::string> words = {require_nix("nix-store"), "--realise", "--dry-run", derivation};
    std::ranges::move(nix_options(options_.settings), std::back_inserter(words));
    const std::string uris = fmt::format("{}", fmt::join(reachable(report_.caches), " "));
    words.insert(words.end(), {"--option", "substitute", uris.empty() ? "false" : "true", "--option",
                               "substituters", uris});
    const ProcessResult result = options_.run(with_fresh_memory(words));
    if (!result.ok()) {
      const std::string message = parse_nix_error(result.err).message;
      throw Error(
          {.what = fmt::format("nix-store --dry-run: {}", message.empty() ? result.ending() : message),
           .kind = ErrorKind::fault});
    }
    return read_dry_run(result.err);
  }

  // Which cache has each path, and how large it is there.
  void find_infos(const std::vector<DryRun>& runs) {
    std::set<std::string> open;
    for (const DryRun& run : runs) open.insert(run.fetch.begin(), run.fetch.end());
    for (const std::string& uri : reachable(report_.caches)) {
      const std::vector<std::string> paths(open.begin(), open.end());
      for (std::size_t at = 0; at < paths.size(); at += paths_at_once) {
        std::vector<std::string> words = {"path-info", "--json", "--store", uri};
        words.insert(words.end(), paths.begin() + static_cast<std::ptrdiff_t>(at),
                     paths.begin() + static_cast<std::ptrdiff_t>(std::min(at + paths_at_once, paths.size())));
        const ProcessResult result = options_.run(with_fresh_memory(nix_words(words)));
        if (!result.ok()) {
          note_trouble(uri, parse_nix_error(result.err).message);
          break;
        }
        for (const auto& [path, info] : read_path_infos(result.out)) {
          where_.emplace(path, std::pair(uri, info));
          open.erase(path);
        }
      }
    }
  }

  void note_trouble(const std::string& uri, const std::string& message) {
    std::ranges::find(report_.caches, uri, &CacheState::uri)->trouble =
        message.empty() ? "it stopped to answer" : message;
  }

  // Variants share nearly all of their inputs.
  const Derivation& input(const std::string& path) {
    auto found = inputs_.find(path);
    if (found == inputs_.end()) found = inputs_.emplace(path, read_derivation(path)).first;
    return found->second;
  }

  CacheDistance distance(const Job& job, const DryRun& run) {
    const std::set<std::string> build(run.build.begin(), run.build.end()),
        fetch(run.fetch.begin(), run.fetch.end());
    const Derivation derivation = read_derivation(job.derivation);
    CacheDistance distance{.name = job.name, .state = "store", .build = build.size(), .fetch = fetch.size()};
    for (const std::string& path : run.build) distance.to_build.emplace_back(store_name(path));
    for (const std::string& path : run.fetch) {
      const auto found = where_.find(path);
      if (found == where_.end()) continue;
      distance.download += found->second.second.download;
      distance.unpacked += found->second.second.unpacked;
    }
    distance.state = state_of(job.derivation, derivation, {}, build, fetch).state;
    for (const auto& [path, outputs] : derivation.inputs)
      distance.inputs.push_back(state_of(path, input(path), outputs, build, fetch));
    return distance;
  }

  // nixpkgs names it "python3.13-torch-2.9.1".
  void count_base(const CacheDistance& of, const Variant& variant) {
    const std::string end = fmt::format("torch-{}", variant.pytorch->version);
    const auto input =
        std::ranges::find_if(of.inputs, [&](const CacheInput& each) { return each.name.ends_with(end); });
    if (input == of.inputs.end()) return;
    const auto known = std::ranges::find(report_.bases, input->name,
                                         [](const CacheBase& base) { return base.package.name; });
    if (known != report_.bases.end()) ++known->variants;
    else report_.bases.push_back({.package = *input, .variants = 1});
  }

  CacheInput state_of(const std::string& path, const Derivation& derivation,
                      const std::vector<std::string>& outputs, const std::set<std::string>& build,
                      const std::set<std::string>& fetch) const {
    CacheInput input{.name = std::string(store_name(path)), .state = "store"};
    if (build.contains(path)) {
      const bool silent =
          std::ranges::any_of(report_.caches, [](const CacheState& cache) { return !cache.trouble.empty(); });
      input.state = silent ? "unknown" : "build";
      return input;
    }
    for (const auto& [name, output] : derivation.outputs) {
      const bool wanted = outputs.empty() || std::ranges::find(outputs, name) != outputs.end();
      if (!wanted || !fetch.contains(output.path)) continue;
      input.state = "cache";
      if (const auto found = where_.find(output.path); found != where_.end())
        input.cache = found->second.first;
    }
    return input;
  }

  const DriverOptions& options_;
  const TemporaryFolder memory_;
  CacheReport report_;
  std::map<std::string, Derivation> inputs_;                       // by .drv file
  std::map<std::string, std::pair<std::string, PathInfo>> where_;  // by store path: a cache that has it
};

std::uint64_t number_of(const Json& row, std::string_view name) {
  const Json* member = row.find(name);
  const auto* number = member ? member->get<std::int64_t>() : nullptr;
  return number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

void take_info(const std::string& path, const Json& row, std::map<std::string, PathInfo>& infos) {
  const Json* valid = row.find("valid");
  const bool lacking = !row.object() || (valid && valid->get<bool>() && !*valid->get<bool>());
  if (!lacking && !path.empty())
    infos[path] = {.download = number_of(row, "downloadSize"), .unpacked = number_of(row, "narSize")};
}

}  // namespace

std::vector<std::string> configured_caches(const DriverOptions& options) {
  std::vector<std::string> words = nix_command();
  words.insert(words.end(), {"show-config", "--json"});
  std::ranges::move(nix_options(options.settings), std::back_inserter(words));
  ProcessResult result = options.run({.arguments = words});
  if (!result.ok()) {  // as newer releases call it
    words.erase(std::ranges::find(words, "show-config"));
    words.insert(std::ranges::find(words, "--json"), {"config", "show"});
    result = options.run({.arguments = words});
  }
  if (!result.ok())
    throw Error(
        {.what = "nix show-config: " + parse_nix_error(result.err).message, .kind = ErrorKind::fault});
  const Json config = parse_json(result.out, "nix show-config");
  const auto value = [&](const char* name) {
    return config.find(name) ? config.find(name)->find("value") : nullptr;
  };
  const Json* on = value("substitute");
  if (on && on->get<bool>() && !*on->get<bool>()) return {};
  std::vector<std::string> uris;
  const Json* list = value("substituters");
  if (!list || !list->array()) return uris;
  for (const Json& each : *list->array()) {
    if (each.text()) uris.push_back(*each.text());
  }
  return uris;
}

DryRun read_dry_run(std::string_view text) {
  DryRun run;
  std::vector<std::string>* into = nullptr;
  for (const std::string_view line : split(text, '\n')) {
    if (line.find("will be built") != std::string_view::npos) into = &run.build;
    else if (line.find("will be fetched") != std::string_view::npos) into = &run.fetch;
    else if (into && trim(line).starts_with("/")) into->emplace_back(trim(line));
  }
  return run;
}

std::map<std::string, PathInfo> read_path_infos(std::string_view json) {
  std::map<std::string, PathInfo> infos;
  const Json root = parse_json(json, "nix path-info");
  if (const auto* rows = root.array()) {
    for (const Json& row : *rows) take_info(row.text_of("path"), row, infos);
  } else if (const auto* object = root.object()) {
    for (const auto& [path, row] : *object) take_info(path, row, infos);
  }
  return infos;
}

std::vector<CacheState> ask_caches(const DriverOptions& options) {
  const TemporaryFolder memory;
  std::vector<CacheState> caches;
  for (const std::string& uri : configured_caches(options))
    caches.push_back({.uri = uri, .trouble = trouble_of(uri, memory, options)});
  return caches;
}

std::string answering_caches(const std::vector<CacheState>& caches) {
  return fmt::format("substituters={}", fmt::join(reachable(caches), " "));
}

CacheReport cache_report(const std::vector<Job>& jobs, std::vector<CacheState> caches,
                         const DriverOptions& options) {
  return Report(std::move(caches), options).run(jobs);
}

}  // namespace lathe

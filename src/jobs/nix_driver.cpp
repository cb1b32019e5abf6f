// SPDX-License-Identifier: MIT
// Nix builds derivations, here or on the builder that was chosen, and tells what it does in JSON.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "jobs/cache_distance.h"
#include "jobs/driver.h"
#include "jobs/job.h"
#include "jobs/nix_store.h"
#include "jobs/plan_jobs.h"
#include "nix/events.h"
#include "nix/machines.h"
#include "nix/nix.h"
#include "os/process.h"

namespace lathe {
namespace {

// Each job goes to the builder that was chosen for it: Nix is offered no other.
void add_builder(Process& process, const Job& job, const DriverOptions& options) {
  if (options.builders.size() < 2) return;
  const Builder& builder = options.builders.at(job.builder_index);
  process.arguments.insert(process.arguments.end(),
                           {"--builders", builder.is_here() ? "" : text_of(builder.machine)});
  if (builder.is_here()) return;
  process.arguments.insert(process.arguments.end(), {"--max-jobs", "0"});
  process.environment["NIX_SSHOPTS"] = patient_ssh_options();
}

// Internal JSON in the form that nix/events.h reads, and `nix-store --add-root --indirect` with a link for
// each output.
void require_new_nix() {
  const NixVersion version = nix_version(require_nix("nix-store"));
  if (version.flavour != "Nix" || version.major > 2 || (version.major == 2 && version.minor >= 8)) return;
  throw Error({.what = fmt::format("{} is too old to build with: it takes 2.8 or newer", version.text()),
               .where = {},
               .next = "install a newer one (https://nixos.org/download)",
               .kind = ErrorKind::fault});
}

class NixDriver : public Driver {
 public:
  std::string_view name() const override { return "nix"; }
  void require() const override { require_new_nix(); }
  std::vector<NixMachine> machines(const std::string& builders) const override {
    return read_machines(builders);
  }

  void evaluate(std::vector<Job>& jobs, const DriverOptions& options) const override {
    instantiate(jobs, options);
  }
  JobPlan plan(Jobs& jobs, const History& history, const DriverOptions& options) const override {
    return complete_plan(jobs, history, options);
  }

  bool asks_caches() const override { return true; }
  std::vector<CacheState> caches(const DriverOptions& options) const override { return ask_caches(options); }
  CacheReport distances(const std::vector<Job>& jobs, std::vector<CacheState> caches,
                        const DriverOptions& options) const override {
    return cache_report(jobs, std::move(caches), options);
  }

  Process process(const Job& job, const std::filesystem::path& link,
                  const DriverOptions& options) const override {
    Process process{.arguments = {require_nix("nix-store"), "--realise", job.derivation, "--log-format",
                                  "internal-json"}};
    std::vector<std::string>& words = process.arguments;
    if (!link.empty())
      words.insert(words.end(), {"--add-root", std::filesystem::absolute(link).string(), "--indirect"});
    if (options.cores > 0) words.insert(words.end(), {"--cores", std::to_string(options.cores)});
    add_builder(process, job, options);
    std::ranges::move(nix_options(options.settings), std::back_inserter(words));
    process.grace = std::chrono::seconds(10);
    return process;
  }

  std::optional<NixEvent> event(Stream stream, std::string_view line) const override {
    if (stream == Stream::out) return std::nullopt;
    return parse_nix_event(line);
  }
  bool tells_builds() const override { return true; }
  std::vector<std::string> outputs(const Job&, std::string_view kept, const DriverOptions&) const override {
    return outputs_of(kept);
  }
};

}  // namespace

const Driver& nix_driver() {
  static const NixDriver driver;
  return driver;
}

}  // namespace lathe

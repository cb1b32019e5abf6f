// SPDX-License-Identifier: MIT
// What was built, when, how long, with how much memory, how it ended: history.db in the state folder
// (SQLite; schema.sql). Safe under several processes and after a crash. Knows nothing of Nix.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

struct BuildRecord {
  std::int64_t id = 0, run = 0;
  std::string variant = {};
  std::int64_t started = 0;  // seconds since 1970
  std::optional<double> seconds = {};
  std::string status = {};  // running, built, cached, failed, mismatch, stopped, lost
  std::string derivation = {}, output = {}, log = {};
  std::optional<std::int64_t> peak_bytes = {}, output_bytes = {}, cores = {};
  std::string rule = {}, verdict = {}, builder = {};
  std::string carved_from = {};  // the variant that it is cut out of; "": it is built
};

// How long and how large the next build of a variant will be, from those before it.
struct Estimate {
  double seconds = 0, low = 0, high = 0;
  std::uint64_t peak_bytes = 0;  // 0: not known
  std::size_t samples = 0;       // 0: a guess, or nothing at all
  bool same_variant = false;     // else from other variants of this history
};

// What was published where. `what` is what tells that it is the same: the git revision, or the store path.
struct PublishedRecord {
  std::string variant = {}, target = {}, what = {};  // target: "flox:ORG", or the URI of a cache
  std::int64_t when = 0;                             // seconds since 1970
  std::string record = {};                           // its JSON in the index of the cache; "": not in one
};

class History {
 public:
  // Opens or creates it and takes the steps that are missing. An Error when a newer torchlathe wrote it, or
  // it is damaged.
  explicit History(const std::filesystem::path& file);
  History(History&&) noexcept;
  ~History();

  std::int64_t begin_run(const std::string& matrix, const std::string& driver,
                         const std::vector<std::string>& wanted);
  void end_run(std::int64_t run);
  std::int64_t begin_build(const BuildRecord& record);  // returns its id
  void end_build(const BuildRecord& record);            // all fields but started and variant

  // Builds "running" whose run's process is gone become "lost".
  void mark_lost();

  // newest first; "": all
  std::vector<BuildRecord> builds(const std::string& variant_glob, std::size_t most) const;
  std::optional<BuildRecord> last_with_log(const std::string& variant) const;
  // What the last run wanted and has not built or found built. nullopt: there was no run yet.
  std::optional<std::vector<std::string>> unfinished() const;
  // `carved`: from earlier carves; else from earlier builds.
  Estimate estimate(const std::string& variant, bool carved = false) const;

  void add_published(const PublishedRecord& record);
  // the last of each variant, by name; "": everywhere
  std::vector<PublishedRecord> published(const std::string& target) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lathe

// SPDX-License-Identifier: MIT
// Publishes variants one after another and keeps the ledger: what is in it with the same revision, or the
// same store path, is not published again, so that a run that was stopped or killed goes on where it was.
// Prints nothing: it tells.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/history/history.h"
#include "matrix/variant.h"
#include "os/process.h"
#include "publish/cache.h"

namespace lathe {

struct Publication {
  enum class State {
    published,
    would,    // --dry-run
    already,  // the ledger has it
    skipped,  // it cannot be: `why`
    failed,
  };
  std::string variant = {};
  State state = State::published;
  std::string what = {};  // the revision, or the store path
  std::string why = {};
};
std::string_view to_string(Publication::State state);

struct PublishOptions {
  std::filesystem::path state = {};    // of build: results and ledger
  std::filesystem::path project = {};  // of Flox: the folder with .flox/pkgs
  std::string org = {};
  Cache cache = {};
  std::filesystem::path index = {};  // folder of index.json and index.html
  std::string index_cache = {};      // the cache's address in the index; "": the index lies in the cache
  std::string title = {};
  bool dry_run = false, again = false;
  RunProcess run = run_process;
};

using Told = std::function<void(const Publication&)>;

// One package a call. An Error, before anything is published, when the git tree is not clean and pushed.
void publish_to_flox(const std::vector<Variant>& variants, const PublishOptions& options, History& history,
                     const Told& told);

// Copies, notes it in the ledger, and writes the index anew from the ledger: each of the three whole or not
// at all, in this order, so that the index never names what the cache lacks.
void publish_to_cache(const std::vector<Variant>& variants, const PublishOptions& options, History& history,
                      const Told& told);

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "publish/publish.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "device/driver_need.h"
#include "hardware/compat.h"
#include "inspect/inspect.h"
#include "inspect/needed_driver.h"
#include "os/file.h"
#include "publish/flox.h"
#include "publish/index_page.h"
#include "select/index.h"

namespace lathe {
namespace {

// By variant: what the ledger has of it. Read once: nobody else writes while the state folder is locked.
using Ledger = std::map<std::string, std::string>;
Ledger read_ledger(const History& history, const std::string& target) {
  Ledger ledger;
  for (const PublishedRecord& record : history.published(target)) ledger[record.variant] = record.what;
  return ledger;
}

bool has(const Ledger& ledger, const std::string& variant, const std::string& what) {
  const auto found = ledger.find(variant);
  return found != ledger.end() && found->second == what;
}

// Only what build has looked into and found to keep its promise.
std::string why_not_built(const History& history, const std::string& name) {
  const auto builds = history.builds(name, 1);
  if (builds.empty()) return "not built yet";
  const std::string& status = builds.front().status;
  return status == "built" || status == "cached"
             ? ""
             : fmt::format("its last build is {}: {}", status, builds.front().verdict);
}

void write_index(const PublishOptions& options, const History& history, const IndexHead& head) {
  std::vector<std::string> records;
  for (const PublishedRecord& record : history.published(options.cache.uri)) records.push_back(record.record);
  const IndexPages pages = index_pages(head, records);
  create_folders(options.index);
  write_file_atomically(options.index / "index.html", pages.html, Durability::synced);
  write_file_atomically(options.index / index_file, pages.json, Durability::synced);
}

// The PyTorch that a companion was built with; "" when that has been built anew since.
std::string torch_path(const Variant& variant, const BuiltVariant& built, const PublishOptions& options) {
  if (!variant.companion) return "";
  const auto torch = built_variant(options.state, variant.torch);
  return torch && needs_any(built.store_path, torch->outputs, options.run) ? torch->store_path : "";
}

// What the files ask for: packed images, the toolkit that made them. What cannot be read asks for nothing.
std::optional<DriverNeed> driver_for(const BuiltVariant& built) {
  try {
    const std::vector<std::filesystem::path> places(built.outputs.begin(), built.outputs.end());
    return needed_driver(inspect(places));
  } catch (const Error&) {
    return std::nullopt;
  }
}

Publication publish_one(const Variant& variant, const PublishOptions& options, const Ledger& ledger,
                        History& history) {
  Publication result{.variant = variant.name,
                     .state = Publication::State::skipped,
                     .why = why_not_built(history, variant.name)};
  if (!result.why.empty()) return result;
  const auto built = built_variant(options.state, variant.name);
  result.why = built ? "" : "its result is gone from the store: build it again";
  if (!built) return result;
  result.what = built->store_path;
  result.state = Publication::State::already;
  if (!options.again && has(ledger, variant.name, built->store_path)) return result;
  result.state = Publication::State::would;
  if (options.dry_run) return result;
  result.why = copy_to_cache(options.cache, *built, options.run);
  result.state = result.why.empty() ? Publication::State::published : Publication::State::failed;
  if (result.state == Publication::State::failed) return result;
  const IndexEntry entry{.store_path = built->store_path,
                         .torch_path = torch_path(variant, *built, options),
                         .bytes = closure_bytes(built->store_path, options.run),
                         .published = std::time(nullptr),
                         .driver = variant.is_gpu() ? driver_for(*built) : std::nullopt};
  history.add_published({.variant = variant.name,
                         .target = options.cache.uri,
                         .what = entry.store_path,
                         .when = entry.published,
                         .record = index_record(variant, entry)});
  return result;
}

}  // namespace

std::string_view to_string(Publication::State state) {
  constexpr std::string_view names[] = {"published", "would", "already", "skipped", "failed"};
  return names[static_cast<std::size_t>(state)];
}

void publish_to_flox(const std::vector<Variant>& variants, const PublishOptions& options, History& history,
                     const Told& told) {
  const std::string revision = pushed_revision(options.project, options.run);
  const std::string target = "flox:" + options.org;
  const Ledger ledger = read_ledger(history, target);
  for (const Variant& variant : variants) {
    Publication result{.variant = variant.name, .state = Publication::State::would, .what = revision};
    if (variant.cell->status == PairStatus::impossible) {
      result.state = Publication::State::skipped;
      result.why = variant.cell->reason;
    } else if (!std::filesystem::exists(options.project / ".flox/pkgs" / variant.file())) {
      result.state = Publication::State::failed;
      result.why =
          fmt::format("there is no .flox/pkgs/{}: torchlathe generate --output .flox/pkgs", variant.file());
    } else if (!options.again && has(ledger, variant.name, revision)) {
      result.state = Publication::State::already;
    } else if (!options.dry_run) {
      result.why = flox_publish(options.project, options.org, variant.name, options.run);
      result.state = result.why.empty() ? Publication::State::published : Publication::State::failed;
      if (result.why.empty())
        history.add_published(
            {.variant = variant.name, .target = target, .what = revision, .when = std::time(nullptr)});
    }
    told(result);
  }
}

void publish_to_cache(const std::vector<Variant>& variants, const PublishOptions& options, History& history,
                      const Told& told) {
  IndexHead head{.name = options.title, .cache = options.index_cache};
  if (!options.cache.key_file.empty()) head.keys = {public_key_of(options.cache.key_file, options.run)};
  const Ledger ledger = read_ledger(history, options.cache.uri);
  for (const Variant& variant : variants) {
    const Publication result = publish_one(variant, options, ledger, history);
    if (result.state == Publication::State::published) write_index(options, history, head);
    told(result);
  }
  // Also where nothing was new: a run that was killed may have left the index behind the ledger.
  if (!options.dry_run) write_index(options, history, head);
}

}  // namespace lathe

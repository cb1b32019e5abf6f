// SPDX-License-Identifier: MIT
// `torchlathe publish`: a matrix to Flox, or to a plain Nix binary cache with an index.
#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "report/progress.h"
#include "jobs/state_lock.h"
#include "cli/commands.h"
#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "cli/options/variant_filter.h"
#include "jobs/history/history.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "select/index.h"
#include "nix/nix.h"
#include "os/terminal.h"
#include "publish/publish.h"
#include "report/table.h"

namespace lathe {
namespace publish_command {

struct Options {
  MatrixOption matrix;
  VariantFilter filter;
  std::string state = ".torchlathe", org, flox_project = ".", to, key, index, address;
  std::vector<std::string> settings;
  std::string format = "text";
  bool dry_run = false, again = false, list = false, wait = false;
};

void declare(OptionSet& set, Options& options) {
  declare_variants(set, options.matrix, options.filter);
  set.text("--org", options.org, "ORG", "publish to Flox, for this user or organisation");
  set.text("--flox-project", options.flox_project, "DIR",
           "folder with .flox/pkgs, a clean and pushed git work tree [.]", ValueKind::folder);
  set.text("--to", options.to, "URI", "publish to this binary cache: file:///srv/cache, ssh-ng://host");
  set.text("--key", options.key, "FILE", "secret key that signs what goes to the cache", ValueKind::file);
  set.text("--index", options.index, "DIR",
           "where index.json and index.html go [the cache itself, if it is a folder]", ValueKind::folder);
  set.text("--address", options.address, "URI", "where others find the cache, if not where the index is");
  set.texts("--nix-option", options.settings, "NAME=VALUE", "a setting of Nix");
  set.text("--state", options.state, "DIR", "the state folder of build: results and ledger [.torchlathe]",
           ValueKind::folder);
  set.flag("-n,--dry-run", options.dry_run, "print what would be published, publish nothing");
  set.flag("--again", options.again, "also what the ledger has");
  set.flag("--list", options.list, "print the ledger, publish nothing");
  set.flag("--wait", options.wait, "wait while a build or another publish works in the state folder");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

// Parameters of the address are Nix's business. All but one: addresses are printed, and kept in the ledger.
void check_target(const std::string& uri) {
  if (uri.find("://") == std::string::npos) {
    throw Error({.what = fmt::format("\"{}\" is not an address of a binary cache", printable(uri)),
                 .next = "as in file:///srv/cache or ssh-ng://host"});
  }
  if (uri.find("secret-key=") != std::string::npos)
    throw Error(
        {.what = "a key does not belong into the address of a cache", .next = "--key FILE signs with it"});
}

PublishOptions publish_options(const Options& options, const MatrixSpec& spec) {
  if (options.org.empty() == options.to.empty()) {
    throw Error({.what = options.to.empty() ? "publish where?" : "--org and --to exclude each other",
                 .next = "--org ORG publishes to Flox, --to URI to a binary cache"});
  }
  if (options.org.starts_with('-'))
    throw Error({.what = fmt::format("\"{}\" is not a name of an organisation", printable(options.org))});
  nix_options(options.settings);  // an Error now rather than after half of the work
  PublishOptions made{.state = options.state,
                      .project = options.flox_project,
                      .org = options.org,
                      .cache = {.uri = options.to, .key_file = options.key, .settings = options.settings},
                      .index = options.index,
                      .index_cache = options.address,
                      .title = spec.name,
                      .dry_run = options.dry_run,
                      .again = options.again};
  if (options.to.empty()) return made;
  check_target(options.to);
  constexpr std::string_view folder = "file://";
  const bool is_folder = options.to.starts_with(folder);
  if (made.index.empty() && is_folder)
    made.index = options.to.substr(folder.size(), options.to.find('?') - folder.size());
  if (made.index.empty())
    throw Error({.what = "this cache is not a folder: where does the index go?", .next = "--index DIR"});
  if (made.index_cache.empty() && (!is_folder || !options.index.empty()))
    made.index_cache = public_address(options.to);
  if (!made.index_cache.empty()) check_cache_address(made.index_cache);
  return made;
}

// Where no history is, none is made.
std::vector<PublishedRecord> ledger(const Options& options) {
  const std::filesystem::path file = std::filesystem::path(options.state) / "history.db";
  if (!std::filesystem::exists(file)) return {};
  return History(file).published(options.org.empty() ? options.to : "flox:" + options.org);
}

int print_ledger(const Options& options, Terminal& terminal) {
  const auto records = ledger(options);
  if (options.format == "json") {
    JsonWriter json;
    begin_report(json).key("published").begin_array();
    for (const PublishedRecord& record : records) {
      json.begin_object()
          .member("variant", record.variant)
          .member("target", record.target)
          .member("what", record.what)
          .member("when", record.when)
          .end_object();
    }
    terminal.out(json.end_array().end_object().take());
    return 0;
  }
  Table table({"when", "variant", "where", "what"});
  for (const PublishedRecord& record : records) {
    table.add({local_minute(record.when), record.variant, record.target, record.what});
  }
  terminal.out(records.empty() ? "nothing is published yet\n" : table.text(terminal));
  return 0;
}

// Counts and prints what happens.
class Printer {
 public:
  Printer(const Options& options, Terminal& terminal)
      : json_(options.format == "json"), terminal_(terminal) {}

  void operator()(const Publication& result) {
    ++count_[static_cast<std::size_t>(result.state)];
    if (json_) {
      JsonWriter json(JsonWriter::Layout::compact);
      begin_report(json).member("variant", result.variant).member("state", to_string(result.state));
      terminal_.out(json.member("what", result.what).member("why", result.why).end_object().take());
    } else if (result.state == Publication::State::skipped) {
      skipped_[result.why].push_back(result.variant);
    } else {
      terminal_.print("{:10}{}  {}\n", to_string(result.state), result.variant,
                      result.why.empty() ? result.what : result.why);
    }
    terminal_.flush();
  }

  int conclude(bool named) const {
    if (!json_) {
      print_skipped();
      std::string text;
      for (std::size_t i = 0; i < count_.size(); ++i) {
        if (count_[i] > 0)
          text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count_[i],
                              i == 1 ? "would be published" : to_string(static_cast<Publication::State>(i)));
      }
      terminal_.print("{}\n", text);
    }
    const auto of = [&](Publication::State state) { return count_[static_cast<std::size_t>(state)]; };
    return of(Publication::State::failed) > 0 || (named && of(Publication::State::skipped) > 0) ? 1 : 0;
  }

 private:
  // Whole matrices are skipped for one reason: it is said once.
  void print_skipped() const {
    for (const auto& [why, variants] : skipped_) {
      terminal_.print("{:10}{}{}  {}\n", "skipped", variants.front(),
                      variants.size() == 1 ? "" : fmt::format(" and {} more", variants.size() - 1), why);
    }
  }

  bool json_;
  Terminal& terminal_;
  std::map<std::string, std::vector<std::string>> skipped_;  // by reason
  std::array<std::size_t, 5> count_{};
};

int run(const Options& options, Terminal& terminal) {
  const std::filesystem::path state = options.state;
  if (options.list) return print_ledger(options, terminal);
  const MatrixSpec spec = options.matrix.load();
  const PublishOptions publish = publish_options(options, spec);
  const std::vector<Variant> variants = options.filter.variants(spec);
  const StateLock lock(state, options.wait);
  History history(state / "history.db");
  Printer printer(options, terminal);
  const Told told = [&](const Publication& result) { printer(result); };
  if (options.to.empty()) {
    publish_to_flox(variants, publish, history, told);
  } else {
    publish_to_cache(variants, publish, history, told);
  }
  return printer.conclude(!options.filter.names.empty());
}

}  // namespace publish_command

std::unique_ptr<BoundCommand> command_publish() {
  return bind_command(publish_command::declare, publish_command::run);
}

}  // namespace lathe

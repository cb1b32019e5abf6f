// SPDX-License-Identifier: MIT
// `torchlathe toolkit`: CUDA's own packages (cudatoolkit, cuDNN, NCCL, cuSPARSELt) as recipes, from a table
// of NVIDIA's archives.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options/options.h"
#include "hardware/catalog.h"
#include "os/file.h"
#include "os/mapped_file.h"
#include "os/terminal.h"
#include "recipe/redist.h"
#include "recipe/render.h"
#include "recipe/write.h"
#include "report/table.h"

namespace lathe {
namespace toolkit_command {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> names;
  std::string out, table, archives;
  std::string cuda = "13.0";
  std::string system = "x86_64-linux";
  std::string format = "text";
  bool force = false, dry_run = false, urls = false;
};

void declare(OptionSet& set, Options& options) {
  set.positionals("name", options.names, "packages [all of the table]", ValueKind::text, false);
  set.text("-o,--output", options.out, "DIR", "folder to write the recipes into; Flox looks in .flox/pkgs",
           ValueKind::folder);
  set.formerly("--out");
  set.text("--cuda", options.cuda, "VERSION", "CUDA release whose table to use [13.0]");
  set.text("--table", options.table, "FILE", "a table of your own instead", ValueKind::file);
  set.choice("--system", options.system, {"x86_64-linux", "aarch64-linux"},
             "system for --urls and --archives, and the default in the recipes [x86_64-linux]");
  set.flag("--urls", options.urls, "print the addresses of the archives to download, one a line");
  set.text("--archives", options.archives, "DIR", "check the archives in this folder against the table",
           ValueKind::folder);
  set.formerly("--check");
  set.flag("--force", options.force,
           "overwrite files that torchlathe did not write, and files changed by hand");
  set.flag("-n,--dry-run", options.dry_run, "say what would be written, write nothing");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

std::vector<RedistPackage> wanted(const Redist& redist, const Options& options) {
  if (options.names.empty()) return redist.packages;
  std::vector<RedistPackage> packages;
  for (const std::string& name : options.names) packages.push_back(redist.find(name));
  return packages;
}

// What a folder has of one archive.
struct Checked {
  std::string package, archive, state, hash;  // state: "ok", "missing", "other", "unknown"
};

Checked check_archive(const std::string& package, const std::string& archive, const std::string& want,
                      const fs::path& folder) {
  Checked checked{.package = package, .archive = archive, .state = "missing", .hash = want};
  if (!fs::is_regular_file(folder / archive)) return checked;
  const MappedFile file = MappedFile::open(folder / archive);
  checked.hash = to_sri(sha256(file.bytes()));
  file.expect_whole();
  if (want.empty()) checked.state = "unknown";
  else checked.state = checked.hash == want ? "ok" : "other";
  return checked;
}

std::string state_text(const std::string& state) {
  if (state == "other") return "another file";
  return state == "unknown" ? "present, hash unknown" : state;
}

int check_folder(const std::vector<RedistPackage>& packages, const Options& options, Terminal& terminal) {
  if (!fs::is_directory(options.archives))
    throw Error({.what = "folder not found", .where = {.file = options.archives}});
  std::vector<Checked> all;
  for (const RedistPackage& package : packages) {
    for (const RedistPart& part : package.parts) {
      const auto hash = part.hash.find(options.system);
      if (hash == part.hash.end()) continue;
      all.push_back(check_archive(package.name, archive_name(package.url_of(part, options.system)),
                                  hash->second, options.archives));
    }
  }
  bool good = true;
  if (options.format == "json") {
    JsonWriter json;
    begin_report(json)
        .member("folder", options.archives)
        .member("system", options.system)
        .key("archives")
        .begin_array();
    for (const Checked& checked : all) {
      json.begin_object()
          .member("package", checked.package)
          .member("archive", checked.archive)
          .member("state", checked.state)
          .member("hash", checked.hash)
          .end_object();
    }
    terminal.out(json.end_array().end_object().take());
  }
  Table table({"package", "archive", "state", "hash"});
  for (const Checked& checked : all) {
    const bool fine = checked.state == "ok" || checked.state == "unknown";
    good &= fine;
    table.add({checked.package, checked.archive, state_text(checked.state),
               fine && checked.state == "ok" ? "" : checked.hash});
  }
  if (options.format == "text") terminal.out(table.text(terminal));
  return good ? 0 : 1;
}

struct Download {
  std::string package, url, hash;  // hash: "" where the table does not know it
};

std::vector<Download> downloads(const std::vector<RedistPackage>& packages, const std::string& system) {
  std::vector<Download> all;
  for (const RedistPackage& package : packages) {
    for (const RedistPart& part : package.parts) {
      const auto hash = part.hash.find(system);
      if (hash != part.hash.end()) all.push_back({package.name, package.url_of(part, system), hash->second});
    }
  }
  return all;
}

void print_urls(const std::vector<Download>& all, const Options& options, Terminal& terminal) {
  if (options.format == "json") {
    JsonWriter json;
    begin_report(json).member("system", options.system).key("downloads").begin_array();
    for (const Download& each : all) {
      json.begin_object()
          .member("package", each.package)
          .member("url", each.url)
          .member("hash", each.hash)
          .end_object();
    }
    return terminal.out(json.end_array().end_object().take());
  }
  for (const Download& each : all) terminal.print("{}\n", each.url);
}

std::size_t hashes_known(const RedistPackage& package, const std::string& system) {
  std::size_t count = 0;
  for (const RedistPart& part : package.parts) {
    const auto hash = part.hash.find(system);
    count += hash != part.hash.end() && !hash->second.empty() ? 1 : 0;
  }
  return count;
}

void print_packages(const std::vector<RedistPackage>& packages, const Options& options, Terminal& terminal) {
  if (options.format == "json") {
    JsonWriter json;
    begin_report(json).key("packages").begin_array();
    for (const RedistPackage& package : packages) {
      json.begin_object()
          .member("name", package.name)
          .member("version", package.version)
          .member("archives", package.parts.size());
      json.member("hashes_known", hashes_known(package, options.system))
          .member("source", package.source)
          .end_object();
    }
    terminal.out(json.end_array().end_object().take());
    return;
  }
  Table table({"package", "version", "archives", "hashes known", "source"});
  table.align_right(2);
  table.align_right(3);
  for (const RedistPackage& package : packages) {
    table.add({package.name, package.version, std::to_string(package.parts.size()),
               std::to_string(hashes_known(package, options.system)), package.source});
  }
  terminal.out(table.text(terminal));
}

void write(const Redist& redist, const std::vector<RedistPackage>& packages, const Options& options,
           Terminal& terminal) {
  std::vector<SharedRecipe> recipes;
  for (const RedistPackage& package : packages)
    recipes.push_back({package.name + ".nix", render_redist(redist, package, options.system)});
  const auto written =
      write_recipes(recipes, options.out, {.force = options.force, .dry_run = options.dry_run});
  if (options.format == "json") {
    JsonWriter json;
    begin_report(json)
        .member("folder", options.out)
        .member("dry_run", options.dry_run)
        .key("files")
        .begin_array();
    for (const Written& file : written)
      json.begin_object().member("file", file.file).member("action", to_string(file.action)).end_object();
    terminal.out(json.end_array().end_object().take());
    return;
  }
  for (const Written& file : written) {
    terminal.print("{:10}{}{}\n", to_string(file.action), (fs::path(options.out) / file.file).string(),
                   options.dry_run ? " (not written)" : "");
  }
}

int run(const Options& options, Terminal& terminal) {
  const auto version = Version::parse(options.cuda);
  if (!version)
    throw Error({.what = fmt::format("\"{}\" is not a CUDA release", printable(options.cuda)),
                 .where = {},
                 .next = "written as in 13.0"});
  const Redist redist =
      options.table.empty() ? shipped_redist(*version) : read_redist(read_file(options.table), options.table);
  const std::vector<RedistPackage> packages = wanted(redist, options);
  if (!options.archives.empty()) return check_folder(packages, options, terminal);
  if (options.urls) {
    print_urls(downloads(packages, options.system), options, terminal);
  } else if (options.out.empty()) {
    print_packages(packages, options, terminal);
  } else {
    write(redist, packages, options, terminal);
  }
  return 0;
}

}  // namespace toolkit_command

std::unique_ptr<BoundCommand> command_toolkit() {
  return bind_command(toolkit_command::declare, toolkit_command::run);
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "audit/entries.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "base/finding.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "nix/record.h"
#include "os/file.h"
#include "recipe/render.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

void check_rule(const Silenced& silenced) {
  try {
    find_rule(silenced.rule);
  } catch (const Error& error) {
    throw Error({.what = error.parts().what, .where = silenced.where, .next = error.parts().next});
  }
}

// Wanted variants by what a file may call them.
class Wanted {
 public:
  explicit Wanted(const MatrixSpec& spec, const std::vector<Variant>& variants) : spec_(spec) {
    for (const Variant& variant : variants) {
      by_name_.emplace(variant.name, &variant);
      by_pname_.emplace(variant.pname, &variant);
      for (const std::string& alias : variant.aliases) by_alias_.emplace(alias, &variant);
    }
  }

  Entry entry_for(const Recorded& got) const {
    Entry entry{.got = &got,
                .stem = stem_of(got.file),
                .name = {},
                .fingerprint = fingerprint_of(got),
                .findings = {}};
    entry.name = read_variant_name(entry.stem);
    const auto take = [&](const Variant* variant, Matched match) {
      if (!entry.variant && variant) entry.variant = variant, entry.match = match;
    };
    take(look_up(by_name_, entry.stem), Matched::name);
    take(look_up(by_alias_, entry.stem), Matched::alias);
    if (entry.name.name) {
      VariantName clean = *entry.name.name;
      clean.extra.clear();
      take(look_up(by_name_, clean.text()), Matched::spelling);
      clean.release.clear();
      take(look_up(by_name_, clean.text()), Matched::spelling);
    }
    const bool ours =
        got.package && (got.package->builder == "torch" ||
                        std::ranges::find(spec_.companions, got.package->builder) != spec_.companions.end());
    if (ours) take(look_up(by_pname_, got.package->pname), Matched::pname);
    return entry;
  }

 private:
  using Names = std::unordered_map<std::string, const Variant*>;
  static const Variant* look_up(const Names& names, const std::string& name) {
    const auto found = names.find(name);
    return found == names.end() ? nullptr : found->second;
  }

  const MatrixSpec& spec_;
  Names by_name_, by_pname_, by_alias_;
};

// Wanted files first, so that of two equal recipes the wanted one is "the first".
void gather_facts(AuditedFolder& folder) {
  FolderFacts& facts = folder.facts;
  for (const bool wanted : {true, false}) {
    for (const Entry& entry : folder.entries) {
      if ((entry.match == Matched::name) != wanted) continue;
      if (!entry.fingerprint.empty()) facts.first_with.emplace(entry.fingerprint, entry.got->file);
    }
  }
  for (const Entry& entry : folder.entries) {
    const Recorded& got = *entry.got;
    if (!got.package) continue;
    if (!got.package->pname.empty()) {
      facts.files_of_pname[got.package->pname].push_back(got.file);
      facts.versions_of_pname[got.package->pname].insert(got.package->version);
    }
    const auto promise = promise_of(entry.variant, entry.name, got);
    if (promise && got.pin() && got.pin()->rev)
      ++facts.pins_of_cuda[promise->cuda ? promise->cuda->text() : "cpu"][*got.pin()->rev];
  }
}

// [extra] is known by evaluating what generate makes of it. A file that is that is not evaluated again.
void gather_asked(AuditedFolder& folder) {
  std::vector<Variant> variants;
  for (Entry& entry : folder.entries) {
    const Variant* want = entry.variant;
    if (!want || want->settings->extra.empty() || want->companion || !want->carved_from.empty() ||
        !entry.got->package)
      continue;
    if (entry.match == Matched::name && folder.is_generated(entry)) entry.asked = entry.got;
    else variants.push_back(*want);
  }
  if (variants.empty() || !folder.audit.nix_found) return;
  std::ranges::sort(variants, {}, &Variant::name);
  const auto same = [](const Variant& a, const Variant& b) { return a.name == b.name; };
  variants.erase(std::unique(variants.begin(), variants.end(), same), variants.end());
  folder.made = record_made(folder.spec, variants, folder.record_options());
  for (Entry& entry : folder.entries) {
    const auto found = entry.variant && !entry.asked && entry.got->package
                           ? folder.made.recipes.find(entry.variant->name)
                           : folder.made.recipes.end();
    if (found != folder.made.recipes.end()) entry.asked = &found->second;
  }
}

}  // namespace

std::string stem_of(const std::string& file) {
  constexpr std::string_view folder_recipe = "/default.nix";
  if (file.ends_with(folder_recipe)) return file.substr(0, file.size() - folder_recipe.size());
  return file.substr(0, file.size() - std::string_view(".nix").size());
}

std::optional<Promise> promise_of(const Variant* want, const NameReading& name, const Recorded& got) {
  if (want) {
    return Promise{.package = want->package,
                   .python = want->python,
                   .release = want->pytorch->version,
                   .cuda = want->cell->cuda,
                   .gpus = want->cell->gpus,
                   .isa = want->cell->isa};
  }
  const auto from_name = [](const VariantName& read) {
    return Promise{.package = read.package,
                   .python = read.python,
                   .release = "",
                   .cuda = read.cuda,
                   .gpus = read.gpus,
                   .isa = catalog().find_isa(read.isa),
                   .words = read.words};
  };
  if (name.name) return from_name(*name.name);
  if (got.package) {
    if (const NameReading own = read_variant_name(got.package->pname); own.name) return from_name(*own.name);
  }
  return std::nullopt;
}

// What stands in the place of nixpkgs' packages is looked at where the matrix asks for some.
RecordOptions AuditedFolder::record_options() const {
  RecordOptions record = options.record;
  record.values =
      spec.settings.extra.replaces_packages() || std::ranges::any_of(spec.overrides, [](const Override& row) {
        return row.settings.extra.replaces_packages();
      });
  return record;
}

std::string AuditedFolder::shown(const std::string& file) const {
  return (audit.folder == "." ? fs::path(file) : audit.folder / file).lexically_normal().string();
}

bool AuditedFolder::is_generated(const Entry& entry) const {
  try {
    return read_file(audit.folder / entry.got->file) == render(spec, *entry.variant);
  } catch (const Error&) {
    return false;
  }
}

bool AuditedFolder::is_wrong(const Entry& entry, bool but_name) const {
  return std::ranges::any_of(entry.findings, [&](const Finding& finding) {
    if (finding.rule == "not-evaluated" || (but_name && find_rule(finding.rule).about_name)) return false;
    return finding.severity == Severity::error || (options.strict && finding.severity == Severity::warning);
  });
}

AuditedFolder read_audited(const fs::path& folder, const MatrixSpec& spec, const AuditOptions& options) {
  AuditedFolder result{.spec = spec, .options = options};
  Audit& audit = result.audit;
  audit.folder = folder;
  audit.matrix = spec.name;
  for (const Silenced& silenced : spec.silenced) check_rule(silenced);
  audit.wanted = expand(spec);
  for (const Variant& variant : audit.wanted) audit.place.emplace(variant.name, audit.place.size());
  audit.recorded = std::make_shared<RecordedFolder>(
      fs::exists(folder) ? record_folder(folder, result.record_options()) : RecordedFolder{.folder = folder});
  audit.nix_found = audit.recorded->nix_found;
  if (fs::exists(folder)) result.path = fs::canonical(folder).string();
  const Wanted wanted(spec, audit.wanted);
  for (const Recorded& got : audit.recorded->recipes) result.entries.push_back(wanted.entry_for(got));
  gather_facts(result);
  gather_asked(result);
  return result;
}

}  // namespace lathe

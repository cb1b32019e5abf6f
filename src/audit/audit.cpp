// SPDX-License-Identifier: MIT
#include "audit/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "audit/import/backend.h"
#include "audit/import/made.h"
#include "audit/rules/rule.h"
#include "base/parallel.h"
#include "base/text.h"
#include "matrix/expand.h"
#include "nix/second_look.h"
#include "os/file.h"
#include "recipe/extra_files.h"
#include "recipe/render.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

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

// How a file came to be taken for a variant.
enum class Matched { none, name, alias, spelling, pname };

struct Entry {
  const Recorded* got = nullptr;
  std::string stem;
  NameReading name;
  const Variant* variant = nullptr;
  Matched match = Matched::none;
  std::string fingerprint;
  const Recorded* asked = nullptr;  // what generate writes for it, where the matrix has [extra]
  Findings findings;
  std::size_t silenced = 0;
};

class Auditor {
 public:
  Auditor(const fs::path& folder, const MatrixSpec& spec, const AuditOptions& options)
      : spec_(spec), options_(options) {
    audit_.folder = folder;
    audit_.matrix = spec.name;
    for (const Silenced& silenced : spec.silenced) check_rule(silenced);
    audit_.wanted = expand(spec);
    for (const Variant& variant : audit_.wanted) {
      audit_.place.emplace(variant.name, audit_.place.size());
      by_name_.emplace(variant.name, &variant);
      by_pname_.emplace(variant.pname, &variant);
      for (const std::string& alias : variant.aliases) by_alias_.emplace(alias, &variant);
    }
    audit_.recorded = std::make_shared<RecordedFolder>(
        fs::exists(folder) ? record_folder(folder, record_options()) : RecordedFolder{.folder = folder});
    audit_.nix_found = audit_.recorded->nix_found;
    if (fs::exists(folder)) folder_path_ = fs::canonical(folder).string();
  }

  Audit run() {
    for (const Recorded& got : audit_.recorded->recipes) entries_.push_back(entry_for(got));
    gather_facts();
    gather_asked();
    parallel_for_all(entries_.size(), [&](std::size_t i) { judge(entries_[i]); });
    look_again();
    for (Entry& entry : entries_) {
      if (entry.match == Matched::name) holders_[entry.variant->name] = entry.got->file;
    }
    find_parts();
    for (Entry& entry : entries_) audit_.recipes.push_back(decide(entry));
    for (const Variant& variant : audit_.wanted) {
      if (!holders_.contains(variant.name)) audit_.missing.push_back(variant.name);
    }
    sum_up();
    return std::move(audit_);
  }

 private:
  // What stands in the place of nixpkgs' packages is looked at where the matrix asks for some.
  RecordOptions record_options() const {
    RecordOptions record = options_.record;
    record.values = spec_.settings.extra.replaces_packages() ||
                    std::ranges::any_of(spec_.overrides, [](const Override& row) {
                      return row.settings.extra.replaces_packages();
                    });
    return record;
  }

  static void check_rule(const Silenced& silenced) {
    try {
      find_rule(silenced.rule);
    } catch (const Error& error) {
      throw Error({.what = error.parts().what, .where = silenced.where, .next = error.parts().next});
    }
  }

  template <typename Names>
  static const Variant* look_up(const Names& names, const std::string& name) {
    const auto found = names.find(name);
    return found == names.end() ? nullptr : found->second;
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

  // Wanted files first, so that of two equal recipes the wanted one is "the first".
  void gather_facts() {
    for (const bool wanted : {true, false}) {
      for (const Entry& entry : entries_) {
        if ((entry.match == Matched::name) != wanted) continue;
        if (!entry.fingerprint.empty()) facts_.first_with.emplace(entry.fingerprint, entry.got->file);
      }
    }
    for (const Entry& entry : entries_) {
      const Recorded& got = *entry.got;
      if (!got.package) continue;
      if (!got.package->pname.empty()) {
        facts_.files_of_pname[got.package->pname].push_back(got.file);
        facts_.versions_of_pname[got.package->pname].insert(got.package->version);
      }
      const auto promise = promise_of(entry.variant, entry.name, got);
      if (promise && got.pin() && got.pin()->rev)
        ++facts_.pins_of_cuda[promise->cuda ? promise->cuda->text() : "cpu"][*got.pin()->rev];
    }
  }

  // [extra] is known by evaluating what generate makes of it. A file that is that is not evaluated again.
  void gather_asked() {
    std::vector<Variant> variants;
    for (Entry& entry : entries_) {
      const Variant* want = entry.variant;
      if (!want || want->settings->extra.empty() || want->companion || !want->carved_from.empty() ||
          !entry.got->package)
        continue;
      if (entry.match == Matched::name && is_generated(entry)) entry.asked = entry.got;
      else variants.push_back(*want);
    }
    if (variants.empty() || !audit_.nix_found) return;
    std::ranges::sort(variants, {}, &Variant::name);
    const auto same = [](const Variant& a, const Variant& b) { return a.name == b.name; };
    variants.erase(std::unique(variants.begin(), variants.end(), same), variants.end());
    made_ = record_made(spec_, variants, record_options());
    for (Entry& entry : entries_) {
      const auto found = entry.variant && !entry.asked && entry.got->package
                             ? made_.recipes.find(entry.variant->name)
                             : made_.recipes.end();
      if (found != made_.recipes.end()) entry.asked = &found->second;
    }
  }

  // What no rule reads is no finding where the matrix asks for just that. Whether it is just that: the rule
  // `extra`.
  Findings asked_findings(const Case& recipe) const {
    if (!recipe.asked || !recipe.asked->package) return {};
    Findings all = check_recipe({.spec = spec_,
                                 .got = *recipe.asked,
                                 .file = recipe.file,
                                 .stem = recipe.stem,
                                 .name = recipe.name,
                                 .want = recipe.want,
                                 .promise = recipe.promise,
                                 .folder = nullptr,
                                 .fingerprint = recipe.fingerprint});
    std::erase_if(all.items(), [](const Finding& finding) { return thing_of(finding).empty(); });
    return all;
  }

  // What nobody has read, in whichever way the recipe sets it: an attribute, `env` or a phase. "" for
  // findings of other kinds.
  static std::string thing_of(const Finding& finding) {
    static constexpr std::string_view rules[] = {"not-understood", "shell-unknown", "phase-replaced",
                                                 "switched-off"};
    if (std::ranges::find(rules, finding.rule) == std::end(rules)) return "";
    const std::size_t sets = finding.what.find("sets ");
    const bool variable =
        sets != std::string::npos && finding.what.ends_with(", and nobody knows what that does");
    return variable ? replace_all(finding.what.substr(sets), "sets env.", "sets ") : finding.what;
  }

  // `file` of the folder, as findings name it.
  std::string shown(const std::string& file) const {
    return (audit_.folder == "." ? fs::path(file) : audit_.folder / file).lexically_normal().string();
  }

  // A recipe that would be kept as it is, and that nobody knows to be what `generate` writes, is evaluated
  // once more in a recorder that makes up other things: it must be right there too. And where nixpkgs has
  // packages by the names of which it makes keys.
  void look_again() {
    std::vector<const Recorded*> right;
    std::vector<std::string> keyed;
    RecordOptions named = record_options();
    for (const Entry& entry : entries_) {
      if (!entry.variant || !entry.got->package || wrong(entry, true) || is_generated(entry)) continue;
      right.push_back(entry.got);
      if (entry.got->made_keys.empty()) continue;
      keyed.push_back(entry.got->file);
      named.more_names.insert(entry.got->made_keys.begin(), entry.got->made_keys.end());
    }
    if (right.empty() || !audit_.nix_found) return;
    std::map<std::string, std::vector<Recorded>> again =
        lathe::look_again(audit_.folder, right, record_options());
    if (!keyed.empty()) {
      for (Recorded& recipe : record_files(audit_.folder, keyed, named).recipes)
        again[recipe.file].push_back(std::move(recipe));
    }
    for (Entry& entry : entries_) {
      const auto found = again.find(entry.got->file);
      if (found == again.end()) continue;
      entry.findings = {};
      entry.silenced = 0;
      judge(entry, found->second);
    }
  }

  void judge(Entry& entry, std::span<const Recorded> otherwise = {}) {
    const Case recipe{.spec = spec_,
                      .got = *entry.got,
                      .file = shown(entry.got->file),
                      .stem = entry.stem,
                      .name = entry.name,
                      .want = entry.variant,
                      .promise = promise_of(entry.variant, entry.name, *entry.got),
                      .folder = &facts_,
                      .fingerprint = entry.fingerprint,
                      .asked = entry.asked,
                      .folder_path = folder_path_,
                      .asked_path = entry.asked == entry.got ? folder_path_ : made_.folder,
                      .otherwise = otherwise};
    const Findings asked = asked_findings(recipe);
    for (const Finding& finding : check_recipe(recipe)) {
      const auto same = [&](const Finding& other) { return thing_of(other) == thing_of(finding); };
      if (!thing_of(finding).empty() && std::any_of(asked.begin(), asked.end(), same)) continue;
      if (is_silenced(finding, entry)) ++entry.silenced;
      else entry.findings.add(finding);
    }
  }

  bool is_silenced(const Finding& finding, const Entry& entry) const {
    return std::ranges::any_of(spec_.silenced, [&](const Silenced& silenced) {
      return silenced.rule == finding.rule &&
             glob_match(silenced.name, entry.variant ? entry.variant->name : entry.stem);
    });
  }

  // Files of the folder in which a wanted recipe is really written: a wrapper's base must stay. And those
  // that the matrix names.
  void find_parts() {
    for (const std::string& file : extra_files(spec_)) parts_.insert(shown(file));
    for (const SharedRecipe& shared : render_shared(spec_)) parts_.insert(shown(shared.file));
    for (const Entry& entry : entries_) {
      if (entry.match != Matched::name || !entry.got->package) continue;
      for (const auto& [key, place] : entry.got->package->places) {
        if (!place.file.empty() && place.file != shown(entry.got->file)) parts_.insert(place.file);
      }
    }
  }

  bool wrong(const Entry& entry, bool but_name) const {
    return std::ranges::any_of(entry.findings, [&](const Finding& finding) {
      if (finding.rule == "not-evaluated" || (but_name && find_rule(finding.rule).about_name)) return false;
      return finding.severity == Severity::error ||
             (options_.strict && finding.severity == Severity::warning);
    });
  }

  // Is it byte for byte what `generate` writes? Then writing it anew mends nothing.
  bool is_generated(const Entry& entry) const {
    try {
      return read_file(audit_.folder / entry.got->file) == render(spec_, *entry.variant);
    } catch (const Error&) {
      return false;
    }
  }

  // The first thing that is wrong, what the package is called last: it matters least.
  static std::string first_error(const Entry& entry) {
    const Finding* best = nullptr;
    std::size_t errors = 0;
    const auto rank = [](const Finding& finding) {
      return std::pair(finding.severity, find_rule(finding.rule).about_name);
    };
    for (const Finding& finding : entry.findings) {
      errors += finding.severity == Severity::error ? 1 : 0;
      if (!best || rank(finding) < rank(*best)) best = &finding;
    }
    if (!best) return "";
    if (errors < 2) return best->what;
    return fmt::format("{}; {} more error{}", best->what, errors - 1, errors == 2 ? "" : "s");
  }

  AuditedRecipe decide(Entry& entry) {
    AuditedRecipe result{.file = entry.got->file,
                         .variant = entry.variant ? entry.variant->name : "",
                         .reason = {},
                         .findings = {},
                         .silenced = entry.silenced,
                         .recorded = entry.got};
    if (entry.match == Matched::name) {
      if (wrong(entry, false) && !is_generated(entry)) {
        result.verdict = Verdict::rewrite;
        result.reason = first_error(entry);
      }
    } else if (const std::string reason = why_outside(entry); !reason.empty()) {
      result.verdict = Verdict::outside;
      result.variant.clear();
      result.reason = reason;
      // What is no recipe promises nothing by its name; what is for another backend is judged by nobody here.
      if (!backend_of(entry).empty()) entry.findings = {};
      if (!entry.name.name) {
        std::erase_if(entry.findings.items(),
                      [](const Finding& finding) { return find_rule(finding.rule).about_name; });
      }
    } else if (entry.variant && !holders_.contains(entry.variant->name) && audit_.nix_found &&
               entry.got->package && !wrong(entry, true)) {
      holders_[entry.variant->name] = entry.got->file;
      result.verdict = Verdict::rename;
      result.reason = fmt::format("is {} under another name", entry.variant->name);
    } else {
      result.verdict = Verdict::remove;
      result.reason = why_delete(entry);
      result.variant.clear();
    }
    result.findings = std::move(entry.findings);
    return result;
  }

  static bool is_no_recipe(const Entry& entry) {
    return !entry.name.name && !entry.got->package && !entry.got->failure;
  }

  // What is left alone, and why; "" for what the matrix speaks of. Deleted is only what was understood.
  std::string why_outside(const Entry& entry) const {
    if (parts_.contains(shown(entry.got->file))) return "a wanted recipe is written in it";
    if (!in_scope(entry)) return "no recipe of this matrix' package";
    if (const std::string_view backend = backend_of(entry); !backend.empty())
      return fmt::format("is for {}, of which no matrix speaks", backend);
    if (entry.got->failure && audit_.nix_found) return "does not evaluate, so nobody knows what it is";
    if (entry.variant && !wrong(entry, true)) return "";
    if (!entry.variant && is_no_recipe(entry)) return "is no recipe: an overlay, a module or a part of one";
    if (!entry.name.name && entry.got->package && !is_a_build(*entry.got->package))
      return fmt::format("is no build of PyTorch, but made with {}", entry.got->package->builder);
    const std::string unread = first_unread(entry);
    return unread.empty() ? "" : "sets things that nobody has read: " + unread;
  }

  static bool is_a_build(const RecordedPackage& package) {
    return package.builder == "torch" || package.builder == "torchvision" || package.builder == "torchaudio";
  }

  // What a recipe sets and no rule reads. These rules need to know what is promised only so far that it is
  // this package.
  std::string first_unread(const Entry& entry) const {
    const auto look = [](const Findings& findings) {
      for (const std::string_view rule : {"not-understood", "shell-unknown"}) {
        if (std::string text = first_with_rule(findings, rule); !text.empty()) return text;
      }
      return std::string();
    };
    if (entry.name.name || !entry.got->package || promise_of(nullptr, entry.name, *entry.got))
      return look(entry.findings);
    const Promise any{.package = spec_.package,
                      .python = "",
                      .release = "",
                      .cuda = std::nullopt,
                      .gpus = {},
                      .isa = nullptr};
    return look(check_recipe({.spec = spec_,
                              .got = *entry.got,
                              .file = shown(entry.got->file),
                              .stem = entry.stem,
                              .name = entry.name,
                              .want = nullptr,
                              .promise = any,
                              .folder = nullptr,
                              .fingerprint = entry.fingerprint}));
  }

  static std::string_view backend_of(const Entry& entry) {
    return entry.variant ? "" : other_backend(entry.stem, *entry.got);
  }

  bool in_scope(const Entry& entry) const {
    const auto ours = [&](const std::string& package) {
      return package == spec_.package ||
             std::ranges::find(spec_.companions, package) != spec_.companions.end();
    };
    if (entry.name.name) return ours(entry.name.name->package);
    return ours(entry.stem.substr(0, entry.stem.find('-'))) ||
           (entry.got->package && entry.got->package->builder == "torch" && entry.variant);
  }

  std::string why_delete(const Entry& entry) const {
    if (entry.match == Matched::alias)
      return fmt::format("alias of {}{}", entry.variant->name, to_be_created(entry));
    const auto first = facts_.first_with.find(entry.fingerprint);
    if (!entry.fingerprint.empty() && first != facts_.first_with.end() && first->second != entry.got->file) {
      return fmt::format("redundant copy of {}", stem_of(first->second));
    }
    const std::string scratch = first_with_rule(entry.findings, "from-scratch");
    if (!scratch.empty()) return fmt::format("wrong pattern: {}{}", scratch, to_be_created(entry));
    if (entry.variant) return fmt::format("another name for {}{}", entry.variant->name, to_be_created(entry));
    const bool bad = wrong(entry, true);
    return fmt::format("no variant of the matrix is called so{}",
                       bad ? fmt::format("; wrong pattern: {}", first_error(entry)) : "");
  }

  static std::string first_with_rule(const Findings& findings, std::string_view rule) {
    for (const Finding& finding : findings) {
      if (finding.rule == rule) return finding.what;
    }
    return "";
  }

  std::string to_be_created(const Entry& entry) const {
    return entry.variant && !holders_.contains(entry.variant->name)
               ? fmt::format("; {} is created", entry.variant->name)
               : "";
  }

  void sum_up() {
    AuditSummary& sum = audit_.summary;
    for (const AuditedRecipe& recipe : audit_.recipes) {
      switch (recipe.verdict) {
        case Verdict::keep: ++sum.keep; break;
        case Verdict::rewrite: ++sum.rewrite; break;
        case Verdict::rename: ++sum.rename; break;
        case Verdict::create: break;
        case Verdict::remove: ++sum.remove; break;
        case Verdict::outside: ++sum.outside; break;
      }
    }
    sum.create = audit_.missing.size();
    sum.wanted = audit_.wanted.size();
  }

  const MatrixSpec& spec_;
  const AuditOptions& options_;
  Audit audit_;
  std::unordered_map<std::string, const Variant*> by_name_, by_pname_, by_alias_;
  std::vector<Entry> entries_;
  FolderFacts facts_;
  Made made_;                                   // of variants with [extra]
  std::string folder_path_;                     // absolute
  std::map<std::string, std::string> holders_;  // variant -> the file that is it
  std::set<std::string> parts_;
};

}  // namespace

std::string_view to_string(Verdict verdict) {
  static constexpr std::string_view names[] = {"keep", "rewrite", "rename", "create", "delete", "outside"};
  return names[static_cast<std::size_t>(verdict)];
}

std::size_t Audit::count(Severity severity) const {
  std::size_t total = 0;
  for (const AuditedRecipe& recipe : recipes) total += recipe.findings.count(severity);
  return total;
}

const Variant& Audit::variant(const std::string& name) const { return wanted[place.at(name)]; }

Audit audit_folder(const fs::path& folder, const MatrixSpec& spec, const AuditOptions& options) {
  return Auditor(folder, spec, options).run();
}

Findings judge_recipe(const MatrixSpec& spec, const Recorded& recorded, const std::string& stem,
                      const Variant* want) {
  const NameReading name = read_variant_name(stem);
  return check_recipe({.spec = spec,
                       .got = recorded,
                       .file = stem + ".nix",
                       .stem = stem,
                       .name = name,
                       .want = want,
                       .promise = promise_of(want, name, recorded)});
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "audit/verdicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "audit/audit.h"
#include "audit/import/backend.h"
#include "audit/rules/rule.h"
#include "base/finding.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "nix/record.h"
#include "recipe/extra_files.h"
#include "recipe/render.h"

namespace lathe {
namespace {

// The first thing that is wrong, what the package is called last: it matters least.
std::string first_error(const Entry& entry) {
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

std::string first_with_rule(const Findings& findings, std::string_view rule) {
  for (const Finding& finding : findings) {
    if (finding.rule == rule) return finding.what;
  }
  return "";
}

bool is_no_recipe(const Entry& entry) {
  return !entry.name.name && !entry.got->package && !entry.got->failure;
}

bool is_a_build(const RecordedPackage& package) {
  return package.builder == "torch" || package.builder == "torchvision" || package.builder == "torchaudio";
}

std::string_view backend_of(const Entry& entry) {
  return entry.variant ? "" : other_backend(entry.stem, *entry.got);
}

void sum_up(Audit& audit) {
  AuditSummary& sum = audit.summary;
  for (const AuditedRecipe& recipe : audit.recipes) {
    switch (recipe.verdict) {
      case Verdict::keep: ++sum.keep; break;
      case Verdict::rewrite: ++sum.rewrite; break;
      case Verdict::rename: ++sum.rename; break;
      case Verdict::create: break;
      case Verdict::remove: ++sum.remove; break;
      case Verdict::outside: ++sum.outside; break;
    }
  }
  sum.create = audit.missing.size();
  sum.wanted = audit.wanted.size();
}

class Verdicts {
 public:
  explicit Verdicts(AuditedFolder& folder) : folder_(folder), spec_(folder.spec), audit_(folder.audit) {}

  void run() {
    for (const Entry& entry : folder_.entries) {
      if (entry.match == Matched::name) holders_[entry.variant->name] = entry.got->file;
    }
    find_parts();
    for (Entry& entry : folder_.entries) audit_.recipes.push_back(decide(entry));
    for (const Variant& variant : audit_.wanted) {
      if (!holders_.contains(variant.name)) audit_.missing.push_back(variant.name);
    }
    sum_up(audit_);
  }

 private:
  // Files of the folder in which a wanted recipe is really written: a wrapper's base must stay. And those
  // that the matrix names.
  void find_parts() {
    for (const std::string& file : extra_files(spec_)) parts_.insert(folder_.shown(file));
    for (const SharedRecipe& shared : render_shared(spec_)) parts_.insert(folder_.shown(shared.file));
    for (const Entry& entry : folder_.entries) {
      if (entry.match != Matched::name || !entry.got->package) continue;
      for (const auto& [key, place] : entry.got->package->places) {
        if (!place.file.empty() && place.file != folder_.shown(entry.got->file)) parts_.insert(place.file);
      }
    }
  }

  AuditedRecipe decide(Entry& entry) {
    AuditedRecipe result{.file = entry.got->file,
                         .variant = entry.variant ? entry.variant->name : "",
                         .reason = {},
                         .findings = {},
                         .silenced = entry.silenced,
                         .recorded = entry.got};
    if (entry.match == Matched::name) {
      if (folder_.is_wrong(entry, false) && !folder_.is_generated(entry)) {
        result.verdict = Verdict::rewrite;
        result.reason = first_error(entry);
      }
    } else if (const std::string reason = why_outside(entry); !reason.empty()) {
      result.verdict = Verdict::outside;
      result.variant.clear();
      result.reason = reason;
      // What is not a recipe promises nothing by its name; what is for another backend is judged by nobody
      // here.
      if (!backend_of(entry).empty()) entry.findings = {};
      if (!entry.name.name) {
        std::erase_if(entry.findings.items(),
                      [](const Finding& finding) { return find_rule(finding.rule).about_name; });
      }
    } else if (entry.variant && !holders_.contains(entry.variant->name) && audit_.nix_found &&
               entry.got->package && !folder_.is_wrong(entry, true)) {
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

  // What is left alone, and why; "" for what the matrix speaks of. Deleted is only what was understood.
  std::string why_outside(const Entry& entry) const {
    if (parts_.contains(folder_.shown(entry.got->file))) return "a wanted recipe is written in it";
    if (!in_scope(entry)) return "no recipe of this matrix' package";
    if (const std::string_view backend = backend_of(entry); !backend.empty())
      return fmt::format("is for {}, which a matrix cannot describe", backend);
    if (entry.got->failure && audit_.nix_found) return "does not evaluate, so what it builds is unknown";
    if (entry.variant && !folder_.is_wrong(entry, true)) return "";
    if (!entry.variant && is_no_recipe(entry))
      return "is not a recipe: an overlay, a module or a part of one";
    if (!entry.name.name && entry.got->package && !is_a_build(*entry.got->package))
      return fmt::format("is not a build of PyTorch, but made with {}", entry.got->package->builder);
    const std::string unread = first_unread(entry);
    return unread.empty() ? "" : "sets things that the audit does not know: " + unread;
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
                              .file = folder_.shown(entry.got->file),
                              .stem = entry.stem,
                              .name = entry.name,
                              .want = nullptr,
                              .promise = any,
                              .folder = nullptr,
                              .fingerprint = entry.fingerprint}));
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
    const auto first = folder_.facts.first_with.find(entry.fingerprint);
    if (!entry.fingerprint.empty() && first != folder_.facts.first_with.end() &&
        first->second != entry.got->file) {
      return fmt::format("redundant copy of {}", stem_of(first->second));
    }
    const std::string scratch = first_with_rule(entry.findings, "from-scratch");
    if (!scratch.empty()) return fmt::format("wrong pattern: {}{}", scratch, to_be_created(entry));
    if (entry.variant) return fmt::format("another name for {}{}", entry.variant->name, to_be_created(entry));
    const bool bad = folder_.is_wrong(entry, true);
    return fmt::format("no variant of the matrix has this name{}",
                       bad ? fmt::format("; wrong pattern: {}", first_error(entry)) : "");
  }

  std::string to_be_created(const Entry& entry) const {
    return entry.variant && !holders_.contains(entry.variant->name)
               ? fmt::format("; {} is created", entry.variant->name)
               : "";
  }

  AuditedFolder& folder_;
  const MatrixSpec& spec_;
  Audit& audit_;
  std::map<std::string, std::string> holders_;  // variant -> the file that is it
  std::set<std::string> parts_;
};

}  // namespace

Audit decide(AuditedFolder folder) {
  Verdicts(folder).run();
  return std::move(folder.audit);
}

}  // namespace lathe

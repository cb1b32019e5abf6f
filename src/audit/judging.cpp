// SPDX-License-Identifier: MIT
#include "audit/judging.h"

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/rules/rule.h"
#include "base/finding.h"
#include "base/parallel.h"
#include "base/text.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "nix/record.h"
#include "nix/second_look.h"

namespace lathe {
namespace {

// What nobody has read, in whichever way the recipe sets it: an attribute, `env` or a phase. "" for
// findings of other kinds.
std::string thing_of(const Finding& finding) {
  static constexpr std::string_view rules[] = {"not-understood", "shell-unknown", "phase-replaced",
                                               "switched-off"};
  if (std::ranges::find(rules, finding.rule) == std::end(rules)) return "";
  const std::size_t sets = finding.what.find("sets ");
  const bool variable = sets != std::string::npos && finding.what.ends_with(", whose effect is unknown");
  return variable ? replace_all(finding.what.substr(sets), "sets env.", "sets ") : finding.what;
}

class Judge {
 public:
  explicit Judge(AuditedFolder& folder) : folder_(folder) {}

  void judge(Entry& entry, std::span<const Recorded> otherwise = {}) {
    const Case recipe{.spec = folder_.spec,
                      .got = *entry.got,
                      .file = folder_.shown(entry.got->file),
                      .stem = entry.stem,
                      .name = entry.name,
                      .want = entry.variant,
                      .promise = promise_of(entry.variant, entry.name, *entry.got),
                      .folder = &folder_.facts,
                      .fingerprint = entry.fingerprint,
                      .asked = entry.asked,
                      .folder_path = folder_.path,
                      .asked_path = entry.asked == entry.got ? folder_.path : folder_.made.folder,
                      .otherwise = otherwise};
    const Findings asked = asked_findings(recipe);
    for (const Finding& finding : check_recipe(recipe)) {
      const auto same = [&](const Finding& other) { return thing_of(other) == thing_of(finding); };
      if (!thing_of(finding).empty() && std::any_of(asked.begin(), asked.end(), same)) continue;
      if (is_silenced(finding, entry)) ++entry.silenced;
      else entry.findings.add(finding);
    }
  }

  // A recipe that would be kept as it is, and that nobody knows to be what `generate` writes, is evaluated
  // once more in a recorder that makes up other things: it must be right there too. And where nixpkgs has
  // packages by the names of which it makes keys.
  void look_again() {
    std::vector<const Recorded*> right;
    std::vector<std::string> keyed;
    RecordOptions named = folder_.record_options();
    for (const Entry& entry : folder_.entries) {
      if (!entry.variant || !entry.got->package || folder_.is_wrong(entry, true) ||
          folder_.is_generated(entry))
        continue;
      right.push_back(entry.got);
      if (entry.got->made_keys.empty()) continue;
      keyed.push_back(entry.got->file);
      named.more_names.insert(entry.got->made_keys.begin(), entry.got->made_keys.end());
    }
    if (right.empty() || !folder_.audit.nix_found) return;
    std::map<std::string, std::vector<Recorded>> again =
        lathe::look_again(folder_.audit.folder, right, folder_.record_options());
    if (!keyed.empty()) {
      for (Recorded& recipe : record_files(folder_.audit.folder, keyed, named).recipes)
        again[recipe.file].push_back(std::move(recipe));
    }
    for (Entry& entry : folder_.entries) {
      const auto found = again.find(entry.got->file);
      if (found == again.end()) continue;
      entry.findings = {};
      entry.silenced = 0;
      judge(entry, found->second);
    }
  }

 private:
  // What no rule reads is not a finding where the matrix asks for just that. Whether it is just that: the
  // rule `extra`.
  Findings asked_findings(const Case& recipe) const {
    if (!recipe.asked || !recipe.asked->package) return {};
    Findings all = check_recipe({.spec = folder_.spec,
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

  bool is_silenced(const Finding& finding, const Entry& entry) const {
    return std::ranges::any_of(folder_.spec.silenced, [&](const Silenced& silenced) {
      return silenced.rule == finding.rule &&
             glob_match(silenced.name, entry.variant ? entry.variant->name : entry.stem);
    });
  }

  AuditedFolder& folder_;
};

}  // namespace

void judge_all(AuditedFolder& folder) {
  Judge judge(folder);
  parallel_for_all(folder.entries.size(), [&](std::size_t i) { judge.judge(folder.entries[i]); });
  judge.look_again();
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

// SPDX-License-Identifier: MIT
// A folder of recipes against a matrix: what is wrong with each recipe, and what is to become of it. Judges
// what recipes evaluate to (nix/record.h) by the rules in rule.h. Changes nothing: that is apply.h, by the
// edits of plan.h.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/finding.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "nix/record.h"

namespace lathe {

enum class Verdict {
  keep,     // a wanted variant, without errors
  rewrite,  // a wanted variant that is wrong
  rename,   // right, under a wrong name
  create,   // wanted but missing
  remove,   // no variant wants it
  outside,  // not of this matrix' package, or a part that kept recipes import: left alone
};
std::string_view to_string(Verdict verdict);  // "keep", ..., "delete", "outside"

struct AuditedRecipe {
  std::string file;     // relative to the folder
  std::string variant;  // the variant that it is, or becomes; "" for none
  Verdict verdict = Verdict::keep;
  std::string reason;  // one sentence; "" for keep
  Findings findings;   // without the silenced ones
  std::size_t silenced = 0;
  const Recorded* recorded = nullptr;
};

struct AuditSummary {
  std::size_t keep = 0, rewrite = 0, rename = 0, create = 0, remove = 0, outside = 0, wanted = 0;
  std::size_t changes() const { return rewrite + rename + create + remove; }
};

struct Audit {
  std::filesystem::path folder;
  std::string matrix;
  bool nix_found = true;
  std::vector<Variant> wanted;
  std::unordered_map<std::string, std::size_t> place;  // of a name in `wanted`
  std::shared_ptr<const RecordedFolder> recorded;
  std::vector<AuditedRecipe> recipes;  // by file name
  std::vector<std::string> missing;    // names of variants to create, in the matrix' order
  AuditSummary summary;

  std::size_t count(Severity severity) const;
  const Variant& variant(const std::string& name) const;
};

struct AuditOptions {
  bool strict = false;  // warnings count as errors, where writing the recipe anew mends them
  RecordOptions record = {};
};

Audit audit_folder(const std::filesystem::path& folder, const MatrixSpec& spec,
                   const AuditOptions& options = {});

// One recipe as if it were called `stem`, held against `want` (nullptr: against its name alone).
Findings judge_recipe(const MatrixSpec& spec, const Recorded& recorded, const std::string& stem,
                      const Variant* want);

}  // namespace lathe

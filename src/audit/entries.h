// SPDX-License-Identifier: MIT
// Inside of audit only: the files of a folder as an audit sees them. Which variant each is taken for, what it
// promises, what all of them are together. Judging is judging.h's, what becomes of each verdicts.h's.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "audit/audit.h"
#include "audit/import/made.h"
#include "audit/rules/rule.h"
#include "base/finding.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "nix/record.h"

namespace lathe {

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

struct AuditedFolder {
  const MatrixSpec& spec;
  const AuditOptions& options;
  Audit audit = {};  // what was read; the verdicts are missing
  std::vector<Entry> entries = {};
  FolderFacts facts = {};
  Made made = {};         // of variants with [extra]
  std::string path = {};  // absolute

  RecordOptions record_options() const;
  // `file` of the folder, as findings name it.
  std::string shown(const std::string& file) const;
  // Is it byte for byte what `generate` writes? Then writing it anew mends nothing.
  bool is_generated(const Entry& entry) const;
  // Has it a finding that forbids to keep it? Where `but_name`: one that another name would not mend.
  bool is_wrong(const Entry& entry, bool but_name) const;
};

AuditedFolder read_audited(const std::filesystem::path& folder, const MatrixSpec& spec,
                           const AuditOptions& options);

// By the variant, else by the name of the file, else by that of the package.
std::optional<Promise> promise_of(const Variant* want, const NameReading& name, const Recorded& got);

// "pytorch-cpu" of "pytorch-cpu.nix" and of "pytorch-cpu/default.nix".
std::string stem_of(const std::string& file);

}  // namespace lathe

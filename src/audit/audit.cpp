// SPDX-License-Identifier: MIT
#include "audit/audit.h"

#include <string_view>
#include <utility>

#include "audit/entries.h"
#include "audit/judging.h"
#include "audit/verdicts.h"
#include "matrix/variant.h"

namespace lathe {

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

Audit audit_folder(const std::filesystem::path& folder, const MatrixSpec& spec, const AuditOptions& options) {
  AuditedFolder audited = read_audited(folder, spec, options);
  judge_all(audited);
  return decide(std::move(audited));
}

}  // namespace lathe

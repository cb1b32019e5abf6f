// SPDX-License-Identifier: MIT
#include "audit/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "os/file.h"
#include "recipe/render.h"

namespace lathe {
namespace {

// What a link points to is not the folder's, and nobody reads a difference of 50 MB: such files are moved away as they are.
std::string old_content(const Audit& audit, const std::string& file) {
  constexpr std::uint64_t longest = std::uint64_t{1} << 20;
  try {
    const std::filesystem::path path = audit.folder / file;
    return std::filesystem::is_symlink(path) ? "" : read_file(path, longest);
  } catch (const Error&) {
    return "";
  }
}

Edit edit_for(const Audit& audit, const MatrixSpec& spec, const AuditedRecipe& recipe) {
  Edit edit{.kind = recipe.verdict, .file = recipe.file, .from = {}, .reason = recipe.reason, .old_content = old_content(audit, recipe.file), .new_content = {}};
  if (recipe.verdict == Verdict::rewrite) edit.new_content = render(spec, audit.variant(recipe.variant));
  if (recipe.verdict == Verdict::rename) {
    edit.from = recipe.file;
    edit.file = audit.variant(recipe.variant).file();
    // A package that is named for its old file would be found again: then it is written anew under the new name.
    const bool same = recipe.recorded->package && recipe.recorded->package->pname == audit.variant(recipe.variant).pname;
    edit.new_content = same ? edit.old_content : render(spec, audit.variant(recipe.variant));
  }
  return edit;
}

struct Total {
  std::string_view name;
  std::size_t count;
};

std::vector<Total> totals_of(const AuditSummary& sum) {
  return {{"keep", sum.keep}, {"rewrite", sum.rewrite}, {"rename", sum.rename}, {"create", sum.create}, {"delete", sum.remove}, {"wanted", sum.wanted}};
}

std::string explain(const AuditSummary& sum, std::string_view name, std::size_t expected) {
  if (name == "create" && expected == sum.create + sum.rewrite) return fmt::format("; {} counts the {} that are rewritten in place as new", expected, sum.rewrite);
  if (name == "create" && expected == sum.wanted - sum.keep) return "; it is all that is not kept";
  if (name == "delete" && expected == sum.remove + sum.rewrite) return fmt::format("; {} counts the {} that are rewritten in place as deleted", expected, sum.rewrite);
  if (name == "delete" && expected > sum.remove) {
    return fmt::format("; {} go and {} are rewritten in place, and no sum of these is {}", sum.remove, sum.rewrite, expected);
  }
  return "";
}

}  // namespace

Plan make_plan(const Audit& audit, const MatrixSpec& spec) {
  Plan plan{.summary = audit.summary, .edits = {}};
  std::vector<Edit> last;
  for (const AuditedRecipe& recipe : audit.recipes) {
    if (recipe.verdict == Verdict::keep || recipe.verdict == Verdict::outside) continue;
    (recipe.verdict == Verdict::remove ? last : plan.edits).push_back(edit_for(audit, spec, recipe));
  }
  for (const std::string& name : audit.missing) {
    const Variant& variant = audit.variant(name);
    plan.edits.push_back({.kind = Verdict::create, .file = variant.file(), .from = {}, .reason = "wanted and not there", .old_content = {}, .new_content = render(spec, variant)});
  }
  plan.edits.insert(plan.edits.end(), std::make_move_iterator(last.begin()), std::make_move_iterator(last.end()));
  return plan;
}

std::vector<std::string> compare_totals(const AuditSummary& summary, const std::vector<std::string>& expected) {
  const auto totals = totals_of(summary);
  std::vector<std::string> off;
  for (const std::string& word : expected) {
    const std::size_t equals = word.find('=');
    const auto total = std::ranges::find(totals, std::string_view(word).substr(0, equals), &Total::name);
    std::size_t count = 0;
    const char* begin = word.data() + std::min(word.size(), equals + 1);
    const auto parsed = std::from_chars(begin, word.data() + word.size(), count);
    if (equals == std::string::npos || total == totals.end() || parsed.ec != std::errc() || parsed.ptr != word.data() + word.size()) {
      throw Error({.what = fmt::format("\"{}\" is no total", word), .where = {}, .next = "written as in create=43; totals: keep, rewrite, rename, create, delete, wanted"});
    }
    if (total->count != count) off.push_back(fmt::format("{}: {} expected, {} it is{}", total->name, count, total->count, explain(summary, total->name, count)));
  }
  return off;
}

}  // namespace lathe

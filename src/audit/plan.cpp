// SPDX-License-Identifier: MIT
#include "audit/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/parallel.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "os/file.h"
#include "recipe/extra_files.h"
#include "recipe/render.h"

namespace lathe {
namespace {

// What a link points to is not the folder's, and nobody reads a difference of 50 MB: such files are moved
// away as they are.
std::string old_content(const Audit& audit, const std::string& file) {
  constexpr std::uint64_t longest = std::uint64_t{1} << 20;
  try {
    const std::filesystem::path path = audit.folder / file;
    return std::filesystem::is_symlink(path) ? "" : read_file(path, longest);
  } catch (const Error&) {
    return "";
  }
}

Edit edit_for(const Audit& audit, const AuditedRecipe& recipe) {
  Edit edit{.kind = recipe.verdict,
            .file = recipe.file,
            .from = {},
            .reason = recipe.reason,
            .old_content = {},
            .new_content = {}};
  if (recipe.verdict == Verdict::rename) {
    edit.from = recipe.file;
    edit.file = audit.variant(recipe.variant).file();
  }
  return edit;
}

// `recipe`: nullptr for one that is to be created.
void read_contents(Edit& edit, const Audit& audit, const MatrixSpec& spec, const AuditedRecipe* recipe,
                   const std::string& variant) {
  if (recipe) edit.old_content = old_content(audit, recipe->file);
  if (variant.empty()) return;
  const Variant& wanted = audit.variant(variant);
  // A package that is named for its old file would be found again: then it is written anew under the new
  // name.
  const bool same = edit.kind == Verdict::rename && recipe->recorded->package &&
                    recipe->recorded->package->pname == wanted.pname;
  edit.new_content = same ? edit.old_content : render(spec, wanted);
}

// What recipes need beside them, where it is not there or is otherwise. What is not a file is for apply to
// refuse.
std::vector<Edit> edits_beside(const Audit& audit, const MatrixSpec& spec) {
  std::vector<Edit> edits;
  const auto add = [&](SharedRecipe file, std::string_view reason) {
    const std::filesystem::path path = audit.folder / file.file;
    std::error_code error;
    const auto kind = std::filesystem::symlink_status(path, error).type();
    std::string old = kind == std::filesystem::file_type::regular ? read_file(path) : "";
    if (kind == std::filesystem::file_type::regular && old == file.text) return;
    edits.push_back(
        {.kind = kind == std::filesystem::file_type::not_found ? Verdict::create : Verdict::rewrite,
         .file = std::move(file.file),
         .from = {},
         .reason = std::string(reason),
         .old_content = std::move(old),
         .new_content = std::move(file.text)});
  };
  for (SharedRecipe& file : render_shared(spec))
    add(std::move(file), "the recipes take CUDA's packages from it");
  for (SharedRecipe& file : read_extra_files(spec)) add(std::move(file), "[extra] names it");
  return edits;
}

struct Total {
  std::string_view name;
  std::size_t count;
};

std::vector<Total> totals_of(const AuditSummary& sum) {
  return {{"keep", sum.keep},     {"rewrite", sum.rewrite}, {"rename", sum.rename},
          {"create", sum.create}, {"delete", sum.remove},   {"wanted", sum.wanted}};
}

std::string explain(const AuditSummary& sum, std::string_view name, std::size_t expected) {
  if (name == "create" && expected == sum.create + sum.rewrite)
    return fmt::format("; {} counts the {} that are rewritten in place as new", expected, sum.rewrite);
  if (name == "create" && expected == sum.wanted - sum.keep) return "; it is all that is not kept";
  if (name == "delete" && expected == sum.remove + sum.rewrite)
    return fmt::format("; {} counts the {} that are rewritten in place as deleted", expected, sum.rewrite);
  if (name == "delete" && expected > sum.remove) {
    return fmt::format("; {} go and {} are rewritten in place, and no sum of these is {}", sum.remove,
                       sum.rewrite, expected);
  }
  return "";
}

}  // namespace

Plan make_plan(const Audit& audit, const MatrixSpec& spec, Contents contents) {
  struct Source {
    const AuditedRecipe* recipe;
    std::string variant;
  };
  Plan plan{.summary = audit.summary, .edits = edits_beside(audit, spec)};
  plan.beside = plan.edits.size();
  std::vector<Source> sources;  // of the edits of recipes
  const auto add = [&](bool removals) {
    for (const AuditedRecipe& recipe : audit.recipes) {
      if (recipe.verdict == Verdict::keep || recipe.verdict == Verdict::outside ||
          (recipe.verdict == Verdict::remove) != removals)
        continue;
      plan.edits.push_back(edit_for(audit, recipe));
      sources.push_back({&recipe, recipe.variant});
    }
  };
  add(false);
  for (const std::string& name : audit.missing) {
    plan.edits.push_back({.kind = Verdict::create,
                          .file = audit.variant(name).file(),
                          .from = {},
                          .reason = "wanted but missing",
                          .old_content = {},
                          .new_content = {}});
    sources.push_back({nullptr, name});
  }
  add(true);
  if (contents == Contents::left_out) return plan;
  parallel_for_all(sources.size(), [&](std::size_t i) {
    read_contents(plan.edits[plan.beside + i], audit, spec, sources[i].recipe, sources[i].variant);
  });
  return plan;
}

std::vector<std::string> compare_totals(const AuditSummary& summary,
                                        const std::vector<std::string>& expected) {
  const auto totals = totals_of(summary);
  std::vector<std::string> off;
  for (const std::string& word : expected) {
    const std::size_t equals = word.find('=');
    const auto total = std::ranges::find(totals, std::string_view(word).substr(0, equals), &Total::name);
    std::size_t count = 0;
    const char* begin = word.data() + std::min(word.size(), equals + 1);
    const auto parsed = std::from_chars(begin, word.data() + word.size(), count);
    if (equals == std::string::npos || total == totals.end() || parsed.ec != std::errc() ||
        parsed.ptr != word.data() + word.size()) {
      throw Error({.what = fmt::format("\"{}\" is not a total", word),
                   .where = {},
                   .next = "written as in create=43; totals: keep, rewrite, rename, create, delete, wanted"});
    }
    if (total->count != count)
      off.push_back(fmt::format("{}: expected {}, found {}{}", total->name, count, total->count,
                                explain(summary, total->name, count)));
  }
  return off;
}

}  // namespace lathe

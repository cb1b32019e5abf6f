// SPDX-License-Identifier: MIT
#include "recipe/write.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "matrix/variant.h"
#include "os/file.h"
#include "recipe/extra_files.h"
#include "recipe/render.h"

namespace lathe {

std::string_view to_string(Written::Action action) {
  switch (action) {
    case Written::Action::created: return "created";
    case Written::Action::replaced: return "replaced";
    case Written::Action::unchanged: return "unchanged";
  }
  return "";
}

namespace {

namespace fs = std::filesystem;

struct Planned {
  Written written;
  std::string text;
  std::string in_the_way;  // why this file may not be written over; "" when it may
  bool never = false;      // a link, a device, a folder: not with --force either
};

Planned plan_file(const std::string& file, std::string text, const fs::path& folder) {
  Planned planned{.written = {.file = file}, .text = std::move(text), .in_the_way = {}};
  const fs::path path = folder / file;
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (!fs::exists(status)) return planned;
  if (!fs::is_regular_file(status)) {
    planned.in_the_way = fs::is_symlink(status) ? "is a symbolic link" : "is not a regular file";
    planned.never = true;
    return planned;
  }
  const std::string old = read_file(path);
  if (old == planned.text) {
    planned.written.action = Written::Action::unchanged;
    return planned;
  }
  planned.written.action = Written::Action::replaced;
  const Authorship authorship = authorship_of(old);
  if (authorship == Authorship::edited) planned.in_the_way = "was changed by hand since it was generated";
  if (authorship == Authorship::foreign) planned.in_the_way = "was not written by torchlathe";
  return planned;
}

[[noreturn]] void refuse(const std::vector<Planned>& plans, const fs::path& folder, bool never) {
  std::string names;
  std::size_t count = 0;
  for (const Planned& planned : plans) {
    if (planned.in_the_way.empty()) continue;
    if (++count <= 5) names += fmt::format("{} {}\n  ", planned.written.file, planned.in_the_way);
  }
  if (count > 5) names += fmt::format("and {} more\n  ", count - 5);
  throw Error(
      {.what = fmt::format("{} file{} in the way; nothing was written", count, count == 1 ? " is" : "s are"),
       .where = {.file = folder.string()},
       .next = names + (never ? "choose another folder with --output, or move away what is not a file"
                              : "choose another folder with --output, or use --force to overwrite them")});
}

std::vector<Written> carry_out(const std::vector<Planned>& plans, const fs::path& folder,
                               const WriteOptions& options,
                               const std::function<void(std::size_t)>& progress) {
  const bool blocked =
      std::ranges::any_of(plans, [](const Planned& planned) { return !planned.in_the_way.empty(); });
  const bool never = std::ranges::any_of(plans, &Planned::never);
  if (never || (blocked && !options.force)) refuse(plans, folder, never);
  if (!options.dry_run) create_folders(folder);
  std::vector<Written> all;
  for (const Planned& planned : plans) all.push_back(planned.written);
  std::atomic<std::size_t> done = 0;
  const std::thread::id caller = std::this_thread::get_id();
  parallel_for_all(plans.size(), [&](std::size_t i) {
    if (!options.dry_run && plans[i].written.action != Written::Action::unchanged) {
      create_folders((folder / plans[i].written.file).parent_path());
      write_file_atomically(folder / plans[i].written.file, plans[i].text);
    }
    const std::size_t count = ++done;
    if (progress && std::this_thread::get_id() == caller) progress(count);
  });
  return all;
}

}  // namespace

std::vector<Written> write_recipes(const MatrixSpec& spec, const std::vector<Variant>& variants,
                                   const fs::path& folder, const WriteOptions& options,
                                   const std::function<void(std::size_t)>& progress) {
  std::vector<Planned> plans(variants.size());
  parallel_for_all(variants.size(), [&](std::size_t i) {
    plans[i] = plan_file(variants[i].file(), render(spec, variants[i]), folder);
  });
  for (SharedRecipe& shared : render_shared(spec))
    plans.push_back(plan_file(shared.file, std::move(shared.text), folder));
  for (SharedRecipe& file : read_extra_files(spec))
    plans.push_back(plan_file(file.file, std::move(file.text), folder));
  return carry_out(plans, folder, options, progress);
}

std::vector<Written> write_recipes(const std::vector<SharedRecipe>& recipes, const fs::path& folder,
                                   const WriteOptions& options) {
  std::vector<Planned> plans;
  for (const SharedRecipe& recipe : recipes) plans.push_back(plan_file(recipe.file, recipe.text, folder));
  return carry_out(plans, folder, options, {});
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "carve/outcome.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "carve/carve.h"
#include "carve/plan/plan.h"

namespace lathe {
namespace {

bool holds_code(const CarvedFile& file) { return file.totals.images != 0 || file.embedded != 0; }

// It was to be changed, and nothing was written. What does not follow from the change (code for no target)
// stays among its notes.
void take_back(CarvedFile& file, const std::vector<CarveTarget>& targets) {
  if (file.outcome != Outcome::carved) return;
  file.outcome = holds_code(file) ? Outcome::left_alone : Outcome::no_device_code;
  file.new_size = file.old_size;
  file.new_held = file.old_held;
  file.images_packed = file.images_unpacked = 0;
  file.stripped = false;
  file.least_driver.reset();
  file.embedded_dropped = 0;
  file.untouched.clear();
  file.new_architectures.reset();
  CarveTotals& totals = file.totals;
  totals.images_kept = totals.images;
  totals.bytes_kept = totals.bytes_minimal = totals.bytes;
  totals.relocatable_kept = totals.relocatable;
  totals.untouched = totals.containers;
  Findings notes;
  for (Finding& note : file.notes.items()) {
    if (note.rule != "carve-embedded" && note.rule != "carve-relocatable") notes.add(std::move(note));
  }
  notes.add({.rule = "carve-left-alone",
             .severity = Severity::note,
             .where = {.file = file.path},
             .what = "no code for " + to_string(targets),
             .fix = ""});
  file.notes = std::move(notes);
}

void take_back_all(CarvedPackage& out, const std::vector<CarveTarget>& targets) {
  for (CarvedFile& file : out.files) take_back(file, targets);
  const auto others = std::erase_if(
      out.files, [](const CarvedFile& file) { return file.outcome == Outcome::no_device_code; });
  out.other_files += others;
  out.new_size = out.old_size;
}

bool something_fits(const CarvedPackage& out, const PackageItems& items) {
  return items.keeps_loose_code() || std::ranges::any_of(out.files, [](const CarvedFile& file) {
           return file.outcome != Outcome::left_alone && !file.serves_no_target && file.totals.images != 0;
         });
}

std::string what_is_held(const CarvedPackage& out, const CarvedFile* first) {
  return first ? fmt::format("{} holds {}", first->path, first->old_held)
               : fmt::format("its {} loose files of code are for {}", out.loose.files, out.loose.code);
}

}  // namespace

std::size_t CarvedPackage::count(Outcome outcome) const {
  return static_cast<std::size_t>(std::ranges::count(files, outcome, &CarvedFile::outcome));
}

std::uint64_t CarvedPackage::minimal_saves() const {
  std::uint64_t saves = 0;
  for (const CarvedFile& file : files) {
    if (file.outcome != Outcome::left_alone) saves += file.totals.bytes_kept - file.totals.bytes_minimal;
  }
  return saves;
}

int CarvedPackage::exit_code() const {
  const bool wrong =
      std::ranges::any_of(files, [](const CarvedFile& file) { return file.notes.exit_code() != 0; });
  return wrong || !not_read.empty() ? 1 : failures.exit_code();
}

void note_failure(CarvedPackage& out, const std::filesystem::path& path, const std::exception_ptr& failure) {
  std::string what = "failed", fix;
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    what = error.parts().what;
    fix = error.parts().next;
    out.fault |= error.parts().kind == ErrorKind::fault;
  } catch (const std::exception& error) {
    what = error.what();
    out.fault = true;
  }
  out.failures.add({.rule = "carve-failed",
                    .severity = Severity::error,
                    .where = {.file = path},
                    .what = what,
                    .fix = fix});
}

bool refuse_if_nothing_fits(CarvedPackage& out, const PackageItems& items, const CarveOptions& options,
                            std::string_view package, bool in_place) {
  if (something_fits(out, items)) return false;
  const auto found = std::ranges::find(out.files, true, &CarvedFile::serves_no_target);
  const CarvedFile* first = found != out.files.end() ? &*found : nullptr;
  // A package of loose code alone may lose all of it where that is asked for and the old one stays.
  const bool may_lose_all = out.loose.files == 0 || (options.minimal && !in_place);
  if (!first && may_lose_all) return false;
  const bool written = in_place && out.count(Outcome::carved) != 0;
  const std::string fix =
      first || in_place ? "carve a build that was made for this GPU too" : "--minimal drops all of it";
  out.failures.add({.rule = "carve-no-code",
                    .severity = Severity::error,
                    .where = {.file = std::string(package)},
                    .what = fmt::format("no library here holds code for {}; {}", to_string(options.targets),
                                        what_is_held(out, first)),
                    .fix = fix + (written ? "; no code was dropped" : "; nothing was written")});
  out.new_size += out.loose.bytes;
  out.loose = {};
  out.gone.clear();
  if (!in_place) take_back_all(out, options.targets);
  return true;
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "carve/carve.h"
#include "torchlathe/carve.h"

#include <fmt/ranges.h>

#include <filesystem>
#include <string>
#include <utility>

#include "carve/carve_package.h"
#include "library/convert.h"
#include "package/kinds.h"

namespace torchlathe {
namespace {

CarvedFile public_carved_file(const lathe::CarvedFile& file) {
  return {.path = file.path,
          .outcome = std::string(to_string(file.outcome)),
          .old_bytes = file.old_size,
          .new_bytes = file.new_size,
          .images = file.totals.images,
          .images_kept = file.totals.images_kept,
          .old_code = file.old_held,
          .new_code = file.new_held,
          .findings = public_findings(file.notes)};
}

lathe::CarveOptions inner_options(const CarveOptions& options) {
  if (options.gpus.empty())
    throw lathe::Error({.what = "for which GPU?", .where = {}, .next = "name one: 9.0"});
  return {.targets = lathe::parse_carve_targets(fmt::format("{}", fmt::join(options.gpus, ","))),
          .minimal = options.minimal,
          .keep_special = options.keep_special,
          .require_full = options.require_full,
          .strip_symbols = options.strip_symbols,
          .dry_run = options.dry_run};
}

void refuse_what_is_there(const std::filesystem::path& source, const std::filesystem::path& destination,
                          const CarveOptions& options) {
  if (options.dry_run || source == destination) return;
  if (!std::filesystem::exists(std::filesystem::symlink_status(destination))) return;
  throw lathe::Error({.what = "this is there already",
                      .where = {.file = destination.string()},
                      .next = "name a place where nothing is"});
}

Carved public_package(const lathe::CarvedPackage& carved, const std::filesystem::path& path) {
  Carved out{.files = {},
             .old_bytes = carved.old_size,
             .new_bytes = carved.new_size,
             .failures = public_findings(carved.failures),
             .path = path};
  for (const lathe::CarvedFile& file : carved.files) out.files.push_back(public_carved_file(file));
  return out;
}

}  // namespace

Carved carve(const std::filesystem::path& source, const std::filesystem::path& destination,
             const CarveOptions& options) {
  return guarded([&]() -> Carved {
    lathe::PathLook look(source);
    const lathe::PackageKind* kind = lathe::package_kind(look);
    if (kind && !kind->write) {
      throw lathe::Error({.what = fmt::format("a {} is only read", kind->name),
                          .where = {.file = source.string()},
                          .next = "unpack it, and carve the folder"});
    }
    if (!kind || !kind->named_by_content) refuse_what_is_there(source, destination, options);
    const std::filesystem::path written = options.dry_run ? "" : destination;
    if (kind) {
      const lathe::CarvedPackage carved =
          lathe::carve_package(*kind, *kind->open(std::move(look)), destination,
                               {.carve = inner_options(options),
                                .include_vendor = options.include_vendor,
                                .threads = options.threads,
                                .progress = options.progress});
      return public_package(carved, kind->named_by_content ? carved.path : written);
    }
    const lathe::CarvedFile file = lathe::carve_file(source, destination, inner_options(options));
    return {.files = {public_carved_file(file)},
            .old_bytes = file.old_size,
            .new_bytes = file.new_size,
            .failures = {},
            .path = written};
  });
}

}  // namespace torchlathe

// SPDX-License-Identifier: MIT
#include "verify/verify.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "verify/rules.h"

namespace lathe {

BuildPromise promise_of(const Variant& variant) {
  const Cell& cell = *variant.cell;
  return {.name = variant.name,
          .cuda = cell.cuda,
          .gpus = cell.gpus,
          .isa = cell.isa,
          .ptx = variant.is_gpu() && variant.settings->ptx,
          .for_every_cpu = variant.of_nixpkgs,
          .package = variant.package};
}

BuildPromise promise_of(const VariantName& name) {
  const Isa* isa = catalog().find_isa(name.isa);
  if (!isa) {
    throw Error({.what = fmt::format("{} names no instruction set of the catalogue", name.text()),
                 .where = {},
                 .next = "torchlathe catalog isas has them all"});
  }
  return {.name = name.text(),
          .cuda = name.cuda,
          .gpus = name.gpus,
          .isa = isa,
          .ptx = false,
          .package = name.package};
}

std::size_t Verification::count(Severity severity) const {
  return static_cast<std::size_t>(std::ranges::count(breaches, severity, &Breach::severity));
}

Verification verify(const BuildPromise& promise, const Inspection& inspection) {
  Verification result{.promise = promise, .breaches = {}, .cpu_scanned = false};
  result.cpu_scanned =
      std::ranges::any_of(inspection.files, [](const FileInspection& file) { return file.cpu.has_value(); });
  check_read(inspection, result.breaches);
  check_files(promise, inspection, result.breaches);
  check_gpus(promise, inspection, result.breaches);
  check_profiler(promise, inspection, result.breaches);
  if (result.cpu_scanned) check_isa(promise, inspection, result.breaches);
  std::ranges::stable_sort(result.breaches, {}, &Breach::severity);
  return result;
}

}  // namespace lathe

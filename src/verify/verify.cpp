// SPDX-License-Identifier: MIT
#include "verify/verify.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "hardware/catalog.h"
#include "inspect/needed_driver.h"
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

Verification verify(const BuildPromise& promise, const Inspection& inspection, const DropAdvice& advice) {
  Verification result{.promise = promise, .findings = {}, .cpu_scanned = false};
  result.cpu_scanned =
      std::ranges::any_of(inspection.files, [](const FileInspection& file) { return file.cpu.has_value(); });
  check_read(inspection, result.findings);
  check_files(promise, inspection, result.findings);
  check_gpus(promise, inspection, advice, result.findings);
  check_profiler(promise, inspection, result.findings);
  result.least_driver = needed_driver(inspection);
  check_driver(promise, inspection, result.findings);
  if (result.cpu_scanned) check_isa(promise, inspection, result.findings);
  for (Finding& finding : result.findings.items()) {
    if (!finding.evidence.empty()) finding.where = finding.evidence.front().where;
  }
  std::ranges::stable_sort(result.findings.items(), {}, &Finding::severity);
  return result;
}

}  // namespace lathe

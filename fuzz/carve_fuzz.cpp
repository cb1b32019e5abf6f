// SPDX-License-Identifier: MIT
// Plan, layout, rewrite and check of one file, whatever it is: what is written passes its check, can be read again without
// a complaint, and a second carve finds nothing more to drop.
//
//   first byte: which GPUs (low 3 bits), --minimal (8), --strip-symbols (16) | the ELF file
#include <array>
#include <cstdlib>
#include <iostream>

#include "base/error.h"
#include "carve/check.h"
#include "carve/layout.h"
#include "carve/plan.h"
#include "carve/references.h"
#include "carve/rewrite.h"

namespace {

using namespace lathe;

constexpr std::array<std::string_view, 8> gpus = {"9.0", "8.0", "7.5,12.0", "8.6,9.0+PTX", "12.1", "10.3", "9.0+PTX", "5.0"};

struct Read {
  Elf elf;
  Fatbins fatbins;
  std::vector<std::size_t> referenced;
};

Read read(ByteSpan file) {
  Elf elf = Elf::parse(file, "fuzz");
  if (!elf.findings().empty()) throw Error({.what = "damaged"});
  Fatbins fatbins = read_fatbins(elf);
  auto referenced = containers_referenced_elsewhere(elf, fatbins);
  return {std::move(elf), std::move(fatbins), std::move(referenced)};
}

[[noreturn]] void fail(std::string_view what) {
  std::cerr << what << '\n';
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const PlanOptions how{.targets = parse_carve_targets(gpus[data[0] & 7]), .minimal = (data[0] & 8) != 0};
  const LayoutOptions layout_options{.strip_symbols = (data[0] & 16) != 0};
  std::string written;
  try {
    const Read old = read(std::as_bytes(std::span(data + 1, size - 1)));
    const CarvePlan plan = plan_carve(old.fatbins, old.referenced, how);
    if (!plan.drops_something() && !layout_options.strip_symbols) return 0;
    const FileLayout layout = lay_out(old.elf, old.fatbins, plan, layout_options);
    written = rewrite_in_memory(old.elf.bytes(), layout);
    const Elf carved = Elf::parse(as_byte_span(written), "carved");
    const Findings wrong = check_carved(old.elf, old.fatbins, carved,
                                        {.targets = how.targets, .referenced = old.referenced, .meant = {},
                                         .strip_symbols = layout_options.strip_symbols});
    if (!wrong.empty()) fail(wrong[0].what);
  } catch (const Error&) {
    return 0;
  }
  try {
    const Read again = read(as_byte_span(written));
    if (plan_carve(again.fatbins, again.referenced, how).drops_something()) fail("a second carve drops more");
  } catch (const Error& error) {
    fail(error.text());
  }
  return 0;
}

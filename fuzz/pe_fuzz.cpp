// SPDX-License-Identifier: MIT
// Whatever bytes come in as a PE file: all that can be asked of it is asked, of its device code and functions
// too.
#include <cstdint>
#include <span>

#include "base/error.h"
#include "base/finding.h"
#include "cpu/cpu_scan.h"
#include "device/contents.h"
#include "formats/object_file.h"
#include "formats/pe.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lathe::ByteSpan bytes = std::as_bytes(std::span(data, size));
  try {
    const lathe::Pe file = lathe::Pe::parse(bytes, "fuzz.dll");
    std::uint64_t sum = file.soname().size() + file.build_id().size() + file.thread_callbacks().size();
    file.for_each_export([&](const lathe::PeExport& exported) { sum += exported.name.size(); });
    file.for_each_import([&](const lathe::PeImport& import) { sum += import.name.size(); });
    file.for_each_pointer(0, ~std::uint64_t{0},
                          [&](const lathe::ObjectPointer& pointer) { sum += *pointer.target; });
    sum += file.own_ranges().size() + file.address_of(sum).value_or(0) + file.exported_names().size();
    lathe::read_device_code(file);
    lathe::Findings findings;
    lathe::cpu_code_of(file, findings);
  } catch (const lathe::Error&) {
  }
  return 0;
}

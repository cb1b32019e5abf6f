// SPDX-License-Identifier: MIT
// Whatever bytes come as an ELF file: the CPU scan ends, and each instruction beyond the baseline that
// decides is counted in exactly one class.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "cpu/cpu_scan.h"
#include "formats/elf.h"

namespace {

void check(const lathe::CpuScan& scan) {
  std::size_t functions = 0;
  for (const std::size_t count : scan.functions_by_reach) functions += count;
  for (std::size_t e = 0; e < lathe::extension_count; ++e) {
    std::size_t placed = 0;
    for (const auto& counts : scan.by_reach) placed += counts[e];
    if (placed > scan.extensions[e]) std::abort();
    if (scan.extensions[e] > 0 && functions == 0 && lathe::decides(static_cast<lathe::Extension>(e)))
      std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lathe::ByteSpan bytes(reinterpret_cast<const std::byte*>(data), size);
  if (!lathe::Elf::looks_like(bytes)) return 0;
  try {
    const lathe::Elf elf = lathe::Elf::parse(bytes, "input");
    lathe::Findings findings;
    if (const auto code = lathe::cpu_code_of(elf, findings)) check(lathe::scan_cpu(*code, {.threads = 1}));
  } catch (const lathe::Error&) {
    // Damage that makes the file no ELF file at all.
  }
  return 0;
}

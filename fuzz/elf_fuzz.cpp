// SPDX-License-Identifier: MIT
// Whatever bytes come in as an ELF file or an archive of them: all that can be asked of it is asked.
#include <cstdint>
#include <span>

#include "base/error.h"
#include "formats/archive.h"
#include "device/cubin.h"
#include "formats/elf.h"

namespace {

void read_all(lathe::ByteSpan bytes) {
  const lathe::Elf elf = lathe::Elf::parse(bytes, "fuzz.so");
  std::uint64_t sum = 0;
  for (const auto table : {lathe::ElfSymbols::full, lathe::ElfSymbols::dynamic}) {
    elf.for_each_symbol(table,
                        [&](std::uint32_t, const lathe::ElfSymbol& symbol) { sum += symbol.name.size(); });
  }
  elf.for_each_relocation([&](const lathe::ElfRelocation& relocation) { sum += relocation.place; });
  if (elf.sections().size() < 100) {
    for (const lathe::ElfSection& section : elf.sections()) {
      elf.for_each_relocation_of(section,
                                 [&](const lathe::ElfRelocation& relocation) { sum += relocation.place; });
    }
  }
  elf.for_each_note([&](const lathe::ElfNote& note) { sum += note.content.size(); });
  sum += elf.constructors().size() + elf.soname().size() + elf.build_id().size();
  sum += elf.address_of(sum).value_or(0);
}

template <typename Work>
void may_fail(const Work& work) {
  try {
    work();
  } catch (const lathe::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lathe::ByteSpan bytes = std::as_bytes(std::span(data, size));
  may_fail([&] { read_all(bytes); });
  may_fail([&] { lathe::read_cubin(bytes); });
  may_fail([&] { lathe::read_ptx(lathe::as_text(bytes)); });
  if (lathe::looks_like_archive(bytes)) {
    may_fail([&] {
      lathe::Findings findings;
      for (const auto& member : lathe::read_archive(bytes, "fuzz.a", findings))
        may_fail([&] { read_all(member.content); });
    });
  }
  return 0;
}

// SPDX-License-Identifier: MIT
// Whatever bytes come in as a library with device code, or as a bare fat binary: inspected whole. What is read keeps its
// promises: containers and images lie in the file, in order, without overlap; the byte shares add up.
#include <cstdint>
#include <cstdlib>
#include <numeric>

#include "base/error.h"
#include "binary/inspect.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const lathe::Fatbins& fatbins, std::uint64_t size) {
  std::uint64_t end = 0;
  for (const lathe::FatbinContainer& container : fatbins.containers) {
    require(container.offset >= end && container.end() <= size);
    end = container.end();
    std::uint64_t at = container.offset + container.header_size;
    for (const lathe::FatbinEntry& entry : container.entries) {
      require(entry.offset == at && entry.end() <= end && entry.stored_size <= entry.payload_size);
      at = entry.end();
    }
    if (container.wrapper) require(*container.wrapper < fatbins.wrappers.size());
  }
  for (const lathe::FatbinWrapper& wrapper : fatbins.wrappers) {
    require(wrapper.offset + 24 <= size);
    if (wrapper.container) require(*wrapper.container < fatbins.containers.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lathe::ByteSpan bytes = std::as_bytes(std::span(data, size));
  try {
    if (lathe::Elf::looks_like(bytes)) {
      const lathe::Elf elf = lathe::Elf::parse(bytes, "fuzz.so");
      check(lathe::read_fatbins(elf), size);
    } else if (lathe::looks_like_fatbin(bytes)) {
      check(lathe::read_bare_fatbin(bytes, "fuzz.fatbin"), size);
    }
    if (const auto file = lathe::inspect_bytes(bytes, "fuzz"); file && file->format != "archive") {
      const auto& shares = file->shares.bytes;
      require(std::accumulate(shares.begin(), shares.end(), std::uint64_t{0}) == size);
    }
  } catch (const lathe::Error&) {
  }
  return 0;
}

// SPDX-License-Identifier: MIT
// Device code that a file keeps as plain data: whole fat binary containers, cubins and PTX texts for which
// no wrapper exists, because the library hands them to the driver by itself (cuLibraryLoadData). cuFFT is 90
// % of this. Found by their first bytes in all that the file loads, and believed only when their whole
// structure holds. Does not know which of them the library uses where: that is decided at run time.
#pragma once

#include <string>
#include <vector>

#include "device/fatbin.h"

namespace lathe {

// A cubin or a PTX text outside of any container.
struct EmbeddedImage {
  std::uint64_t offset = 0;  // from the start of the file
  std::uint64_t size = 0;
  CodeKind kind = CodeKind::cubin;
  Capability capability = {};
};

struct EmbeddedPlace {
  std::string section = {};  // ".ldata"; "" in a file without section headers
  std::uint64_t bytes = 0;   // of the device code in it
};

struct EmbeddedCode {
  std::vector<FatbinContainer> containers = {};  // by offset; none of them empty or damaged
  std::vector<EmbeddedImage> images = {};        // by offset
  std::vector<EmbeddedPlace> places = {};        // in the order of the file
  Findings findings = {};

  bool empty() const { return containers.empty() && images.empty(); }
  std::size_t count() const { return containers.size() + images.size(); }
  std::uint64_t bytes() const;
};

// Looks through every loaded section (without section headers: every loaded segment) but for
// `fatbins.regions`, which hold what the driver finds by itself. `disk` as in read_fatbins(). Reads each
// byte once, with `threads` threads (0: all cores).
EmbeddedCode find_embedded(const Elf& elf, const Fatbins& fatbins, const MappedFile* disk = nullptr,
                           unsigned threads = 0);

}  // namespace lathe

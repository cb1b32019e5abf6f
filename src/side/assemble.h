// SPDX-License-Identifier: MIT
// Inside of side only. Plays recipes: the bytes of a file or of a wheel, in order or in several places at
// once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "side/manifest.h"
#include "side/side_file.h"
#include "side/store.h"

namespace lathe {

// Steps of the slim file and the store, in order. The sink gets pieces that are valid during the call.
void assemble(const Recipe& recipe, ByteSpan slim, const StoreReader& store,
              const std::function<void(ByteSpan)>& sink);

// Into the file `descriptor`, from its start. Error, which names `shown`, when what comes out has another
// hash than the manifest's.
void assemble_file(const SideContent& side, const SideFile& file, ByteSpan slim, int descriptor,
                   const std::string& shown);

// The same of a wheel, its members on all cores. `scratch`: an empty folder for what is unpacked.
struct WheelAssembly {
  const SideContent& side;
  ByteSpan slim;
  std::string slim_name;
  std::filesystem::path scratch;
  unsigned threads = 0;
  std::function<void(std::uint64_t bytes)> progress = {};  // put so far; one call at a time
};
void assemble_wheel(const WheelAssembly& how, int descriptor, const std::string& shown);

// Bytes at a place of an open file.
void write_at(int descriptor, std::uint64_t at, ByteSpan bytes, const std::string& name);

}  // namespace lathe

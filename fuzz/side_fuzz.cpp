// SPDX-License-Identifier: MIT
// A side file from a stranger: the bytes as they are; or, so that its sums do not end every try at once, a
// manifest and a store that are put into a sound one. Whatever comes out has the size that was told.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "formats/streams/decompress.h"
#include "side/assemble.h"
#include "side/side_file.h"

namespace {

// What write_side_end makes, around one frame that is left unpacked.
std::string sound_file(std::string_view manifest, std::string_view store) {
  const std::string packed = lathe::compress_zstd(lathe::as_byte_span(manifest), 1);
  const auto number = lathe::encode_number;
  std::string file = "\x89latside" + number(1, 4) + number(lathe::store_frame, 4);
  file += store;
  const std::uint64_t table = file.size(), frames = store.empty() ? 0 : 1;
  std::string end = store.empty() ? "" : number(store.size(), 4);
  end += packed + number(table, 8) + number(frames, 8) + number(store.size(), 8) +
         number(table + frames * 4, 8) + number(packed.size(), 8) + number(manifest.size(), 8);
  const lathe::Sha256 sum = lathe::sha256(lathe::as_byte_span(end));
  return file + end + std::string(reinterpret_cast<const char*>(sum.data()), sum.size()) + "edistal\n";
}

void play_all(std::string_view file) {
  constexpr std::uint64_t enough = 1 << 20;
  const std::string slim(4096, 's');
  const lathe::SideContent side(lathe::as_byte_span(file), "fuzz");
  for (const lathe::SideFile& one : side.manifest().files) {
    if (one.path.starts_with("/") || ("/" + one.path + "/").find("/../") != std::string::npos) std::abort();
    if (one.size > enough || one.slim_size > slim.size()) continue;
    const lathe::Recipe recipe = side.recipe(one);
    std::uint64_t made = 0;
    lathe::assemble(recipe, lathe::as_byte_span(slim), side.store(),
                    [&](lathe::ByteSpan bytes) { made += bytes.size(); });
    if (made != one.size) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t manifest_end = text.find('\0');
  try {
    if (text.starts_with('\x89') || manifest_end == std::string_view::npos) play_all(text);
    else play_all(sound_file(text.substr(0, manifest_end), text.substr(manifest_end + 1)));
  } catch (const lathe::Error&) {
  }
  return 0;
}

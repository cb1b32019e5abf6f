// SPDX-License-Identifier: MIT
// A Nix archive of any bytes: read whole and in pieces it is the same, every byte of it is told, and written
// again with one file changed, one removed and one added it is an archive of just that.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "formats/nar.h"
#include "os/temporary_folder.h"
#include "package/images/layer.h"
#include "package/images/repack.h"

namespace {

struct Told final : lathe::TarReader::Sink {
  std::string all;
  std::vector<std::string> entries;

  void entry(const lathe::TarEntry& entry, std::string_view headers) override {
    all += headers;
    entries.push_back(entry.path + "|" + entry.link + "|" + entry.type + std::to_string(entry.size));
  }
  void content(lathe::ByteSpan piece) override { all += lathe::as_text(piece); }
  void end_of_entry(std::string_view end) override { all += end; }
  void trailer(lathe::ByteSpan) override { std::abort(); }
};

// What was told; nothing when it is refused.
std::vector<std::string> read(std::string_view bytes, std::size_t piece) {
  Told sink;
  lathe::NarReader reader(sink);
  try {
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      reader.feed(lathe::as_byte_span(bytes.substr(at, piece)));
    reader.finish();
  } catch (const lathe::Error&) {
    return {};
  }
  if (sink.all != bytes) std::abort();
  return sink.entries;
}

// The first file gets another content, the second goes, and one comes.
void write_again(const lathe::Layer& layer, std::vector<std::string> entries) {
  lathe::LayerChanges changes;
  std::vector<std::string> expected;
  const std::string added = "m";
  for (std::size_t i = 0; i < layer.entries().size(); ++i) {
    const lathe::LayerEntry& one = layer.entries()[i];
    if (one.path == added) return;
    const bool changes_it =
        one.kind == lathe::LayerEntry::Kind::file && !one.path.empty() && changes.size() < 2;
    if (!changes_it) {
      expected.push_back(entries[i]);
    } else if (changes.empty()) {
      changes[i] = {.how = lathe::EntryChange::How::text, .text = "new"};
      expected.push_back(one.path + "||03");
    } else {
      changes[i] = {};
    }
  }
  const bool is_folder = layer.entries()[0].kind == lathe::LayerEntry::Kind::folder;
  std::string out;
  const lathe::RepackOptions how{.threads = 1, .added = {{added, "one more"}}};
  lathe::repack_layer(layer, changes, how, [&](std::string_view piece) { out += piece; });
  std::vector<std::string> told = read(out, out.size());
  if (is_folder) expected.push_back(added + "||08");
  std::sort(told.begin(), told.end());
  std::sort(expected.begin(), expected.end());
  if (told != expected) std::abort();
}

void as_archive(std::string_view bytes, const std::vector<std::string>& entries) {
  static const lathe::TemporaryFolder folder;
  const lathe::ByteSpan span = lathe::as_byte_span(bytes);
  try {
    const lathe::Layer layer(span, "fuzz", "", "", folder.path(), 0, lathe::LayerUse::archive);
    if (layer.form() == lathe::LayerForm::nar && layer.packing() == lathe::LayerPacking::plain)
      write_again(layer, entries);
  } catch (const lathe::Error&) {
    if (!entries.empty()) std::abort();
  }
  std::filesystem::remove(folder.path() / "0");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = lathe::as_text(std::as_bytes(std::span(data, size)));
  const std::vector<std::string> whole = read(bytes, bytes.size() + 1);
  if (read(bytes, 1) != whole || read(bytes, 24) != whole) std::abort();
  if (lathe::looks_like_nar(lathe::as_byte_span(bytes))) as_archive(bytes, whole);
  return 0;
}

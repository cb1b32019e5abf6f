// SPDX-License-Identifier: MIT
// A tar archive of any bytes, which a layer is and an image may be: read whole and in pieces it is the same,
// every byte of it is told, and headers that say another size say nothing else.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "formats/tar.h"
#include "os/temporary_folder.h"
#include "package/images/files.h"
#include "package/images/layer.h"
#include "package/images/manifest.h"
#include "package/images/view.h"

namespace {

struct Together final : lathe::TarReader::Sink {
  std::string all, told;

  void entry(const lathe::TarEntry& entry, std::string_view headers) override {
    all += headers;
    told += entry.path + "|" + entry.link + "|" + entry.type + std::to_string(entry.size) + "\n";
    if (entry.type != 'g' && entry.size <= lathe::tar_block) expect_another_size(entry, headers);
  }
  void content(lathe::ByteSpan piece) override { all += lathe::as_text(piece); }
  void end_of_entry(std::string_view padding) override { all += padding; }
  void trailer(lathe::ByteSpan piece) override { all += lathe::as_text(piece); }

  static void expect_another_size(const lathe::TarEntry& entry, std::string_view headers) {
    struct One final : lathe::TarReader::Sink {
      lathe::TarEntry seen = {};
      void entry(const lathe::TarEntry& found, std::string_view) override { seen = found; }
      void content(lathe::ByteSpan) override {}
      void end_of_entry(std::string_view) override {}
      void trailer(lathe::ByteSpan) override {}
    } one;
    const std::string changed = lathe::tar_headers_with_size(headers, 12345);
    lathe::TarReader reader(one);
    reader.feed(lathe::as_byte_span(changed));
    const bool has_content = entry.type < '1' || entry.type > '6';
    if (one.seen.path != entry.path || one.seen.link != entry.link || one.seen.mode != entry.mode)
      std::abort();
    if (one.seen.size != (has_content ? 12345u : 0u)) std::abort();
  }
};

// What was told, or "" when it is refused.
std::string read(std::string_view bytes, std::size_t piece) {
  Together sink;
  lathe::TarReader reader(sink);
  try {
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      reader.feed(lathe::as_byte_span(bytes.substr(at, piece)));
    reader.finish();
  } catch (const lathe::Error&) {
    return "";
  }
  if (sink.all != bytes) std::abort();
  return sink.told;
}

void as_layer(std::string_view bytes) {
  static const lathe::TemporaryFolder folder;
  const lathe::ByteSpan span = lathe::as_byte_span(bytes);
  try {
    const lathe::Layer layer(span, "fuzz", "", lathe::to_hex(lathe::sha256(span)), folder.path(), 0);
    const lathe::ImageView view({&layer}, {0});
    for (const auto& [path, entry] : view.files()) {
      if (view.links().contains(entry)) continue;
      if (layer.part(entry.entry, 0, 100).size() > layer.entries()[entry.entry].size) std::abort();
    }
  } catch (const lathe::Error&) {
  }
  std::filesystem::remove(folder.path() / "0");
}

void as_image(std::string_view bytes) {
  const int file = ::memfd_create("image", 0);
  if (file < 0 || ::write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    std::abort();
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  try {
    const lathe::ImageFiles files(path);
    const lathe::ImageSet set = lathe::read_images(files, {.place = path}, "all");
    for (const lathe::Image& image : set.images) {
      const std::vector<lathe::NewLayer> layers(image.layers.size(), {.digest = "d", .diff_id = "i"});
      const std::string config = lathe::config_with(image, layers, {{"a", "b"}});
      lathe::manifest_with(image, set, layers, config, {{"a", "b"}});
    }
  } catch (const lathe::Error&) {
  }
  ::close(file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = lathe::as_text(std::as_bytes(std::span(data, size)));
  const std::string whole = read(bytes, bytes.size() + 1);
  if (read(bytes, 100) != whole || read(bytes, 512) != whole) std::abort();
  as_layer(bytes);
  as_image(bytes);
  return 0;
}

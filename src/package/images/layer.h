// SPDX-License-Identifier: MIT
// A layer of an image, or an archive by itself: what is in it, which is packed or not. It is gone through
// once; what somebody may want to read of it later is kept in a spool then: libraries and packages whole, of
// others the first bytes. All else can be had too, for the price of unpacking the layer once more.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"
#include "base/hash.h"
#include "formats/streams/unpack.h"
#include "formats/nar.h"
#include "formats/tar.h"
#include "os/mapped_file.h"

namespace lathe {

enum class LayerPacking : std::uint8_t { plain, gzip, zstd, xz, bzip2 };
std::string_view to_string(LayerPacking packing);

// Archives by themselves are packed in more ways than layers are, have no whiteouts, and may be Nix's.
enum class LayerUse : std::uint8_t { layer, archive };
enum class LayerForm : std::uint8_t { tar, nar };

// Tells the entries of either form, as they arrive, to a sink that outlives it.
class EntryReader {
 public:
  EntryReader(LayerForm form, TarReader::Sink& sink);

  void feed(ByteSpan piece) {
    std::visit([&](auto& reader) { reader.feed(piece); }, reader_);
  }
  void finish() {
    std::visit([](auto& reader) { reader.finish(); }, reader_);
  }

 private:
  std::variant<TarReader, NarReader> reader_;
};

struct ArchiveShape {
  LayerPacking packing = LayerPacking::plain;
  LayerForm form = LayerForm::tar;
};
// Of an archive by itself, by its first bytes and what they unpack to. nullopt: it is none.
std::optional<ArchiveShape> archive_shape(ByteSpan stored);
// Of a layer, by its first bytes. Error when it is neither a tar archive nor one that is packed.
LayerPacking packing_of(ByteSpan stored, std::string_view name);
// All of it, until the sink has enough. Error when it is damaged or cut short.
void unpack_layer(ByteSpan stored, LayerPacking packing, const UnpackSink& sink);

struct LayerEntry {
  enum class Kind : std::uint8_t { file, hard_link, folder, whiteout, opaque, other };
  enum class Kept : std::uint8_t { in_pack, by_itself, in_place };

  std::string path = {};  // inside of the image; of a whiteout what it hides
  std::string link = {};  // of a hard link: the path of its file
  std::uint64_t size = 0;
  std::uint64_t content_at = 0;  // in the unpacked layer
  std::uint64_t kept_at = 0, kept_size = 0;
  std::uint32_t mode = 0;
  Kind kind = Kind::other;
  Kept kept = Kept::in_pack;
  bool sparse = false;
};

// Its const functions may be called from several threads at once.
class Layer {
 public:
  // Goes through it. `stored` and `spool` (a folder) outlive it; `number` makes names in the spool. Error
  // when it is damaged or is not what `digest` and `diff_id` (where they are not empty) say.
  Layer(ByteSpan stored, std::string name, const std::string& digest, const std::string& diff_id,
        std::filesystem::path spool, std::size_t number, LayerUse use = LayerUse::layer);

  const std::string& name() const { return name_; }
  LayerPacking packing() const { return packing_; }
  LayerForm form() const { return form_; }
  ByteSpan stored() const { return stored_; }
  const std::string& digest() const { return digest_; }  // of the stored form
  std::uint64_t unpacked_size() const { return unpacked_size_; }
  std::uint64_t spooled() const { return spooled_; }

  const std::vector<LayerEntry>& entries() const { return entries_; }  // in their order, one each
  const Findings& findings() const { return findings_; }               // names that lead out
  // Of files of `large_file` bytes and more.
  std::optional<Sha256> hash(std::size_t entry) const;
  static constexpr std::uint64_t large_file = 1 << 20;

  std::string part(std::size_t entry, std::uint64_t from, std::uint64_t count) const;
  void read(std::size_t entry, const UnpackSink& sink) const;
  std::optional<ByteSpan> in_place(std::size_t entry) const;
  std::filesystem::path own_file(std::size_t entry) const;  // "" where it is not kept as one

 private:
  class Scan;

  std::filesystem::path spool_file(std::size_t entry) const;
  std::filesystem::path pack_file() const;
  ByteSpan kept(const LayerEntry& entry) const;

  ByteSpan stored_;
  std::string name_, digest_;
  std::filesystem::path spool_;
  std::size_t number_ = 0;
  LayerUse use_ = LayerUse::layer;
  LayerPacking packing_ = LayerPacking::plain;
  LayerForm form_ = LayerForm::tar;
  std::uint64_t unpacked_size_ = 0, spooled_ = 0;
  std::vector<LayerEntry> entries_;
  std::map<std::size_t, Sha256> hashes_;
  std::optional<MappedFile> pack_;
  Findings findings_;
};

}  // namespace lathe

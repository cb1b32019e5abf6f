// SPDX-License-Identifier: MIT
#include "package/images/layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "formats/elf.h"
#include "formats/known_formats.h"
#include "formats/zip.h"
#include "package/images/paths.h"
#include "package/images/spool.h"

namespace lathe {
namespace {

constexpr std::uint64_t looked_at = 8 << 20;      // of what a look goes into
constexpr std::uint64_t largest_text = 64 << 20;  // a list of files
constexpr std::size_t most_entries = 16'000'000;
constexpr std::size_t most_hostile = 20;

constexpr std::string_view fat_binary = "\x50\xed\x55\xba";

bool is_list(std::string_view path) {
  // of a conda package what it says of itself
  if (path.starts_with("info/") && (path.ends_with(".json") || path == "info/files")) return true;
  for (const std::string_view name : {"RECORD", "checksums.txt", "torchlathe-manifest.json"}) {
    if (path.ends_with(name) && (path.size() == name.size() || path[path.size() - name.size() - 1] == '/'))
      return true;
  }
  return false;
}

// How much of a file somebody may want.
std::uint64_t wanted_of(const LayerEntry& entry, std::string_view start) {
  const ByteSpan bytes = as_byte_span(start);
  if (Elf::looks_like(bytes) || looks_like_zip(bytes) || start.starts_with("!<arch>") ||
      start.starts_with(fat_binary))
    return entry.size;
  if (is_list(entry.path)) return std::min(entry.size, largest_text);
  const bool text = start.starts_with("#!") || start.starts_with("//") || start.starts_with(".version");
  if (known_format(bytes) != nullptr || text) return std::min(entry.size, looked_at);
  return std::min<std::uint64_t>(entry.size, look_size);
}

}  // namespace

std::string_view to_string(LayerPacking packing) {
  switch (packing) {
    case LayerPacking::plain: return "tar";
    case LayerPacking::gzip: return "gzip";
    case LayerPacking::zstd: return "zstd";
    case LayerPacking::xz: return "xz";
    case LayerPacking::bzip2: return "bzip2";
  }
  return "";
}

namespace {

std::optional<LayerPacking> packing_by_magic(std::string_view text) {
  const bool skippable =
      text.size() > 4 && (text[0] & '\xf0') == '\x50' && text.substr(1, 3) == "\x2a\x4d\x18";
  if (text.starts_with("\x1f\x8b")) return LayerPacking::gzip;
  if (text.starts_with("\x28\xb5\x2f\xfd") || skippable) return LayerPacking::zstd;
  if (text.starts_with(std::string_view("\xfd"
                                        "7zXZ\0",
                                        6)))
    return LayerPacking::xz;
  if (text.starts_with("BZh")) return LayerPacking::bzip2;
  return std::nullopt;
}

Unpacked unpack(ByteSpan stored, LayerPacking packing, const UnpackSink& sink) {
  switch (packing) {
    case LayerPacking::plain: break;
    case LayerPacking::gzip: return unpack_gzip(stored, sink);
    case LayerPacking::zstd: return unpack_zstd(stored, sink);
    case LayerPacking::xz: return unpack_xz(stored, sink);
    case LayerPacking::bzip2: return unpack_bzip2(stored, sink);
  }
  constexpr std::size_t piece = 1 << 20;
  while (!stored.empty()) {
    const ByteSpan part = stored.first(std::min(piece, stored.size()));
    if (!sink(part)) return Unpacked::stopped;
    stored = stored.subspan(part.size());
  }
  return Unpacked::whole;
}

}  // namespace

namespace {

std::optional<LayerForm> form_by_start(ByteSpan unpacked) {
  if (looks_like_nar(unpacked)) return LayerForm::nar;
  return looks_like_tar_header(unpacked) ? std::optional(LayerForm::tar) : std::nullopt;
}

}  // namespace

EntryReader::EntryReader(LayerForm form, TarReader::Sink& sink)
    : reader_(form == LayerForm::nar ? decltype(reader_)(std::in_place_type<NarReader>, sink)
                                     : decltype(reader_)(std::in_place_type<TarReader>, sink)) {}

std::optional<ArchiveShape> archive_shape(ByteSpan stored) {
  const auto packing = packing_by_magic(as_text(stored.first(std::min<std::size_t>(stored.size(), 8))));
  std::string start;
  try {
    unpack(stored, packing.value_or(LayerPacking::plain), [&](ByteSpan piece) {
      start += as_text(piece.first(std::min(piece.size(), tar_block - start.size())));
      return start.size() < tar_block;
    });
  } catch (const Error&) {
    return std::nullopt;  // damaged from its start on
  }
  const auto form = form_by_start(as_byte_span(start));
  if (!form) return std::nullopt;
  return ArchiveShape{.packing = packing.value_or(LayerPacking::plain), .form = *form};
}

LayerPacking packing_of(ByteSpan stored, std::string_view name) {
  const std::string_view text = as_text(stored);
  const auto packed = packing_by_magic(text);
  if (packed == LayerPacking::gzip || packed == LayerPacking::zstd) return *packed;
  const bool empty = text.find_first_not_of('\0') == std::string_view::npos;
  if (empty || looks_like_tar_header(stored)) return LayerPacking::plain;
  throw Error({.what = fmt::format("the layer {} is no tar archive, nor gzip or zstd", printable(name)),
               .next = "encrypted layers and those of other forms are not read"});
}

void unpack_layer(ByteSpan stored, LayerPacking packing, const UnpackSink& sink) {
  if (unpack(stored, packing, sink) == Unpacked::cut)
    throw Error({.what = "the packed archive is cut short", .next = "it is damaged: copy it again"});
}

class Layer::Scan final : public TarReader::Sink {
 public:
  explicit Scan(Layer& layer) : layer_(layer), pack_(layer.pack_file()) {}

  void entry(const TarEntry& found, std::string_view) override {
    if (layer_.entries_.size() == most_entries) fail("too many entries");
    LayerEntry& entry = layer_.entries_.emplace_back();
    entry.size = found.size;
    entry.mode = found.mode;
    entry.content_at = found.content_at;
    entry.sparse = found.sparse;
    start_.clear();
    if (found.type == 'g') return;
    const auto path = inside_path(found.path);
    if (!path) return hostile(found.path, "leads out of");
    entry.path = *path;
    take_kind(entry, found);
  }

  void content(ByteSpan piece) override {
    LayerEntry& entry = layer_.entries_.back();
    if (entry.kind != LayerEntry::Kind::file || entry.sparse) return;
    if (entry.size >= large_file) {
      if (!hash_) hash_.emplace();
      hash_->add(piece);
    }
    if (layer_.packing_ == LayerPacking::plain) return;
    if (decided_) return keep(piece);
    const std::uint64_t wanted = std::min<std::uint64_t>(look_size, entry.size) - start_.size();
    const ByteSpan first = piece.first(std::min<std::size_t>(wanted, piece.size()));
    start_ += as_text(first);
    if (first.size() < wanted) return;
    decide(entry);
    keep(as_byte_span(start_));
    keep(piece.subspan(first.size()));
  }

  void end_of_entry(std::string_view) override {
    if (hash_) layer_.hashes_[layer_.entries_.size() - 1] = hash_->finish();
    hash_.reset();
    decided_ = false;
    left_ = 0;
    if (!file_) return;
    file_->finish();
    layer_.spooled_ += file_->size();
    file_.reset();
  }

  void trailer(ByteSpan) override {}

  void finish() {
    pack_.finish();
    layer_.spooled_ += pack_.size();
  }

 private:
  using Kind = LayerEntry::Kind;

  void take_kind(LayerEntry& entry, const TarEntry& found) {
    auto whiteout = layer_.use_ == LayerUse::layer ? whiteout_of(entry.path) : std::nullopt;
    if (whiteout) {
      entry.kind = whiteout->opaque ? Kind::opaque : Kind::whiteout;
      entry.path = std::move(whiteout->path);
    } else if (found.is_file()) {
      entry.kind = Kind::file;
      if (layer_.packing_ == LayerPacking::plain) entry.kept = LayerEntry::Kept::in_place;
    } else if (found.is_folder()) {
      entry.kind = Kind::folder;
    } else if (found.is_hard_link()) {
      entry.kind = Kind::hard_link;
      const auto link = inside_path(found.link);
      if (!link) return hostile(found.link, "is where a hard link leads: out of");
      entry.link = *link;
    }
  }

  void decide(LayerEntry& entry) {
    decided_ = true;
    entry.kept_size = left_ = wanted_of(entry, start_);
    if (Elf::looks_like(as_byte_span(start_))) {
      entry.kept = LayerEntry::Kept::by_itself;
      file_.emplace(layer_.spool_file(layer_.entries_.size() - 1));
    } else {
      entry.kept_at = pack_.size();
    }
  }

  void keep(ByteSpan piece) {
    const ByteSpan part = piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, piece.size())));
    left_ -= part.size();
    if (part.empty()) return;
    if (file_) file_->append(part);
    else pack_.append(part);
  }

  void hostile(const std::string& name, std::string_view what) {
    if (layer_.findings_.size() == most_hostile) return;
    const bool archive = layer_.use_ == LayerUse::archive;
    layer_.findings_.add(
        {.rule = archive ? "archive-hostile" : "image-hostile",
         .severity = Severity::error,
         .where = {.file = printable(name)},
         .what = archive ? fmt::format("a name in it {} the archive", what)
                         : fmt::format("a name in layer {} {} the image", layer_.number_ + 1, what)});
  }

  [[noreturn]] void fail(std::string what) const {
    throw Error({.what = std::move(what), .next = "no archive has as many"});
  }

  Layer& layer_;
  SpoolFile pack_;
  std::optional<SpoolFile> file_;
  std::optional<Sha256Stream> hash_;
  std::string start_;
  bool decided_ = false;
  std::uint64_t left_ = 0;  // of what is kept of the entry
};

Layer::Layer(ByteSpan stored, std::string name, const std::string& digest, const std::string& diff_id,
             std::filesystem::path spool, std::size_t number, LayerUse use)
    : stored_(stored), name_(std::move(name)), spool_(std::move(spool)), number_(number), use_(use) {
  if (use == LayerUse::layer) {
    packing_ = packing_of(stored, name_);
  } else {
    const ArchiveShape shape = archive_shape(stored).value_or(ArchiveShape());
    packing_ = shape.packing;
    form_ = shape.form;
  }
  Scan scan(*this);
  EntryReader reader(form_, scan);
  Sha256Stream unpacked;
  unpack_layer(stored, packing_, [&](ByteSpan piece) {
    unpacked.add(piece);
    unpacked_size_ += piece.size();
    reader.feed(piece);
    return true;
  });
  reader.finish();
  scan.finish();
  const auto mismatch = [&](std::string_view what) {
    return Error({.what = fmt::format("the layer {} {}", printable(name_), what),
                  .next = "the image is damaged or forged: copy it again"});
  };
  const std::string own_diff_id = to_hex(unpacked.finish());
  if (!diff_id.empty() && own_diff_id != diff_id)
    throw mismatch("does not unpack to what its configuration says (diff_id)");
  digest_ = packing_ == LayerPacking::plain ? own_diff_id : to_hex(sha256(stored));
  if (!digest.empty() && digest_ != digest) throw mismatch("is not what its digest says");
  if (packing_ != LayerPacking::plain) pack_ = MappedFile::open(pack_file());
}

std::filesystem::path Layer::pack_file() const { return spool_ / fmt::format("{}", number_); }

std::filesystem::path Layer::spool_file(std::size_t entry) const {
  return spool_ / fmt::format("{}-{}", number_, entry);
}

std::optional<Sha256> Layer::hash(std::size_t entry) const {
  const auto known = hashes_.find(entry);
  return known == hashes_.end() ? std::nullopt : std::optional(known->second);
}

std::filesystem::path Layer::own_file(std::size_t entry) const {
  return entries_[entry].kept == LayerEntry::Kept::by_itself ? spool_file(entry) : std::filesystem::path();
}

// What lies in memory's reach without unpacking: its start, or all.
ByteSpan Layer::kept(const LayerEntry& entry) const {
  if (entry.kept == LayerEntry::Kept::in_place) return stored_.subspan(entry.content_at, entry.size);
  return pack_->bytes().subspan(entry.kept_at, entry.kept_size);
}

std::optional<ByteSpan> Layer::in_place(std::size_t number) const {
  const LayerEntry& entry = entries_[number];
  if (entry.kept == LayerEntry::Kept::by_itself) return std::nullopt;
  const ByteSpan bytes = kept(entry);
  return bytes.size() == entry.size ? std::optional(bytes) : std::nullopt;
}

std::string Layer::part(std::size_t number, std::uint64_t from, std::uint64_t count) const {
  const LayerEntry& entry = entries_[number];
  if (from >= entry.size) return "";
  count = std::min(count, entry.size - from);
  if (entry.kept == LayerEntry::Kept::by_itself) {
    const MappedFile file = MappedFile::open(spool_file(number));
    std::string bytes(count, '\0');
    file.read_at(from, std::as_writable_bytes(std::span(bytes)));
    return bytes;
  }
  const ByteSpan bytes = kept(entry);
  if (from <= bytes.size() && count <= bytes.size() - from)
    return std::string(as_text(bytes.subspan(from, count)));
  std::string found;
  std::uint64_t at = 0;
  read(number, [&](ByteSpan piece) {
    const std::uint64_t begin = std::min<std::uint64_t>(std::max(at, from) - at, piece.size());
    found += as_text(piece.subspan(begin, std::min<std::size_t>(count - found.size(), piece.size() - begin)));
    at += piece.size();
    return found.size() < count;
  });
  return found;
}

void Layer::read(std::size_t number, const UnpackSink& sink) const {
  const LayerEntry& entry = entries_[number];
  if (entry.kept == LayerEntry::Kept::by_itself) {
    sink(MappedFile::open(spool_file(number)).bytes());
    return;
  }
  if (const auto bytes = in_place(number)) {
    sink(*bytes);
    return;
  }
  std::uint64_t at = 0;
  const std::uint64_t end = entry.content_at + entry.size;
  unpack_layer(stored_, packing_, [&](ByteSpan piece) {
    const std::uint64_t from = std::clamp(entry.content_at, at, at + piece.size());
    const std::uint64_t to = std::clamp(end, at, at + piece.size());
    const ByteSpan wanted = piece.subspan(from - at, to - from);
    at += piece.size();
    return (wanted.empty() || sink(wanted)) && at < end;
  });
}

}  // namespace lathe

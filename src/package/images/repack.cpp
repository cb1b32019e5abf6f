// SPDX-License-Identifier: MIT
#include "package/images/repack.h"

#include <algorithm>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "formats/streams/decompress.h"
#include "formats/streams/deflate.h"
#include "formats/streams/stream_packer.h"
#include "formats/nar.h"
#include "formats/tar.h"
#include "os/mapped_file.h"

namespace lathe {
namespace {

// Docker and BuildKit pack so too. Chunks are packed without the text before them: of 1 MiB that costs
// 0.3 % of the size.
constexpr int gzip_level = 6, zstd_level = 3;
constexpr std::size_t chunk_size = 1 << 20, chunks_of_a_core = 4;

// Magic, deflate, no flags, no time, no hint, an unknown system.
constexpr std::string_view gzip_header("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);

// Packs on all cores what is added, a batch while the next one is filled.
class Packer {
 public:
  Packer(LayerPacking packing, const RepackOptions& options, const std::function<void(std::string_view)>& out)
      : packing_(packing),
        options_(options),
        out_(out),
        batch_size_(chunk_size * chunks_of_a_core * (options.threads ? options.threads : usable_cores())) {
    if (packing_ == LayerPacking::gzip) put(gzip_header);
    if (packing_ == LayerPacking::xz) stream_ = pack_xz(options_.threads);
    if (packing_ == LayerPacking::bzip2) stream_ = pack_bzip2();
    if (packing_ == LayerPacking::zstd && options_.one_frame) stream_ = pack_zstd();
  }
  ~Packer() {
    if (packing_now_.valid()) packing_now_.wait();
  }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  void add(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::string_view part = bytes.substr(0, batch_size_ - batch_.size());
      batch_ += part;
      bytes.remove_prefix(part.size());
      if (batch_.size() == batch_size_) start(false);
    }
  }

  NewLayer finish() {
    start(true);
    collect();
    if (packing_ == LayerPacking::gzip)
      put(encode_number(crc_, 4) + encode_number(unpacked_ & 0xffffffff, 4));
    return {
        .digest = to_hex(stored_hash_.finish()), .diff_id = to_hex(unpacked_hash_.finish()), .size = size_};
  }

 private:
  void put(std::string_view bytes) {
    stored_hash_.add(as_byte_span(bytes));
    size_ += bytes.size();
    out_(bytes);
  }

  void start(bool last) {
    collect();
    std::swap(batch_, under_way_);
    batch_.clear();
    packing_now_ = std::async(std::launch::async, [this, last] { pack(last); });
  }

  // In a thread of its own: under_way_ and packed_ are its until it ends.
  void pack(bool last) {
    if (stream_) return pack_stream(last);
    const std::size_t chunks = std::max<std::size_t>(1, (under_way_.size() + chunk_size - 1) / chunk_size);
    packed_.assign(chunks, {});
    parallel_for_all(
        chunks,
        [&](std::size_t i) {
          const ByteSpan all = as_byte_span(under_way_);
          const ByteSpan chunk =
              all.subspan(std::min(i * chunk_size, all.size()))
                  .first(std::min(chunk_size, all.size() - std::min(i * chunk_size, all.size())));
          if (packing_ == LayerPacking::gzip)
            packed_[i] = deflate_chunk(chunk, last && i + 1 == chunks, gzip_level);
          else if (packing_ == LayerPacking::zstd && !chunk.empty())
            packed_[i] = compress_zstd(chunk, zstd_level);
          else packed_[i] = as_text(chunk);
        },
        options_.threads);
    unpacked_hash_.add(as_byte_span(under_way_));
    if (packing_ == LayerPacking::gzip) crc_ = crc32_of(as_byte_span(under_way_), crc_);
  }

  void pack_stream(bool last) {
    packed_.assign(1, stream_->add(as_byte_span(under_way_)));
    if (last) packed_.push_back(stream_->finish());
    unpacked_hash_.add(as_byte_span(under_way_));
  }

  void collect() {
    if (!packing_now_.valid()) return;
    packing_now_.get();
    for (const std::string& chunk : packed_) put(chunk);
    unpacked_ += under_way_.size();
    if (options_.on_packed) options_.on_packed(under_way_.size());
  }

  const LayerPacking packing_;
  const RepackOptions& options_;
  const std::function<void(std::string_view)>& out_;
  const std::size_t batch_size_;
  std::unique_ptr<StreamPacker> stream_;  // of a packing that has no chunks
  std::string batch_, under_way_;
  std::vector<std::string> packed_;
  Sha256Stream unpacked_hash_, stored_hash_;
  std::uint32_t crc_ = 0;
  std::uint64_t unpacked_ = 0, size_ = 0;
  std::future<void> packing_now_;  // goes first: its thread uses what stands above
};

class Rewriter final : public TarReader::Sink {
 public:
  Rewriter(LayerForm form, const LayerChanges& changes, const std::map<std::string, std::string>& added,
           Packer& packer)
      : form_(form), changes_(changes), added_(added), next_added_(added.begin()), packer_(packer) {}

  void entry(const TarEntry& entry, std::string_view headers) override {
    if (form_ == LayerForm::nar) add_before(entry);
    const auto change = changes_.find(number_++);
    if (change == changes_.end()) {
      fate_ = Fate::passed_on;
      return packer_.add(headers);
    }
    fate_ = change->second.how == EntryChange::How::removed ? Fate::removed : Fate::replaced;
    if (fate_ == Fate::replaced) replace(entry, headers, change->second);
  }
  void content(ByteSpan piece) override {
    if (fate_ == Fate::passed_on) packer_.add(as_text(piece));
  }
  void end_of_entry(std::string_view end) override {
    if (fate_ == Fate::passed_on) packer_.add(end);
    if (fate_ != Fate::replaced) return;
    packer_.add(form_ == LayerForm::nar ? nar_end_with_size(end, new_size_)
                                        : std::string(tar_padding(new_size_), '\0'));
  }
  void trailer(ByteSpan piece) override {
    add_rest();
    packer_.add(as_text(piece));
  }

  // Where no trailer came, it comes now.
  void add_rest() { add_until(std::nullopt); }

 private:
  enum class Fate : std::uint8_t { passed_on, replaced, removed };

  void replace(const TarEntry& entry, std::string_view headers, const EntryChange& change) {
    if (!entry.is_file() || entry.sparse)
      throw Error({.what = "only files have a new content", .kind = ErrorKind::fault});
    std::optional<MappedFile> file;
    if (change.how == EntryChange::How::file) file = MappedFile::open(change.file);
    const ByteSpan content = file ? file->bytes() : as_byte_span(change.text);
    new_size_ = content.size();
    packer_.add(form_ == LayerForm::nar ? nar_headers_with_size(headers, new_size_)
                                        : tar_headers_with_size(headers, new_size_));
    packer_.add(as_text(content));
    if (file) file->expect_whole();
  }

  // In a Nix archive names ascend, and the end of its root is the last entry: what is added lies in the root.
  void add_before(const TarEntry& entry) {
    if (entry.is_folder()) ++open_folders_;
    if (entry.type == nar_folder_end && --open_folders_ == 0) return add_rest();
    if (!entry.path.empty() && entry.path.find('/') == std::string::npos) add_until(entry.path);
  }

  // Those whose names come before it; without one all that are left.
  void add_until(std::optional<std::string_view> path) {
    for (; next_added_ != added_.end() && (!path || next_added_->first < *path); ++next_added_) {
      const auto& [name, content] = *next_added_;
      if (form_ == LayerForm::nar) {
        packer_.add(nar_file(name, content));
        continue;
      }
      packer_.add(tar_file_header(name, content.size()));
      packer_.add(content);
      packer_.add(std::string(tar_padding(content.size()), '\0'));
    }
  }

  const LayerForm form_;
  const LayerChanges& changes_;
  const std::map<std::string, std::string>& added_;
  std::map<std::string, std::string>::const_iterator next_added_;
  Packer& packer_;
  std::size_t number_ = 0, open_folders_ = 0;
  Fate fate_ = Fate::passed_on;
  std::uint64_t new_size_ = 0;  // of what is replaced
};

}  // namespace

NewLayer repack_layer(const Layer& layer, const LayerChanges& changes, const RepackOptions& options,
                      const std::function<void(std::string_view)>& out) {
  Packer packer(layer.packing(), options, out);
  Rewriter rewriter(layer.form(), changes, options.added, packer);
  EntryReader reader(layer.form(), rewriter);
  unpack_layer(layer.stored(), layer.packing(), [&](ByteSpan piece) {
    reader.feed(piece);
    return true;
  });
  reader.finish();
  if (layer.form() == LayerForm::tar) rewriter.add_rest();
  return packer.finish();
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
// bzip2 and xz, both ways.
#include <bzlib.h>
#include <fmt/format.h>
#include <lzma.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/parallel.h"
#include "formats/streams/stream_packer.h"
#include "formats/streams/unpack.h"

namespace lathe {
namespace {

// One stream of possibly several that follow each other (pbzip2 writes one for each block).
class Bzip2Stream {
 public:
  Bzip2Stream() {
    if (BZ2_bzDecompressInit(&state_, 0, 0) != BZ_OK) throw std::bad_alloc();
  }
  ~Bzip2Stream() { BZ2_bzDecompressEnd(&state_); }
  Bzip2Stream(const Bzip2Stream&) = delete;
  Bzip2Stream& operator=(const Bzip2Stream&) = delete;
  bz_stream* operator->() { return &state_; }
  int step() { return BZ2_bzDecompress(&state_); }

 private:
  bz_stream state_{};
};

constexpr std::size_t packer_room = 256 << 10;

class Bzip2Packer final : public StreamPacker {
 public:
  Bzip2Packer() {
    constexpr int blocks_of_900_kb = 9, quiet = 0, own_effort = 0;
    if (BZ2_bzCompressInit(&state_, blocks_of_900_kb, quiet, own_effort) != BZ_OK) throw std::bad_alloc();
  }
  ~Bzip2Packer() override { BZ2_bzCompressEnd(&state_); }
  Bzip2Packer(const Bzip2Packer&) = delete;
  Bzip2Packer& operator=(const Bzip2Packer&) = delete;

  std::string add(ByteSpan content) override {
    std::string out;
    while (!content.empty()) {
      const ByteSpan now = content.first(std::min<std::size_t>(content.size(), 1 << 30));
      // libbz2 only reads it
      state_.next_in = const_cast<char*>(reinterpret_cast<const char*>(now.data()));
      state_.avail_in = static_cast<unsigned>(now.size());
      while (state_.avail_in > 0) step(BZ_RUN, out);
      content = content.subspan(now.size());
    }
    return out;
  }
  std::string finish() override {
    std::string out;
    while (step(BZ_FINISH, out) != BZ_STREAM_END) {
    }
    return out;
  }

 private:
  int step(int action, std::string& out) {
    state_.next_out = room_.data();
    state_.avail_out = static_cast<unsigned>(room_.size());
    const int status = BZ2_bzCompress(&state_, action);
    if (status < 0) throw Error({.what = "libbz2 cannot pack this", .kind = ErrorKind::fault});
    out.append(room_.data(), room_.size() - state_.avail_out);
    return status;
  }

  bz_stream state_{};
  std::vector<char> room_ = std::vector<char>(packer_room);
};

// The number of threads does not change the blocks.
class XzPacker final : public StreamPacker {
 public:
  explicit XzPacker(unsigned threads) {
    lzma_mt how{};
    how.threads = std::max(1u, std::min(threads ? threads : usable_cores(), 8u));
    how.block_size = 24 << 20;
    how.preset = LZMA_PRESET_DEFAULT;
    how.check = LZMA_CHECK_CRC64;
    if (lzma_stream_encoder_mt(&state_, &how) != LZMA_OK) throw std::bad_alloc();
  }
  ~XzPacker() override { lzma_end(&state_); }
  XzPacker(const XzPacker&) = delete;
  XzPacker& operator=(const XzPacker&) = delete;

  std::string add(ByteSpan content) override {
    std::string out;
    state_.next_in = reinterpret_cast<const std::uint8_t*>(content.data());
    state_.avail_in = content.size();
    while (state_.avail_in > 0) step(LZMA_RUN, out);
    return out;
  }
  std::string finish() override {
    std::string out;
    while (step(LZMA_FINISH, out) != LZMA_STREAM_END) {
    }
    return out;
  }

 private:
  lzma_ret step(lzma_action action, std::string& out) {
    state_.next_out = room_.data();
    state_.avail_out = room_.size();
    const lzma_ret status = lzma_code(&state_, action);
    if (status != LZMA_OK && status != LZMA_STREAM_END && status != LZMA_BUF_ERROR)
      throw Error({.what = "liblzma cannot pack this", .kind = ErrorKind::fault});
    out.append(reinterpret_cast<const char*>(room_.data()), room_.size() - state_.avail_out);
    return status;
  }

  lzma_stream state_ = LZMA_STREAM_INIT;
  std::vector<std::uint8_t> room_ = std::vector<std::uint8_t>(packer_room);
};

// `packed` loses what was read.
Unpacked unpack_bzip2_stream(ByteSpan& packed, const UnpackSink& sink) {
  Bzip2Stream stream;
  std::vector<std::byte> room(unpack_piece);
  while (true) {
    const std::size_t fed = std::min<std::size_t>(packed.size(), std::numeric_limits<unsigned>::max());
    // libbz2 only reads it
    stream->next_in = const_cast<char*>(reinterpret_cast<const char*>(packed.data()));
    stream->avail_in = static_cast<unsigned>(fed);
    stream->next_out = reinterpret_cast<char*>(room.data());
    stream->avail_out = static_cast<unsigned>(room.size());
    const int status = stream.step();
    const std::size_t read = fed - stream->avail_in;
    const std::size_t made = room.size() - stream->avail_out;
    packed = packed.subspan(read);
    if (status != BZ_OK && status != BZ_STREAM_END) throw Error({.what = "the bzip2 data is damaged"});
    if (made > 0 && !sink(ByteSpan(room).first(made))) return Unpacked::stopped;
    if (status == BZ_STREAM_END) return Unpacked::whole;
    if (made == 0 && read == 0) return Unpacked::cut;
  }
}

}  // namespace

std::unique_ptr<StreamPacker> pack_bzip2() { return std::make_unique<Bzip2Packer>(); }
std::unique_ptr<StreamPacker> pack_xz(unsigned threads) { return std::make_unique<XzPacker>(threads); }

Unpacked unpack_bzip2(ByteSpan packed, const UnpackSink& sink) {
  Unpacked end = unpack_bzip2_stream(packed, sink);
  while (end == Unpacked::whole && as_text(packed).starts_with("BZh"))
    end = unpack_bzip2_stream(packed, sink);
  return end;
}

namespace {

constexpr std::uint64_t most_memory = std::uint64_t{256} << 20;  // xz -9 needs 65 MB

class XzStream {
 public:
  XzStream() {
    if (lzma_stream_decoder(&state_, most_memory, LZMA_CONCATENATED) != LZMA_OK) throw std::bad_alloc();
  }
  ~XzStream() { lzma_end(&state_); }
  XzStream(const XzStream&) = delete;
  XzStream& operator=(const XzStream&) = delete;
  lzma_stream* operator->() { return &state_; }
  lzma_ret step() { return lzma_code(&state_, LZMA_FINISH); }

 private:
  lzma_stream state_ = LZMA_STREAM_INIT;
};

}  // namespace

Unpacked unpack_xz(ByteSpan packed, const UnpackSink& sink) {
  XzStream stream;
  stream->next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
  stream->avail_in = packed.size();
  std::vector<std::byte> room(unpack_piece);
  while (true) {
    stream->next_out = reinterpret_cast<std::uint8_t*>(room.data());
    stream->avail_out = room.size();
    const lzma_ret status = stream.step();
    const std::size_t made = room.size() - stream->avail_out;
    if (made > 0 && !sink(ByteSpan(room).first(made))) return Unpacked::stopped;
    if (status == LZMA_STREAM_END) return Unpacked::whole;
    if (status == LZMA_BUF_ERROR) return Unpacked::cut;
    if (status == LZMA_MEMLIMIT_ERROR)
      throw Error({.what = "the xz data needs more memory than a look is worth"});
    if (status != LZMA_OK)
      throw Error({.what = fmt::format("the xz data is damaged (liblzma: {})", static_cast<int>(status))});
  }
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "formats/inflate.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include "base/error.h"
#include "formats/unpack.h"

namespace lathe {
namespace {

constexpr int raw_deflate = -15;
constexpr int with_gzip_header = 15 + 16;

[[noreturn]] void fail(std::string what) {
  throw Error({.what = std::move(what), .next = "the file is damaged: fetch it again"});
}

class Stream {
 public:
  explicit Stream(int window_bits = raw_deflate) {
    if (inflateInit2(&state_, window_bits) != Z_OK) throw std::bad_alloc();
  }
  ~Stream() { inflateEnd(&state_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  z_stream* operator->() { return &state_; }
  int step() { return ::inflate(&state_, Z_NO_FLUSH); }
  void again() { inflateReset(&state_); }

 private:
  z_stream state_{};
};

}  // namespace

std::uint32_t crc32_of(ByteSpan bytes, std::uint32_t before) {
  return static_cast<std::uint32_t>(
      crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

Inflated inflate(ByteSpan packed, std::uint64_t size, const std::function<bool(ByteSpan)>& sink,
                 std::size_t buffer_size) {
  Stream stream;
  std::vector<std::byte> buffer(std::min<std::uint64_t>(buffer_size, size + 1));
  Inflated result;
  std::size_t fed = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    if (stream->avail_in == 0) {
      const std::size_t count = std::min<std::size_t>(packed.size() - fed, std::size_t{1} << 30);
      // zlib only reads it
      stream->next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data() + fed));
      stream->avail_in = static_cast<uInt>(count);
      fed += count;
    }
    stream->next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream->avail_out = static_cast<uInt>(buffer.size());
    status = stream.step();
    const std::size_t made = buffer.size() - stream->avail_out;
    if (status != Z_OK && status != Z_STREAM_END) fail("a compressed member is damaged or cut short");
    if (made > size - result.size)
      fail(fmt::format("a compressed member holds more than the {} bytes it claims", size));
    const ByteSpan output(buffer.data(), made);
    result.crc = crc32_of(output, result.crc);
    result.size += made;
    if (made > 0 && !sink(output)) return result;
    if (made == 0 && stream->avail_in == 0 && fed == packed.size() && status != Z_STREAM_END) {
      fail("a compressed member is cut short");
    }
  }
  if (result.size != size)
    fail(fmt::format("a compressed member holds {} bytes, it claims {}", result.size, size));
  result.whole = true;
  return result;
}

Unpacked unpack_gzip(ByteSpan packed, const UnpackSink& sink) {
  Stream stream(with_gzip_header);
  std::vector<std::byte> room(unpack_piece);
  while (true) {
    const std::size_t fed = std::min<std::size_t>(packed.size(), std::size_t{1} << 30);
    // zlib only reads it
    stream->next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
    stream->avail_in = static_cast<uInt>(fed);
    stream->next_out = reinterpret_cast<Bytef*>(room.data());
    stream->avail_out = static_cast<uInt>(room.size());
    const int status = stream.step();
    const std::size_t read = fed - stream->avail_in;
    const std::size_t made = room.size() - stream->avail_out;
    packed = packed.subspan(read);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) fail("the gzip data is damaged");
    if (made > 0 && !sink(ByteSpan(room).first(made))) return Unpacked::stopped;
    if (status == Z_STREAM_END) {
      if (!as_text(packed).starts_with("\x1f\x8b")) return Unpacked::whole;
      stream.again();
    } else if (made == 0 && read == 0) {
      return Unpacked::cut;
    }
  }
}

namespace {

class Packer {
 public:
  explicit Packer(int level) {
    constexpr int most_memory = 9;
    if (deflateInit2(&state_, level, Z_DEFLATED, raw_deflate, most_memory, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  ~Packer() { deflateEnd(&state_); }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  void remember(ByteSpan before) {
    constexpr std::size_t window = 32 << 10;
    const ByteSpan end = before.last(std::min(window, before.size()));
    if (!end.empty())
      deflateSetDictionary(&state_, reinterpret_cast<const Bytef*>(end.data()),
                           static_cast<uInt>(end.size()));
  }

  std::string pack(ByteSpan chunk, bool last) {
    std::string out(deflateBound(&state_, chunk.size()) + 16, '\0');
    state_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(chunk.data()));  // zlib only reads it
    state_.avail_in = static_cast<uInt>(chunk.size());
    state_.next_out = reinterpret_cast<Bytef*>(out.data());
    state_.avail_out = static_cast<uInt>(out.size());
    const int status = ::deflate(&state_, last ? Z_FINISH : Z_SYNC_FLUSH);
    if (status != (last ? Z_STREAM_END : Z_OK) || state_.avail_in != 0) {
      throw Error({.what = "zlib did not compress a chunk in one go", .kind = ErrorKind::fault});
    }
    out.resize(out.size() - state_.avail_out);
    return out;
  }

 private:
  z_stream state_{};
};

}  // namespace

std::uint32_t crc32_of_both(std::uint32_t first, std::uint32_t second, std::uint64_t second_size) {
  return static_cast<std::uint32_t>(crc32_combine(first, second, static_cast<z_off_t>(second_size)));
}

std::string deflate_chunk(ByteSpan chunk, ByteSpan before, bool last, int level) {
  Packer packer(level);
  packer.remember(before);
  return packer.pack(chunk, last);
}

}  // namespace lathe

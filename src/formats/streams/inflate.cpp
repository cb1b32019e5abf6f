// SPDX-License-Identifier: MIT
#include "formats/streams/inflate.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "formats/streams/damaged.h"
#include "formats/streams/deflate_blocks.h"
#include "formats/streams/deflate.h"
#include "formats/streams/deflate_again.h"
#include "formats/streams/unpack.h"

namespace lathe {
namespace {

constexpr int raw_deflate = -15, with_gzip_header = 15 + 16;

// zlib's inflate(Z_BLOCK) stops between blocks; data_type then holds the bits of the last byte that are not
// used yet, whether the last block has begun, and whether this is such a stop.
constexpr int unused_bits = 7, in_last_block = 64, between_blocks = 128;

class Stream {
 public:
  explicit Stream(int window_bits) {
    if (inflateInit2(&state_, window_bits) != Z_OK) throw std::bad_alloc();
  }
  ~Stream() { inflateEnd(&state_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  const z_stream* operator->() const { return &state_; }
  void feed(const char* bytes, std::size_t size) {
    state_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes));  // zlib only reads it
    state_.avail_in = static_cast<uInt>(size);
  }
  void into(std::byte* room, std::size_t size) {
    state_.next_out = reinterpret_cast<Bytef*>(room);
    state_.avail_out = static_cast<uInt>(size);
  }
  int step(int how = Z_NO_FLUSH) { return ::inflate(&state_, how); }
  std::uint64_t bits_read() const {
    return std::uint64_t{state_.total_in} * 8 - (state_.data_type & unused_bits);
  }
  void again() { inflateReset(&state_); }

 private:
  z_stream state_{};
};

constexpr std::uint64_t starts_apart = 64 << 10;

// zlib stops before each block, and after the last.
void note_block(const Stream& stream, std::uint64_t made, std::vector<BlockStart>& starts) {
  const int state = stream->data_type;
  if ((state & between_blocks) == 0 || (state & in_last_block) != 0) return;
  if (starts.empty() || made - starts.back().byte >= starts_apart)
    starts.push_back({.bit = stream.bits_read(), .byte = made});
}

Inflated inflate_noting(ByteSpan packed, std::uint64_t size, const std::function<bool(ByteSpan)>& sink,
                        std::size_t buffer_size, std::vector<BlockStart>* starts) {
  Stream stream(raw_deflate);
  std::vector<std::byte> buffer(std::min<std::uint64_t>(buffer_size, size + 1));
  Inflated result;
  std::size_t fed = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    if (stream->avail_in == 0) {
      const std::size_t count = std::min<std::size_t>(packed.size() - fed, std::size_t{1} << 30);
      stream.feed(as_text(packed).data() + fed, count);
      fed += count;
    }
    stream.into(buffer.data(), buffer.size());
    status = stream.step(starts ? Z_BLOCK : Z_NO_FLUSH);
    const std::size_t made = buffer.size() - stream->avail_out;
    if (starts && status == Z_OK) note_block(stream, result.size + made, *starts);
    if (status != Z_OK && status != Z_STREAM_END) fail_damaged("a compressed member is damaged or cut short");
    if (made > size - result.size)
      fail_damaged(fmt::format("a compressed member holds more than the {} bytes it claims", size));
    const ByteSpan output(buffer.data(), made);
    result.crc = crc32_of(output, result.crc);
    result.size += made;
    if (made > 0 && !sink(output)) return result;
    if (made == 0 && stream->avail_in == 0 && fed == packed.size() && status != Z_STREAM_END) {
      fail_damaged("a compressed member is cut short");
    }
  }
  if (result.size != size)
    fail_damaged(fmt::format("a compressed member holds {} bytes, it claims {}", result.size, size));
  result.whole = true;
  return result;
}

}  // namespace

Inflated inflate(ByteSpan packed, std::uint64_t size, const std::function<bool(ByteSpan)>& sink,
                 std::size_t buffer_size) {
  return inflate_noting(packed, size, sink, buffer_size, nullptr);
}

Inflated inflate(ByteSpan packed, std::uint64_t size, const std::function<bool(ByteSpan)>& sink,
                 std::vector<BlockStart>& starts) {
  starts.assign(1, {});
  return inflate_noting(packed, size, sink, std::size_t{256} << 10, &starts);
}

LastBlock find_last_block(std::string_view packed, ByteSpan content) {
  const std::size_t room = content.size() + 1;
  const auto out = std::make_unique_for_overwrite<std::byte[]>(room);
  Stream stream(raw_deflate);
  stream.feed(packed.data(), packed.size());
  stream.into(out.get(), room);
  LastBlock last;
  int status = Z_OK;
  while (status == Z_OK) {
    status = stream.step(Z_BLOCK);
    if (stream->data_type & between_blocks)
      (stream->data_type & in_last_block ? last.end : last.start) = stream.bits_read();
  }
  const bool same =
      stream->total_out == content.size() && std::equal(content.begin(), content.end(), out.get());
  if (status != Z_STREAM_END || !same)
    throw Error({.what = "a packed chunk does not unpack to what it was", .kind = ErrorKind::fault});
  return last;
}

Unpacked unpack_gzip(ByteSpan packed, const UnpackSink& sink) {
  Stream stream(with_gzip_header);
  std::vector<std::byte> room(unpack_piece);
  while (true) {
    const std::size_t fed = std::min<std::size_t>(packed.size(), std::size_t{1} << 30);
    stream.feed(as_text(packed).data(), fed);
    stream.into(room.data(), room.size());
    const int status = stream.step();
    const std::size_t read = fed - stream->avail_in;
    const std::size_t made = room.size() - stream->avail_out;
    packed = packed.subspan(read);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
      fail_damaged("the gzip data is damaged");
    if (made > 0 && !sink(ByteSpan(room).first(made))) return Unpacked::stopped;
    if (status == Z_STREAM_END) {
      if (!as_text(packed).starts_with("\x1f\x8b")) return Unpacked::whole;
      stream.again();
    } else if (made == 0 && read == 0) {
      return Unpacked::cut;
    }
  }
}

struct ZlibDeflate::State {
  State(const ZlibSettings& settings, Sink to) : sink(std::move(to)), room(std::size_t{256} << 10) {
    const int made =
        deflateInit2(&stream, settings.level, Z_DEFLATED, raw_deflate, settings.memory, Z_DEFAULT_STRATEGY);
    if (made == Z_MEM_ERROR) throw std::bad_alloc();
    if (made != Z_OK)
      fail_damaged(fmt::format("zlib has no level {} with memory {}", settings.level, settings.memory));
  }
  ~State() { deflateEnd(&stream); }

  // All that can be packed of what was fed.
  void run(int how) {
    do {
      stream.next_out = reinterpret_cast<Bytef*>(room.data());
      stream.avail_out = static_cast<uInt>(room.size());
      (void)::deflate(&stream, how);
      const std::size_t made = room.size() - stream.avail_out;
      if (made > 0) sink(ByteSpan(room).first(made));
    } while (stream.avail_out == 0);
  }

  z_stream stream{};
  Sink sink;
  std::vector<std::byte> room;
};

ZlibDeflate::ZlibDeflate(const ZlibSettings& settings, Sink sink)
    : state_(std::make_unique<State>(settings, std::move(sink))) {}
ZlibDeflate::~ZlibDeflate() = default;

void ZlibDeflate::add(ByteSpan content) {
  constexpr std::size_t most = std::size_t{1} << 30;  // zlib counts in 32 bits
  while (!content.empty()) {
    const ByteSpan now = content.first(std::min(most, content.size()));
    content = content.subspan(now.size());
    state_->stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(now.data()));
    state_->stream.avail_in = static_cast<uInt>(now.size());
    state_->run(Z_NO_FLUSH);
  }
}

void ZlibDeflate::finish() { state_->run(Z_FINISH); }

namespace {

bool makes(const ZlibSettings& settings, ByteSpan packed, ByteSpan content) {
  constexpr std::size_t piece = std::size_t{1} << 20;
  std::size_t at = 0;
  bool same = true;
  ZlibDeflate deflate(settings, [&](ByteSpan out) {
    same =
        same && out.size() <= packed.size() - at && as_text(out) == as_text(packed.subspan(at, out.size()));
    if (same) at += out.size();
  });
  while (same && !content.empty()) {
    deflate.add(content.first(std::min(piece, content.size())));
    content = content.subspan(std::min(piece, content.size()));
  }
  if (same) deflate.finish();
  return same && at == packed.size();
}

}  // namespace

std::optional<ZlibSettings> settings_that_made(ByteSpan packed, ByteSpan content,
                                               const ZlibSettings& likely) {
  std::vector<ZlibSettings> all{likely};
  for (const int memory : {8, 9}) {
    for (const int level : {6, 9, 5, 4, 8, 7, 1, 3, 2}) {
      const ZlibSettings next{.level = level, .memory = memory};
      if (next != likely) all.push_back(next);
    }
  }
  const auto right =
      std::ranges::find_if(all, [&](const ZlibSettings& one) { return makes(one, packed, content); });
  return right == all.end() ? std::nullopt : std::optional(*right);
}

std::uint32_t crc32_of_both(std::uint32_t first, std::uint32_t second, std::uint64_t second_size) {
  return static_cast<std::uint32_t>(crc32_combine(first, second, static_cast<z_off_t>(second_size)));
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "side/store.h"

#include <algorithm>
#include <cstddef>

#include "base/error.h"
#include "base/parallel.h"
#include "formats/streams/decompress.h"
#include "side/gear.h"

namespace lathe {
namespace {

// Chunks that are looked up are cut where the content says so, 64 KiB on average: the same image in two
// libraries is cut alike wherever it begins.
constexpr std::uint64_t chunk_mask = std::uint64_t{0xffff} << 48;
constexpr std::size_t smallest_chunk = 16 << 10, largest_chunk = 256 << 10;
// Shorter than that, a look-up costs more than it saves.
constexpr std::size_t smallest_known = 2 << 10;
constexpr int level = 6;
// For each reading thread: 24 MiB. Libraries that are much alike share chunks of many frames.
constexpr std::size_t held_frames = 6;

std::size_t chunk_length(ByteSpan content) {
  const std::size_t most = std::min(content.size(), largest_chunk);
  if (most <= smallest_chunk) return most;
  std::uint64_t hash = 0;
  for (std::size_t i = smallest_chunk - gear_window; i < most; ++i) {
    hash = gear_next(hash, content[i]);
    if (i >= smallest_chunk && (hash & chunk_mask) == 0) return i + 1;
  }
  return most;
}

struct Frame {
  std::string bytes;
  bool packed = false;
};

// Most machine code of GPUs is packed already: then the frame stays as it is, and costs nothing to read.
Frame pack(std::string_view content) {
  std::string packed = compress_zstd(as_byte_span(content), level);
  if (packed.size() < content.size() - content.size() / 32)
    return {.bytes = std::move(packed), .packed = true};
  return {.bytes = std::string(content), .packed = false};
}

}  // namespace

StoreWriter::StoreWriter(NewFile& file, std::uint64_t at, unsigned threads)
    : file_(file), threads_(std::min(threads ? threads : usable_cores(), 4u)), file_at_(at) {}

StoreWriter::~StoreWriter() = default;

void StoreWriter::add(Recipe& recipe, ByteSpan content) {
  while (!content.empty()) {
    const std::size_t size = chunk_length(content);
    add_chunk(recipe, content.first(size));
    content = content.subspan(size);
  }
}

void StoreWriter::add_chunk(Recipe& recipe, ByteSpan chunk) {
  given_ += chunk.size();
  if (chunk.size() < smallest_known) {
    append_step(recipe, {.from = Step::From::store, .at = append(chunk), .size = chunk.size()});
    return;
  }
  const auto [known, is_new] = known_.try_emplace(sha256(chunk), size_, chunk.size());
  if (is_new) append(chunk);
  append_step(recipe, {.from = Step::From::store, .at = known->second.first, .size = chunk.size()});
}

std::uint64_t StoreWriter::append(ByteSpan content) {
  const std::uint64_t start = size_;
  size_ += content.size();
  while (!content.empty()) {
    const std::size_t most = threads_ * store_frame - pending_.size();
    const ByteSpan now = content.first(std::min<std::size_t>(most, content.size()));
    pending_ += as_text(now);
    content = content.subspan(now.size());
    pack_pending(false);
  }
  return start;
}

void StoreWriter::pack_pending(bool all) {
  if (!all && pending_.size() < threads_ * store_frame) return;
  const std::size_t count = (pending_.size() + store_frame - 1) / store_frame;
  std::vector<Frame> made(count);
  parallel_for_all(
      count,
      [&](std::size_t i) { made[i] = pack(std::string_view(pending_).substr(i * store_frame, store_frame)); },
      threads_);
  for (const Frame& frame : made) {
    file_.patch(file_at_, frame.bytes);
    frames_.push_back(
        {.at = file_at_, .size = static_cast<std::uint32_t>(frame.bytes.size()), .packed = frame.packed});
    file_at_ += frame.bytes.size();
  }
  pending_.clear();
}

void StoreWriter::finish() { pack_pending(true); }

ByteSpan StoreReader::frame(std::size_t index, std::vector<std::byte>& room) const {
  const StoreFrame& frame = frames_.at(index);
  const std::uint64_t size = std::min(store_frame, size_ - index * store_frame);
  const ByteSpan bytes = ByteReader(file_, "side file").at(frame.at, frame.size);
  if (frame.packed) {
    room = decompress_zstd(bytes, size, store_frame);
    return room;
  }
  if (bytes.size() != size)
    throw Error(
        {.what = "the side file is damaged: a part of it has the wrong size", .next = "fetch it again"});
  return bytes;
}

const StoreCursor::Held& StoreCursor::held(std::size_t index) {
  const auto found = std::ranges::find(held_, index, [](const auto& one) { return one->index; });
  if (found != held_.end()) {
    (*found)->used = ++clock_;
    return **found;
  }
  if (held_.size() == held_frames)
    held_.erase(std::ranges::min_element(held_, {}, [](const auto& one) { return one->used; }));
  auto now = std::make_unique<Held>();
  now->index = index;
  now->used = ++clock_;
  now->bytes = store_.frame(index, now->room);
  return *held_.emplace_back(std::move(now));
}

void StoreCursor::read(std::uint64_t at, std::uint64_t size, const std::function<void(ByteSpan)>& sink) {
  while (size > 0) {
    const Held& frame = held(at / store_frame);
    const std::uint64_t inside = at % store_frame;
    const ByteSpan bytes =
        ByteReader(frame.bytes, "side file").at(inside, std::min(size, store_frame - inside));
    sink(bytes);
    at += bytes.size();
    size -= bytes.size();
  }
}

std::string StoreCursor::read(std::uint64_t at, std::uint64_t size) {
  std::string all;
  read(at, size, [&](ByteSpan bytes) { all += as_text(bytes); });
  return all;
}

}  // namespace lathe

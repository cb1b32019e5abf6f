// SPDX-License-Identifier: MIT
// The store of a side file: what slim files lack, as one row of bytes. What comes twice is kept once. The row
// is cut into frames of 4 MiB, each packed by zstd on its own or, where that does not pay, left as it is: any
// part can be read without the rest.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "os/new_file.h"
#include "side/recipe.h"

namespace lathe {

inline constexpr std::uint64_t store_frame = std::uint64_t{4} << 20;  // bytes of content in a frame

struct StoreFrame {
  std::uint64_t at = 0;  // in the side file
  std::uint32_t size = 0;
  bool packed = false;
};

// Not for several threads at once; packs on `threads` by itself. The same calls make the same bytes.
class StoreWriter {
 public:
  StoreWriter(NewFile& file, std::uint64_t at, unsigned threads);
  ~StoreWriter();

  // Content, as steps that take it out again.
  void add(Recipe& recipe, ByteSpan content);
  // The same without looking whether it is there already. Returns where it begins.
  std::uint64_t append(ByteSpan content);
  void finish();  // nothing is added afterwards

  std::uint64_t size() const { return size_; }         // of the content
  std::uint64_t file_end() const { return file_at_; }  // after finish()
  std::uint64_t given() const { return given_; }       // bytes that were added, twice or not
  const std::vector<StoreFrame>& frames() const { return frames_; }

 private:
  void add_chunk(Recipe& recipe, ByteSpan chunk);
  void pack_pending(bool all);

  NewFile& file_;
  unsigned threads_;
  std::uint64_t file_at_;
  std::uint64_t size_ = 0, given_ = 0;
  std::string pending_;  // content that is not in frames_ yet
  std::vector<StoreFrame> frames_;
  std::map<Sha256, std::pair<std::uint64_t, std::uint64_t>> known_;  // chunks: offset, size
};

// The row of bytes again. Its frames come from outside: a frame that does not hold what it has to is an
// Error. For several threads at once.
class StoreReader {
 public:
  StoreReader(ByteSpan file, std::vector<StoreFrame> frames, std::uint64_t size)
      : file_(file), frames_(std::move(frames)), size_(size) {}

  std::uint64_t size() const { return size_; }
  std::size_t frames() const { return frames_.size(); }
  // The content of a frame; `room` holds it where it has to be unpacked.
  ByteSpan frame(std::size_t index, std::vector<std::byte>& room) const;

 private:
  ByteSpan file_;
  std::vector<StoreFrame> frames_;
  std::uint64_t size_;
};

// Reads from front to back mostly: keeps the frames that were read last. For one thread.
class StoreCursor {
 public:
  explicit StoreCursor(const StoreReader& store) : store_(store) {}
  // The sink gets the bytes in order, in pieces.
  void read(std::uint64_t at, std::uint64_t size, const std::function<void(ByteSpan)>& sink);
  std::string read(std::uint64_t at, std::uint64_t size);

 private:
  struct Held {
    std::size_t index = 0;
    std::uint64_t used = 0;
    ByteSpan bytes = {};
    std::vector<std::byte> room = {};
  };
  const Held& held(std::size_t index);

  const StoreReader& store_;
  std::vector<std::unique_ptr<Held>> held_;
  std::uint64_t clock_ = 0;
};

}  // namespace lathe

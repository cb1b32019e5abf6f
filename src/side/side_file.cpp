// SPDX-License-Identifier: MIT
#include "side/side_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "formats/streams/decompress.h"

namespace lathe {
namespace {

constexpr std::string_view magic = "\x89latside", end_magic = "edistal\n";
constexpr std::uint32_t format_version = 1;
constexpr std::uint64_t numbers_at_end = 6 * 8;
constexpr std::uint64_t end_size = numbers_at_end + 32 + end_magic.size();
constexpr std::uint32_t packed_mark = 0x80000000;
constexpr std::uint64_t largest_manifest = std::uint64_t{256} << 20;
constexpr int manifest_level = 9;

[[noreturn]] void damaged(const std::string& name, std::string what) {
  throw Error({.what = std::move(what), .where = {.file = name}, .next = "fetch it again"});
}

// What is summed: the frame table, the manifest and the numbers behind them.
std::string sum_of(ByteSpan bytes) {
  const Sha256 hash = sha256(bytes);
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

}  // namespace

void write_side_head(NewFile& file) {
  file.patch(0, std::string(magic) + encode_number(format_version, 4) + encode_number(store_frame, 4));
}

std::uint64_t write_side_end(NewFile& file, const StoreWriter& store, const SideManifest& manifest) {
  const std::string json = to_json(manifest);
  const std::string packed = compress_zstd(as_byte_span(json), manifest_level);
  const std::uint64_t table_at = store.file_end();
  std::string end;
  for (const StoreFrame& frame : store.frames())
    end += encode_number(frame.size | (frame.packed ? packed_mark : 0), 4);
  const std::uint64_t manifest_at = table_at + end.size();
  end += packed;
  end += encode_number(table_at, 8) + encode_number(store.frames().size(), 8) +
         encode_number(store.size(), 8) + encode_number(manifest_at, 8) + encode_number(packed.size(), 8) +
         encode_number(json.size(), 8);
  end += sum_of(as_byte_span(end));
  end += end_magic;
  file.patch(table_at, end);
  return table_at + end.size();
}

struct SideContent::Ends {
  std::uint64_t table_at, frames, store_size, manifest_at, manifest_packed, manifest_size;

  static Ends read(ByteSpan bytes, const std::string& name) {
    const std::string_view text = as_text(bytes);
    if (!text.starts_with(magic))
      throw Error({.what = "not a side file",
                   .where = {.file = name},
                   .next = "give the file that carve --side wrote"});
    if (bytes.size() < side_head_size + end_size || !text.ends_with(end_magic))
      damaged(name, "the side file is cut short");
    ByteReader reader(bytes, "side file");
    reader.seek(magic.size());
    const std::uint32_t version = reader.u32(), frame = reader.u32();
    if (version != format_version || frame != store_frame) {
      throw Error({.what = fmt::format("the side file is of version {}, this program reads {}", version,
                                       format_version),
                   .where = {.file = name},
                   .next = "use a newer torchlathe"});
    }
    reader.seek(bytes.size() - end_size);
    Ends ends{reader.u64(), reader.u64(), reader.u64(), reader.u64(), reader.u64(), reader.u64()};
    ends.expect_inside(bytes, name);
    return ends;
  }

  void expect_inside(ByteSpan bytes, const std::string& name) const {
    const std::uint64_t numbers_at = bytes.size() - end_size;
    const bool inside = table_at >= side_head_size && table_at <= numbers_at && frames <= numbers_at / 4 &&
                        manifest_at == table_at + frames * 4 && manifest_at <= numbers_at &&
                        manifest_packed == numbers_at - manifest_at && manifest_size <= largest_manifest &&
                        store_size <= frames * store_frame &&
                        (store_size + store_frame - 1) / store_frame == frames;
    const ByteSpan summed =
        inside ? bytes.subspan(table_at, numbers_at + numbers_at_end - table_at) : ByteSpan{};
    if (!inside || sum_of(summed) != as_text(bytes.subspan(numbers_at + numbers_at_end, 32)))
      damaged(name, "the side file is damaged: its table is not what was written");
  }

  StoreReader store(ByteSpan bytes, const std::string& name) const {
    ByteReader table(bytes.subspan(table_at, frames * 4), "table of frames");
    std::vector<StoreFrame> all;
    std::uint64_t at = side_head_size;
    for (std::uint64_t i = 0; i < frames; ++i) {
      const std::uint32_t entry = table.u32();
      all.push_back({.at = at, .size = entry & ~packed_mark, .packed = (entry & packed_mark) != 0});
      at += all.back().size;
    }
    if (at != table_at) damaged(name, "the side file is damaged: its frames do not fill it");
    return {bytes, std::move(all), store_size};
  }

  std::string manifest(ByteSpan bytes) const {
    const auto json =
        decompress_zstd(bytes.subspan(manifest_at, manifest_packed), manifest_size, largest_manifest);
    return std::string(as_text(json));
  }
};

SideContent::SideContent(ByteSpan bytes, std::string name)
    : SideContent(bytes, name, Ends::read(bytes, name)) {}

SideContent::SideContent(ByteSpan bytes, std::string name, const Ends& ends)
    : bytes_(bytes),
      name_(std::move(name)),
      store_(ends.store(bytes, name_)),
      manifest_(read_side_manifest(ends.manifest(bytes), name_)) {}

Recipe SideContent::recipe(const StoreRange& range, RecipeLimits limits) const {
  if (range.size > longest_recipe || range.at > store_.size() || range.size > store_.size() - range.at)
    damaged(name_, "the side file is damaged: a recipe is not in it");
  limits.store = store_.size();
  StoreCursor cursor(store_);
  const std::string bytes = cursor.read(range.at, range.size);
  return decode_recipe(as_byte_span(bytes), limits);
}

Recipe SideContent::recipe(const SideFile& file) const {
  return recipe(file.recipe,
                {.size = file.size, .slim = file.slim_size, .store = 0, .members = manifest_.members.size()});
}

Recipe SideContent::recipe(const SideMember& member) const {
  return recipe(member.recipe, {.size = member.size, .slim = member.slim_size, .store = 0, .members = 0});
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "side/write_wheel.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "formats/streams/deflate_again.h"
#include "formats/zip.h"
#include "os/mapped_file.h"
#include "side/compare.h"
#include "side/delta.h"
#include "side/unpacked_member.h"

namespace lathe {
namespace {

// A smaller stream is kept as it is: unpacking and packing it again saves nothing.
constexpr std::uint64_t smallest_again = 64 << 10;
constexpr std::ptrdiff_t lookups_at_once = 2;  // of up to 32 MiB of memory each

using Look = std::tuple<std::uint32_t, std::uint64_t, std::uint64_t, std::uint16_t>;
Look look_of(const ZipMember& member) { return {member.crc, member.size, member.packed_size, member.method}; }

// A member whose stream zlib may make again.
struct Touched {
  std::size_t old_one = 0, new_one = 0;
  std::optional<ZlibSettings> settings = {};
  std::unique_ptr<UnpackedMember> content = {};
  std::vector<DeltaRun> runs = {};
};

class WheelWriterAside {
 public:
  WheelWriterAside(const std::filesystem::path& original, const std::filesystem::path& slim,
                   const std::filesystem::path& scratch, const SideOptions& options)
      : old_map_(MappedFile::open(original)),
        new_map_(MappedFile::open(slim)),
        old_(read_zip(old_map_.bytes(), original.string())),
        new_(read_zip(new_map_.bytes(), slim.string())),
        scratch_(scratch),
        options_(options) {
    for (std::size_t i = 0; i < new_.members.size(); ++i) {
      const ZipMember& member = new_.members[i];
      if (member.packed.empty()) continue;
      by_look_.emplace(look_of(member), i);
      by_name_.emplace(member.name, i);
    }
  }

  void write(StoreWriter& store, SideManifest& manifest, SideSummary& summary) {
    find_touched();
    look_at_touched();
    put_members(store, manifest, summary);
    SideFile& file = manifest.files[0];
    file.recipe = store_recipe(store, whole(store, manifest, summary));
    file.size = old_map_.bytes().size();
    file.slim_size = new_map_.bytes().size();
    parallel_for_all(2, [&](std::size_t i) {
      if (i == 0) file.sha256 = to_hex(sha256(old_map_.bytes()));
      else file.slim_sha256 = to_hex(sha256(new_map_.bytes()));
    });
    old_map_.expect_whole();
    new_map_.expect_whole();
  }

 private:
  std::optional<std::size_t> same_stream(const ZipMember& member) const {
    const auto found = by_look_.find(look_of(member));
    if (found == by_look_.end()) return std::nullopt;
    const ZipMember& other = new_.members[found->second];
    return as_text(other.packed) == as_text(member.packed) ? std::optional(found->second) : std::nullopt;
  }

  void find_touched() {
    for (std::size_t i = 0; i < old_.members.size(); ++i) {
      const ZipMember& member = old_.members[i];
      if (member.method != 8 || !member.readable || member.packed_size < smallest_again) continue;
      const auto named = by_name_.find(member.name);
      if (named == by_name_.end() || !new_.members[named->second].readable || same_stream(member)) continue;
      touched_.push_back({.old_one = i, .new_one = named->second});
    }
    std::ranges::stable_sort(touched_, std::ranges::greater{},
                             [&](const Touched& one) { return old_.members[one.old_one].size; });
  }

  void look_at_touched() {
    std::counting_semaphore<> lookups(lookups_at_once);
    std::mutex progress;
    std::uint64_t done = 0;
    parallel_for_all(
        touched_.size(),
        [&](std::size_t i) {
          look_at(touched_[i], i, lookups);
          const std::lock_guard lock(progress);
          done += old_.members[touched_[i].old_one].size;
          if (options_.progress) options_.progress(done);
        },
        options_.threads);
  }

  void look_at(Touched& one, std::size_t number, std::counting_semaphore<>& lookups) {
    const ZipMember& member = old_.members[one.old_one];
    auto content = std::make_unique<UnpackedMember>(member, scratch_ / (std::to_string(number) + ".old"));
    one.settings = settings_that_made(member.packed, content->bytes(), {});
    if (!one.settings) return;
    const UnpackedMember slim(new_.members[one.new_one], scratch_ / (std::to_string(number) + ".new"));
    lookups.acquire();
    try {
      one.runs = delta(content->bytes(), slim.bytes());
    } catch (...) {
      lookups.release();
      throw;
    }
    lookups.release();
    one.content = std::move(content);
  }

  void put_members(StoreWriter& store, SideManifest& manifest, SideSummary& summary) {
    for (Touched& one : touched_) {
      if (!one.settings) {
        ++summary.streams_kept;
        continue;
      }
      const ZipMember& member = old_.members[one.old_one];
      member_of_[one.old_one] = manifest.members.size();
      manifest.members.push_back({.path = member.name,
                                  .slim_path = new_.members[one.new_one].name,
                                  .size = member.size,
                                  .slim_size = new_.members[one.new_one].size,
                                  .packed_size = member.packed_size,
                                  .settings = *one.settings,
                                  .recipe = store_runs(store, one.runs, one.content->bytes())});
      ++summary.packed_again;
      one.content.reset();
    }
  }

  // From its first byte to its last: the streams, and headers and directory between them.
  Recipe whole(StoreWriter& store, const SideManifest& manifest, SideSummary& summary) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < old_.members.size(); ++i) {
      if (!old_.members[i].packed.empty()) order.push_back(i);
    }
    std::ranges::sort(order, {}, [&](std::size_t i) { return old_.members[i].packed.data(); });
    Recipe recipe;
    std::uint64_t at = 0;
    for (const std::size_t i : order) {
      const ByteSpan packed = old_.members[i].packed;
      const auto start = static_cast<std::uint64_t>(packed.data() - old_map_.bytes().data());
      if (start < at) continue;  // it lies inside of another one
      store.add(recipe, old_map_.bytes().subspan(at, start - at));
      put_stream(recipe, i, store, manifest, summary);
      at = start + packed.size();
    }
    store.add(recipe, old_map_.bytes().subspan(at));
    return recipe;
  }

  void put_stream(Recipe& recipe, std::size_t i, StoreWriter& store, const SideManifest& manifest,
                  SideSummary& summary) {
    const ZipMember& member = old_.members[i];
    if (const auto again = member_of_.find(i); again != member_of_.end()) {
      recipe.push_back({.from = Step::From::member,
                        .at = again->second,
                        .size = manifest.members[again->second].packed_size});
      ++summary.files;
      return;
    }
    if (const auto same = same_stream(member)) {
      const ByteSpan kept = new_.members[*same].packed;
      append_step(recipe, {.from = Step::From::slim,
                           .at = static_cast<std::uint64_t>(kept.data() - new_map_.bytes().data()),
                           .size = kept.size()});
      return;
    }
    put_packed(recipe, member, store);
    ++summary.files;
    if (!by_name_.contains(member.name)) ++summary.dropped;
  }

  // A stream that cannot be made again, as it lies there. Blocks of what stays in a member are in the slim
  // one's stream too.
  void put_packed(Recipe& recipe, const ZipMember& member, StoreWriter& store) const {
    const auto named = by_name_.find(member.name);
    if (named == by_name_.end()) return store.add(recipe, member.packed);
    const ByteSpan slim = new_.members[named->second].packed;
    const auto slim_at = static_cast<std::uint64_t>(slim.data() - new_map_.bytes().data());
    for (const DeltaRun& run : delta(member.packed, slim)) {
      if (run.kept)
        append_step(recipe, {.from = Step::From::slim, .at = slim_at + run.slim_at, .size = run.size});
      else store.add(recipe, member.packed.subspan(run.at, run.size));
    }
  }

  const MappedFile old_map_, new_map_;
  const Zip old_, new_;
  const std::filesystem::path& scratch_;
  const SideOptions& options_;
  std::map<Look, std::size_t> by_look_;
  std::map<std::string, std::size_t> by_name_;
  std::vector<Touched> touched_;
  std::map<std::size_t, std::size_t> member_of_;  // of the old wheel's members: in the manifest
};

}  // namespace

void write_wheel(const std::filesystem::path& original, const std::filesystem::path& slim,
                 const std::filesystem::path& scratch, const SideOptions& options, StoreWriter& store,
                 SideManifest& manifest, SideSummary& summary) {
  WheelWriterAside(original, slim, scratch, options).write(store, manifest, summary);
}

}  // namespace lathe

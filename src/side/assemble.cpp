// SPDX-License-Identifier: MIT
#include "side/assemble.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/text.h"
#include "formats/streams/deflate_again.h"
#include "formats/zip.h"
#include "os/mapped_file.h"
#include "side/manifest.h"
#include "side/store.h"
#include "side/unpacked_member.h"

namespace lathe {
namespace {

constexpr std::size_t piece_size = std::size_t{8} << 20;  // hashed and written at once
constexpr std::size_t worth_two_threads = 512 << 10;

[[noreturn]] void fail(const SideContent& side, std::string what) {
  throw Error(
      {.what = std::move(what),
       .where = {.file = side.name()},
       .next = "give the slim file and the side file of one and the same carve; nothing was changed"});
}

[[noreturn]] void fail_hash(const SideContent& side, const std::string& shown) {
  fail(side, fmt::format("{} does not come out as the original: the slim file was changed since, belongs to "
                         "another side file, or one of the two is damaged",
                         printable(shown)));
}

// Writes and hashes at the same time.
class HashedFile {
 public:
  HashedFile(int descriptor, const std::string& name) : descriptor_(descriptor), name_(name) {}

  void add(ByteSpan bytes) {
    while (!bytes.empty()) {
      const ByteSpan piece = bytes.first(std::min(piece_size, bytes.size()));
      bytes = bytes.subspan(piece.size());
      put(piece);
    }
  }
  std::string finish() { return to_hex(hash_.finish()); }

 private:
  void put(ByteSpan piece) {
    if (piece.size() < worth_two_threads) {
      hash_.add(piece);
      write_at(descriptor_, at_, piece, name_);
    } else {
      parallel_for_all(
          2,
          [&](std::size_t i) {
            if (i == 0) hash_.add(piece);
            else write_at(descriptor_, at_, piece, name_);
          },
          2);
    }
    at_ += piece.size();
  }

  int descriptor_;
  const std::string& name_;
  std::uint64_t at_ = 0;
  Sha256Stream hash_;
};

// The parts of a wheel lie at places that are known before: each member and the rest are put on their own.
class WheelAssembler {
 public:
  WheelAssembler(const WheelAssembly& how, int descriptor, const std::string& shown)
      : how_(how), descriptor_(descriptor), shown_(shown), zip_(read_zip(how.slim, how.slim_name)) {
    for (std::size_t i = 0; i < zip_.members.size(); ++i) by_name_.emplace(zip_.members[i].name, i);
  }

  void put_all() {
    place_parts();
    parallel_for_all(
        members_.size() + 1,
        [&](std::size_t i) {
          if (i == members_.size()) put_rest();
          else put_member(members_[i].first, members_[i].second);
        },
        how_.threads);
  }

 private:
  void place_parts() {
    const std::vector<SideMember>& members = how_.side.manifest().members;
    std::uint64_t at = 0;
    for (const Step& step : how_.side.recipe(how_.side.manifest().files[0])) {
      if (step.from != Step::From::member) {
        rest_.emplace_back(step, at);
      } else {
        if (step.size != members[step.at].packed_size)
          fail(how_.side, "the side file is damaged: a member's size");
        members_.emplace_back(step.at, at);
      }
      at += step.size;
    }
    std::ranges::stable_sort(members_, std::ranges::greater{},
                             [&](const auto& one) { return members[one.first].size; });
  }

  void put_rest() {
    StoreCursor store(how_.side.store());
    for (const auto& [step, to] : rest_) {
      if (step.from == Step::From::slim) {
        put(to, how_.slim.subspan(step.at, step.size));
        continue;
      }
      std::uint64_t at = to;
      store.read(step.at, step.size, [&](ByteSpan bytes) {
        put(at, bytes);
        at += bytes.size();
      });
    }
  }

  void put_member(std::size_t index, std::uint64_t to) {
    const SideMember& member = how_.side.manifest().members[index];
    const auto found = by_name_.find(member.slim_path);
    if (found == by_name_.end() || !zip_.members[found->second].readable ||
        zip_.members[found->second].size != member.slim_size)
      fail_hash(how_.side, member.path);
    const UnpackedMember slim(zip_.members[found->second], how_.scratch / fmt::format("{}-{}", index, to));
    std::uint64_t at = to;
    const std::uint64_t end = to + member.packed_size;
    ZlibDeflate deflate(member.settings, [&](ByteSpan bytes) {
      if (bytes.size() > end - at) fail_hash(how_.side, member.path);
      put(at, bytes);
      at += bytes.size();
    });
    assemble(how_.side.recipe(member), slim.bytes(), how_.side.store(),
             [&](ByteSpan bytes) { deflate.add(bytes); });
    deflate.finish();
    if (at != end) fail_hash(how_.side, member.path);
  }

  void put(std::uint64_t at, ByteSpan bytes) {
    write_at(descriptor_, at, bytes, shown_);
    const std::lock_guard lock(progress_);
    done_ += bytes.size();
    if (how_.progress) how_.progress(done_);
  }

  const WheelAssembly& how_;
  int descriptor_;
  const std::string& shown_;
  const Zip zip_;
  std::map<std::string, std::size_t> by_name_;
  std::vector<std::pair<std::size_t, std::uint64_t>> members_;  // and where each begins
  std::vector<std::pair<Step, std::uint64_t>> rest_;
  std::mutex progress_;
  std::uint64_t done_ = 0;
};

}  // namespace

void write_at(int descriptor, std::uint64_t at, ByteSpan bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw system_error("write", name, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    at += static_cast<std::uint64_t>(put);
  }
}

void assemble(const Recipe& recipe, ByteSpan slim, const StoreReader& store,
              const std::function<void(ByteSpan)>& sink) {
  StoreCursor cursor(store);
  for (const Step& step : recipe) {
    if (step.from == Step::From::slim) sink(ByteReader(slim, "slim file").at(step.at, step.size));
    else if (step.from == Step::From::store) cursor.read(step.at, step.size, sink);
    else
      throw Error(
          {.what = "the side file is damaged: a member outside of a wheel", .next = "fetch it again"});
  }
}

void assemble_file(const SideContent& side, const SideFile& file, ByteSpan slim, int descriptor,
                   const std::string& shown) {
  HashedFile out(descriptor, shown);
  assemble(side.recipe(file), slim, side.store(), [&](ByteSpan bytes) { out.add(bytes); });
  if (out.finish() != file.sha256) fail_hash(side, shown);
}

void assemble_wheel(const WheelAssembly& how, int descriptor, const std::string& shown) {
  WheelAssembler(how, descriptor, shown).put_all();
}

}  // namespace lathe

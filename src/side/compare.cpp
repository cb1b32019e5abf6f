// SPDX-License-Identifier: MIT
#include "side/compare.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "os/mapped_file.h"
#include "side/side_file.h"

namespace lathe {
namespace {

// Two large pairs at once: each takes up to 32 MiB while its slim file is looked up.
constexpr std::uint64_t enough_bytes = std::uint64_t{64} << 20;
constexpr std::size_t most_pairs = 128;  // and files held open
constexpr unsigned most_threads = 2;

struct Mapped {
  MappedFile original;
  std::optional<MappedFile> slim = {};
  Compared result = {};
};

Mapped map(const ComparedPair& pair) {
  Mapped mapped{.original = MappedFile::open(pair.original)};
  mapped.result.size = mapped.original.bytes().size();
  if (!pair.slim.empty()) {
    mapped.slim = MappedFile::open(pair.slim);
    mapped.result.slim_size = mapped.slim->bytes().size();
  }
  return mapped;
}

void find_runs(Mapped& pair) {
  const ByteSpan original = pair.original.bytes();
  if (pair.slim) pair.result.runs = delta(original, pair.slim->bytes());
  else if (!original.empty()) pair.result.runs = {{.at = 0, .size = original.size()}};
}

void compare_batch(std::vector<Mapped>& batch, unsigned threads) {
  constexpr std::size_t tasks = 3;
  parallel_for_all(
      batch.size() * tasks,
      [&](std::size_t i) {
        Mapped& pair = batch[i / tasks];
        if (i % tasks == 0) find_runs(pair);
        else if (i % tasks == 1) pair.result.sha256 = to_hex(sha256(pair.original.bytes()));
        else if (pair.slim) pair.result.slim_sha256 = to_hex(sha256(pair.slim->bytes()));
      },
      threads);
}

Recipe whole(const std::vector<DeltaRun>& runs, StoreWriter& store, ByteSpan original) {
  Recipe recipe;
  for (const DeltaRun& run : runs) {
    if (run.kept) append_step(recipe, {.from = Step::From::slim, .at = run.slim_at, .size = run.size});
    else store.add(recipe, original.subspan(run.at, run.size));
  }
  return recipe;
}

}  // namespace

void compare_all(const std::vector<ComparedPair>& pairs, unsigned threads,
                 const std::function<void(std::size_t, const Compared&, ByteSpan original)>& take) {
  threads = std::min(threads ? threads : usable_cores(), most_threads);
  for (std::size_t next = 0; next < pairs.size();) {
    const std::size_t first = next;
    std::vector<Mapped> batch;
    for (std::uint64_t bytes = 0; next < pairs.size() && bytes < enough_bytes && batch.size() < most_pairs;
         ++next) {
      batch.push_back(map(pairs[next]));
      bytes += batch.back().result.size;
    }
    compare_batch(batch, threads);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      take(first + i, batch[i].result, batch[i].original.bytes());
      batch[i].original.expect_whole();
      if (batch[i].slim) batch[i].slim->expect_whole();
    }
  }
}

StoreRange store_recipe(StoreWriter& store, const Recipe& recipe) {
  const std::string bytes = encode(recipe);
  if (bytes.size() > longest_recipe)
    throw Error({.what = "the original and its slim file differ in too many places for a side file",
                 .next = "keep the original itself"});
  return {.at = store.append(as_byte_span(bytes)), .size = bytes.size()};
}

StoreRange store_runs(StoreWriter& store, const std::vector<DeltaRun>& runs, ByteSpan original) {
  return store_recipe(store, whole(runs, store, original));
}

void look_at_file(const std::filesystem::path& path, SideFile& file) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) throw system_error("read", path.string(), errno);
  constexpr std::int64_t nanoseconds = 1'000'000'000;
  file.mode = status.st_mode & 07777;
  file.modified = status.st_mtim.tv_sec * nanoseconds + status.st_mtim.tv_nsec;
}

}  // namespace lathe

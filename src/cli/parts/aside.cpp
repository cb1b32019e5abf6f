// SPDX-License-Identifier: MIT
#include "cli/parts/aside.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "os/mapped_file.h"
#include "os/output.h"
#include "package/place_journal.h"
#include "side/side_file.h"
#include "side/staged.h"

namespace lathe {

namespace fs = std::filesystem;

void check_side(const fs::path& original, const fs::path& side) {
  check_output(side);
  if (fs::exists(fs::symlink_status(side))) {
    throw Error({.what = "this is there already",
                 .where = {.file = side.string()},
                 .next = "name a file that does not exist yet, or remove it"});
  }
  const fs::path inner = fs::weakly_canonical(side).lexically_relative(fs::weakly_canonical(original));
  if (!inner.empty() && *inner.begin() != "..") {
    throw Error({.what = "the side file would be inside what is carved",
                 .where = {.file = side.string()},
                 .next = "name a file beside it"});
  }
}

SideSummary put_aside(const AsideCall& call, const fs::path& slim, Terminal& terminal,
                      const std::vector<SideNeighbour>& neighbours) {
  Progress progress(terminal);
  return write_side(call.original, slim, call.side,
                    {.how = call.how, .neighbours = neighbours, .progress = [&](std::uint64_t done) {
                       progress.show(fmt::format("writing the side file, {} compared", size_text(done)));
                     }});
}

std::optional<SideSummary> change_in_place_aside(const AsideCall& call,
                                                 const std::function<bool(const fs::path& copy)>& change,
                                                 Terminal& terminal) {
  std::optional<PlaceJournal> journal;  // nobody else changes the folder from here on
  if (fs::is_directory(call.original)) journal.emplace(call.original);
  if (journal && !journal->earlier().empty()) {
    throw Error({.what = "a run that changed this in place was killed",
                 .where = {.file = call.original.string()},
                 .next = "finish it: run the same command in place without --side"});
  }
  StagedCopy staged(call.original);
  if (!change(staged.path())) return std::nullopt;
  const SideSummary summary = put_aside(call, staged.path(), terminal, staged.neighbours());
  const MappedFile side = MappedFile::open(call.side);
  staged.put_in_place(SideContent(side.bytes(), call.side));
  return summary;
}

void print_side(const SideSummary& side, Terminal& terminal) {
  terminal.print("side file: {} for the {} that were dropped\n", size_text(side.size),
                 size_text(side.content));
  if (side.streams_kept == 0) return;
  terminal.print("{} members of the wheel were not packed by zlib: the side file keeps them as they were\n",
                 side.streams_kept);
}

void write_side_json(JsonWriter& json, const SideSummary& side) {
  json.key("side").begin_object().member("size", side.size).member("dropped", side.content);
  json.member("files", side.files).member("files_dropped", side.dropped);
  json.member("members_packed_again", side.packed_again).member("members_kept_packed", side.streams_kept);
  json.end_object();
}

}  // namespace lathe

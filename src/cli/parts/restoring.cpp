// SPDX-License-Identifier: MIT
#include "cli/parts/restoring.h"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "side/manifest.h"

namespace lathe {

Restored restore_with_progress(const RestoreCall& call, const SideContent& side, Terminal& terminal) {
  Progress progress(terminal);
  RestoreOptions how{.to = call.to, .dry_run = call.dry_run};
  how.progress = [&](std::uint64_t done, std::uint64_t all) {
    progress.show(fmt::format("restoring, {} of {}", size_text(done), size_text(all)));
  };
  return restore(call.slim, side, how);
}

void print_restored(const RestoreCall& call, const SideContent& side, const Restored& done,
                    Terminal& terminal) {
  const std::string_view tense = call.dry_run ? "would be restored" : "restored";
  if (side.manifest().kind != SideManifest::Kind::folder) {
    terminal.print("{}: {} -> {}, SHA-256 {}\n", tense, size_text(done.slim_size), size_text(done.size),
                   done.sha256);
  } else {
    terminal.print("{}: {} files, {} -> {}; {} of them had been dropped, {} removed\n", tense, done.files,
                   size_text(done.slim_size), size_text(done.size), done.brought_back, done.removed);
  }
  if (done.there_already > 0) terminal.print("{} were as the original already\n", done.there_already);
  if (!call.dry_run) terminal.print("wrote {}\n", done.path.string());
}

void print_restored_json(const RestoreCall& call, const SideContent& side, const Restored& done,
                         Terminal& terminal) {
  JsonWriter json;
  begin_report(json).member("dry_run", call.dry_run).member("kind", to_string(side.manifest().kind));
  json.member("name", side.manifest().name).member("path", done.path.string());
  json.member("size_before", done.slim_size).member("size_after", done.size);
  json.member("side_size", side.size()).member("files", done.files);
  json.member("files_brought_back", done.brought_back).member("files_removed", done.removed);
  json.member("files_there_already", done.there_already);
  if (!done.sha256.empty()) json.member("sha256", done.sha256);
  json.end_object();
  terminal.out(json.take());
}

}  // namespace lathe

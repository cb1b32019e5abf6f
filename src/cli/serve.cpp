// SPDX-License-Identifier: MIT
// `torchlathe serve`: an index that pip and uv install slim wheels from, carved as they are asked for.
#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "base/json.h"
#include "base/text.h"
#include "carve/plan/plan.h"
#include "cli/commands.h"
#include "cli/exit/stop_signals.h"
#include "cli/options/carving.h"
#include "cli/options/options.h"
#include "cli/parts/live_page.h"
#include "cli/parts/page_content.h"
#include "http/request.h"
#include "http/server.h"
#include "matrix/axis_table.h"
#include "matrix/shipped/shipped.h"
#include "os/terminal.h"
#include "simple/answers.h"
#include "simple/cache_size.h"
#include "simple/carved_wheels.h"
#include "simple/package_index.h"
#include "simple/root.h"
#include "simple/upstream_index.h"
#include "simple/wheel_folder.h"

namespace lathe {
namespace serve_command {

namespace fs = std::filesystem;

struct Options {
  std::string wheels, upstream, gpu, cache, cache_size;
  std::vector<std::string> hosts;
  std::string listen = "127.0.0.1:8080";
  bool warm = false;
  PageOptions page;
};

void declare(OptionSet& set, Options& options) {
  set.text("--wheels", options.wheels, "DIR", "the folder with the wheels", ValueKind::folder);
  set.text("--upstream", options.upstream, "URL", "the root of another package index, instead of --wheels");
  set.text("-g,--gpu", options.gpu, "CC[,CC...]", "the GPUs, each with a root of its own: 8.6,9.0");
  set.values(known_gpus());
  set.text("--cache", options.cache, "DIR", "where carved wheels are kept [~/.cache/torchlathe/wheels]",
           ValueKind::folder);
  set.text("--cache-size", options.cache_size, "SIZE",
           "how much it may hold: 20GB; wheels that were used least recently go");
  set.text("--listen", options.listen, "HOST:PORT", "where to listen; port 0 is a free one [127.0.0.1:8080]");
  set.texts("--host", options.hosts, "NAME", "a name by which clients may ask, besides localhost");
  set.text("-m,--matrix", options.page.matrix.path, "FILE",
           "show this matrix as a page that follows its builds, at /matrix/", ValueKind::file);
  set.values(shipped_matrices());
  options.page.declare(set);
  set.flag("--warm", options.warm, "carve all wheels before the first request, so that all hashes are known");
}

bool serves_wheels(const Options& options) {
  return !options.wheels.empty() || !options.upstream.empty() || !options.gpu.empty();
}

void check(const Options& options) {
  if (!serves_wheels(options) && !options.page.matrix.path.empty()) return;
  if (options.wheels.empty() == options.upstream.empty()) {
    throw Error({.what = "which wheels?",
                 .next = "say --wheels DIR or --upstream URL; or -m MATRIX, to show how its builds go"});
  }
  if (options.warm && options.wheels.empty()) {
    throw Error({.what = "--warm would fetch all that the upstream index has",
                 .next = "leave it out, or say --wheels DIR"});
  }
  if (options.gpu.empty()) throw Error({.what = "for which GPUs?", .next = "say --gpu 8.6,9.0"});
}

fs::path cache_folder(const Options& options) {
  if (!options.cache.empty()) return options.cache;
  const char* base = std::getenv("XDG_CACHE_HOME");
  if (base != nullptr && fs::path(base).is_absolute()) return fs::path(base) / "torchlathe/wheels";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') return fs::path(home) / ".cache/torchlathe/wheels";
  throw Error({.what = "where are carved wheels kept? HOME is not set", .next = "say --cache DIR"});
}

std::uint64_t cache_size(const Options& options) {
  if (options.cache_size.empty()) return 0;
  if (const auto size = parse_cache_size(options.cache_size)) return *size;
  throw Error({.what = fmt::format("\"{}\" is not a size", printable(options.cache_size)),
               .next = "as in --cache-size 20GB"});
}

// Terminal is for one thread.
class Speaker {
 public:
  explicit Speaker(Terminal& terminal) : terminal_(terminal) {}
  void say(Tone tone, const std::string& text) {
    const std::lock_guard lock(lock_);
    terminal_.say(tone, text);
  }
  void log(const HttpLogLine& line) {
    say(line.note.empty() ? Tone::detail : Tone::note,
        safe_format("torchlathe: {} {} {} {}, {} ms{}\n", line.method, line.path, line.status,
                    size_text(line.sent), line.took.count(), line.note.empty() ? "" : ": " + line.note));
  }

 private:
  Terminal& terminal_;
  std::mutex lock_;
};

// Carves all that the pages offer. What cannot be carved now is said, and served as it is.
void warm_up(FolderIndex& index, WheelFolder& folder, CarvedWheels& kept, Terminal& terminal) {
  const auto wheels = folder.wheels();
  const auto orders = index.orders(*wheels);
  std::size_t done = 0, carved = 0;
  Progress progress(terminal);
  for (const auto& [wheel, how] : orders) {
    progress.show(fmt::format("carving {}/{} {}", ++done, orders.size(), wheel->file_name()));
    if (StopOnSignals::asked()) return;
    try {
      if (how.naming != Naming::same && !kept.would_carve(*wheel, how.target)) continue;
      carved += kept.carve(*wheel, how).carved() ? 1 : 0;
    } catch (const Error& error) {
      progress.done();
      terminal.say(Tone::note,
                   safe_format("torchlathe: {} is not carved: {}\n", wheel->file_name(), error.parts().what));
    }
  }
  progress.done();
  terminal.say(Tone::note, fmt::format("torchlathe: {} carved wheels are ready\n", carved));
}

void say_what_is_served(const PackageIndex* index, bool page, const HttpServer& server, Terminal& terminal) {
  if (page) terminal.print("http://{}/matrix/\n", server.address());
  if (index) {
    for (const Root& root : index->roots())
      terminal.print("http://{}/{}simple/\n", server.address(), root.path);
  }
  terminal.flush();
  if (server.is_loopback()) return;
  terminal.say(Tone::note,
               "torchlathe: other machines can reach this: let a reverse proxy say who may, and speak TLS "
               "(torchlathe help serve)\n");
}

// The wheels, read and, if asked for, carved: what the answers need for as long as the server runs.
struct Wheels {
  explicit Wheels(const Options& options) : kept(cache_folder(options), cache_size(options)) {}

  CarvedWheels kept;
  std::optional<WheelFolder> folder;  // without an upstream
  std::unique_ptr<PackageIndex> index;
};

void open_folder(const Options& options, std::vector<CarveTarget> targets, Wheels& wheels,
                 Terminal& terminal) {
  WheelFolder& folder = wheels.folder.emplace(options.wheels, wheels.kept);
  Progress progress(terminal);
  const auto found = folder.wheels(
      [&](std::size_t done, std::size_t all) { progress.show(fmt::format("reading {}/{}", done, all)); });
  progress.done();
  for (const Finding& finding : found->left_out)
    terminal.say(Tone::note, safe_format("torchlathe: left out: {}: {}\n", finding.where.file, finding.what));
  auto index = std::make_unique<FolderIndex>(folder, wheels.kept, std::move(targets));
  if (options.warm) warm_up(*index, folder, wheels.kept, terminal);
  wheels.index = std::move(index);
}

std::unique_ptr<Wheels> open_wheels(const Options& options, Speaker& speaker, Terminal& terminal) {
  if (!serves_wheels(options)) return nullptr;
  auto targets = carve_targets(options.gpu);
  say_what_is_unknown(targets, terminal);
  auto wheels = std::make_unique<Wheels>(options);
  if (options.upstream.empty()) {
    open_folder(options, std::move(targets), *wheels, terminal);
    return wheels;
  }
  UpstreamOptions how{.url = options.upstream};
  how.say = [&](const std::string& text) { speaker.say(Tone::note, safe_format("torchlathe: {}\n", text)); };
  wheels->index = std::make_unique<UpstreamIndex>(wheels->kept, std::move(targets), std::move(how));
  return wheels;
}

std::unique_ptr<LivePage> open_page(const Options& options, Terminal& terminal) {
  if (options.page.matrix.path.empty()) return nullptr;
  return std::make_unique<LivePage>(matrix_content(options.page, terminal), options.page.state);
}

HttpAnswer answer_one(LivePage* page, Wheels* wheels, const HttpRequest& request) {
  if (page && LivePage::has(request.path)) return page->answer(request);
  if (wheels) return answer(*wheels->index, request);
  if (request.path == "/") return {.status = 302, .location = "/matrix/"};
  return {.status = 404, .body = "there is no such page or file\n"};
}

int run(const Options& options, Terminal& terminal) {
  check(options);
  const StopOnSignals signals;
  Speaker speaker(terminal);
  const auto wheels = open_wheels(options, speaker, terminal);
  const auto page = open_page(options, terminal);
  HttpServer server(
      {.listen = options.listen,
       .hosts = options.hosts,
       .log = [&](const HttpLogLine& line) { speaker.log(line); }},
      [&](const HttpRequest& request) { return answer_one(page.get(), wheels.get(), request); });
  say_what_is_served(wheels ? wheels->index.get() : nullptr, page != nullptr, server, terminal);
  server.run(StopOnSignals::asked());
  return 0;
}

}  // namespace serve_command

std::unique_ptr<BoundCommand> command_serve() {
  return bind_command(serve_command::declare, serve_command::run);
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "cli/options/global_options.h"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "base/error.h"
#include "base/safe_format.h"
#include "base/text.h"
#include "os/terminal.h"

namespace lathe {

void GlobalOptions::declare(OptionSet& set) {
  set.group(global_group);
  set.flag("-v,--verbose", verbose,
           "say which files are read, what is run, how long it takes; on standard error");
  set.flag("-q,--quiet", quiet, "print the result alone: no notes, no progress");
  set.choice("--color", color, {"auto", "always", "never"}, "colour of the output [auto]");
  set.flag("--no-progress", no_progress, "draw no progress lines");
  set.text("--log", log, "FILE", "add what happens to this file, one JSON object a line", ValueKind::file);
  set.group("");
}

std::shared_ptr<RunLog> GlobalOptions::apply(Terminal& terminal) const {
  if (verbose && quiet)
    throw Error({.what = "--verbose and --quiet exclude each other", .next = "give one of them"});
  if (verbose) terminal.set_least(Tone::detail);
  if (quiet) terminal.set_least(Tone::error);
  if (color != "auto") terminal.set_colour(color == "always");
  if (no_progress) terminal.hide_progress();
  if (log.empty()) return nullptr;
  auto written = std::make_shared<RunLog>(log);
  terminal.listen([written](Tone tone, std::string_view text) { written->say(tone, text); });
  return written;
}

Narration GlobalOptions::narrate(Terminal& terminal) const {
  if (!verbose && log.empty()) return Narration({});
  const auto start = std::chrono::steady_clock::now();
  return Narration([&terminal, start](std::string_view line) {
    const std::chrono::duration<double> since = std::chrono::steady_clock::now() - start;
    terminal.say(Tone::detail, safe_format("torchlathe: {:.2f} s: {}\n", since.count(), line));
  });
}

std::vector<std::string> command_first(std::vector<std::string> arguments) {
  GlobalOptions global;
  OptionSet known;
  global.declare(known);
  const auto takes_value = [&](const std::string& word) {
    return std::ranges::any_of(known.declared(), [&](const Declared& option) {
      return !option.value.empty() && std::ranges::count(split(option.names, ','), word) > 0;
    });
  };
  std::size_t command = 0;
  while (command < arguments.size() && arguments[command].starts_with('-'))
    command += takes_value(arguments[command]) ? 2 : 1;
  if (command < arguments.size()) {
    const auto place = arguments.begin() + static_cast<std::ptrdiff_t>(command);
    std::rotate(arguments.begin(), place, place + 1);
  }
  return arguments;
}

}  // namespace lathe

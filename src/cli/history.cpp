// SPDX-License-Identifier: MIT
// `torchlathe history`: what was built, when, how long, how much memory, how it ended; and the logs.
#include "jobs/history/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/json_report.h"
#include "jobs/log_file.h"
#include "report/progress.h"
#include "cli/commands.h"
#include "cli/options/options.h"
#include "cli/parts/log_lines.h"
#include "os/terminal.h"
#include "report/table.h"

namespace lathe {
namespace history_command {

struct Options {
  std::vector<std::string> words;
  std::string state = ".torchlathe";
  std::uint64_t limit = 50;
  std::string format = "text";
};

void declare(OptionSet& set, Options& options) {
  set.positionals("name", options.words, "names or a glob over names; `log NAME` prints the last log of one",
                  ValueKind::variant, false);
  set.text("--state", options.state, "DIR", "folder of the history [.torchlathe]", ValueKind::folder);
  set.number("--limit", options.limit, "N", "how many builds to list, newest first [50]");
  set.formerly("--most");
  set.choice("-f,--format", options.format, {"text", "json", "csv", "md"}, "how to print [text]");
}

int print_log(const History& history, const Options& options, Terminal& terminal) {
  if (options.words.size() != 2)
    throw Error({.what = "history log: which build?", .where = {}, .next = "torchlathe history log NAME"});
  const auto record = history.last_with_log(options.words[1]);
  if (!record)
    throw Error({.what = fmt::format("no log of \"{}\" is kept here", options.words[1]),
                 .where = {},
                 .next = "torchlathe history lists what was built"});
  terminal.set_fold(0);  // a log's lines are its own
  LogLines lines([&](const std::string& line) { terminal.out(line + "\n"); });
  read_log(log_path(options.state, record->log), [&](std::string_view text) { lines.take(text); });
  lines.finish();
  return 0;
}

void print_json(const std::vector<BuildRecord>& records, Terminal& terminal) {
  JsonWriter json;
  begin_report(json).key("builds").begin_array();
  for (const BuildRecord& record : records) {
    json.begin_object()
        .member("run", record.run)
        .member("variant", record.variant)
        .member("started", record.started);
    json.member("seconds", record.seconds)
        .member("status", record.status)
        .member("derivation", record.derivation);
    json.member("output", record.output)
        .member("output_bytes", record.output_bytes)
        .member("peak_bytes", record.peak_bytes);
    json.member("cores", record.cores)
        .member("rule", record.rule)
        .member("verdict", record.verdict)
        .member("log", record.log);
    json.member("builder", record.builder).end_object();
  }
  terminal.out(json.end_array().end_object().take());
}

Style style_of(const std::string& status) {
  if (status == "built" || status == "cached") return Style::green;
  return status == "failed" || status == "mismatch" ? Style::red : Style::dim;
}

Table table_of(const std::vector<BuildRecord>& records) {
  Table table({"when", "status", "variant", "took", "memory", "size", "why"});
  for (const BuildRecord& record : records) {
    table.add(
        {local_minute(record.started), record.status, record.variant,
         record.seconds ? duration_text(*record.seconds) : "",
         record.peak_bytes.value_or(0) > 0 ? bytes_text(static_cast<std::uint64_t>(*record.peak_bytes)) : "",
         record.output_bytes.value_or(0) > 0 ? bytes_text(static_cast<std::uint64_t>(*record.output_bytes))
                                             : "",
         record.rule.empty() ? record.verdict : record.rule},
        style_of(record.status));
  }
  return table;
}

int run(const Options& options, Terminal& terminal) {
  if (!std::filesystem::exists(std::filesystem::path(options.state) / "history.db")) {
    throw Error({.what = "nothing was built here yet",
                 .where = {.file = options.state},
                 .next = "torchlathe build, or give the folder: --state"});
  }
  History history(std::filesystem::path(options.state) / "history.db");
  history.mark_lost();
  if (!options.words.empty() && options.words[0] == "log") return print_log(history, options, terminal);
  std::vector<BuildRecord> records;
  for (const std::string& word : options.words.empty() ? std::vector<std::string>{""} : options.words) {
    std::ranges::move(history.builds(word, options.limit), std::back_inserter(records));
  }
  const Table table = table_of(records);
  if (options.format == "json") print_json(records, terminal);
  if (options.format == "csv") terminal.out(table.csv());
  if (options.format == "md") terminal.out(table.markdown());
  if (options.format == "text") terminal.out(table.text(terminal));
  return 0;
}

}  // namespace history_command

std::unique_ptr<BoundCommand> command_history() {
  return bind_command(history_command::declare, history_command::run);
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "jobs/history/history.h"

#include <fmt/format.h>
#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include "base/embedded.h"
#include "base/error.h"
#include "base/text.h"
#include "os/file.h"

namespace lathe {

namespace jobs_data {
std::span<const EmbeddedFile> schema();
}

namespace {

constexpr int patience_ms = 30'000;  // for another process that writes

// A history may be damaged (a page that points to itself) or made to be endless. A million builds are read
// in 6e7 steps of SQLite's machine, less than half a step for each byte of their file; a text of ours is a
// sentence or a record of some kB.
constexpr int steps_a_look = 1'000'000, least_looks = 20, most_looks = 400, longest_text = 1 << 20;
constexpr std::uintmax_t bytes_a_look = 500'000;
// a build is written down whatever it said of itself
constexpr std::size_t longest_verdict = std::size_t{64} << 10;

// The steps of schema.sql, in order.
std::vector<std::string> steps() {
  std::vector<std::string> all;
  for (const std::string_view line : split(jobs_data::schema().front().text, '\n')) {
    if (line.starts_with("-- step ")) all.emplace_back();
    if (!all.empty()) all.back() += std::string(line) + "\n";
  }
  return all;
}

using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string>;

template <typename T>
Value value_of(const std::optional<T>& maybe) {
  return maybe ? Value(*maybe) : Value(nullptr);
}

// A number that no process can have (0 and less mean groups of processes) is one of a process that is gone.
bool is_alive(std::int64_t process) {
  if (process <= 0 || !std::in_range<pid_t>(process)) return false;
  return process == ::getpid() || ::kill(static_cast<pid_t>(process), 0) == 0 || errno != ESRCH;
}

constexpr std::string_view columns =
    "id, run, variant, started, seconds, status, derivation, output, log, peak_bytes, output_bytes, cores, "
    "rule, verdict, builder, carved_from";

}  // namespace

struct History::State {
  std::string file;
  sqlite3* database = nullptr;
  mutable int looks_left = 0;  // at the statement that runs, each after a million steps

  // Nothing that the file's schema says runs by itself: no trigger, no view, no function with effects.
  void distrust() {
    sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
    sqlite3_limit(database, SQLITE_LIMIT_LENGTH, longest_text);
    const auto look = [](void* state) { return --static_cast<State*>(state)->looks_left < 0 ? 1 : 0; };
    sqlite3_progress_handler(database, steps_a_look, look, this);
  }

  ~State() { sqlite3_close(database); }

  [[noreturn]] void fail(const std::string& action) const {
    const bool endless = sqlite3_errcode(database) == SQLITE_INTERRUPT;
    throw Error(
        {.what = fmt::format("{}: {}", action,
                             endless ? "it takes too long, as if it had no end" : sqlite3_errmsg(database)),
         .where = {.file = file},
         .next = "if the file is damaged, move it away: a new one is started, and nothing built is lost",
         .kind = ErrorKind::fault});
  }

  // By the size of the file: a small one that makes a lot of work is none that was written here.
  void allow_steps() const {
    std::uintmax_t bytes = 0;
    for (const char* part : {"", "-wal"}) {
      std::error_code missing;
      if (const auto size = std::filesystem::file_size(file + part, missing); !missing) bytes += size;
    }
    looks_left = static_cast<int>(std::min<std::uintmax_t>(most_looks, least_looks + bytes / bytes_a_look));
  }

  void run(const std::string& sql) {
    allow_steps();
    if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      fail("cannot write the history");
  }

  // Runs a statement; `row` sees each row.
  template <typename Row>
  void query(const std::string& sql, const std::vector<Value>& values, const Row& row) const {
    allow_steps();
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
      fail("cannot read the history");
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> owner(statement, sqlite3_finalize);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (bind(statement, static_cast<int>(i) + 1, values[i]) != SQLITE_OK) fail("cannot use the history");
    }
    int outcome = sqlite3_step(statement);
    for (; outcome == SQLITE_ROW; outcome = sqlite3_step(statement)) row(statement);
    if (outcome != SQLITE_DONE) fail("cannot use the history");
  }
  void query(const std::string& sql, const std::vector<Value>& values) const {
    query(sql, values, [](sqlite3_stmt*) {});
  }

  static int bind(sqlite3_stmt* statement, int index, const Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value))
      return sqlite3_bind_int64(statement, index, *number);
    if (const auto* real = std::get_if<double>(&value)) return sqlite3_bind_double(statement, index, *real);
    const auto* text = std::get_if<std::string>(&value);
    if (!text) return sqlite3_bind_null(statement, index);
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }

  static std::string text(sqlite3_stmt* statement, int column) {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
    return bytes ? std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement, column))) : "";
  }
  static std::optional<std::int64_t> number(sqlite3_stmt* statement, int column) {
    if (sqlite3_column_type(statement, column) == SQLITE_NULL) return std::nullopt;
    return sqlite3_column_int64(statement, column);
  }

  static BuildRecord record(sqlite3_stmt* row) {
    BuildRecord record{.id = sqlite3_column_int64(row, 0),
                       .run = sqlite3_column_int64(row, 1),
                       .variant = text(row, 2),
                       .started = sqlite3_column_int64(row, 3),
                       .status = text(row, 5),
                       .derivation = text(row, 6),
                       .output = text(row, 7),
                       .log = text(row, 8),
                       .peak_bytes = number(row, 9),
                       .output_bytes = number(row, 10),
                       .cores = number(row, 11),
                       .rule = text(row, 12),
                       .verdict = text(row, 13),
                       .builder = text(row, 14),
                       .carved_from = text(row, 15)};
    if (sqlite3_column_type(row, 4) != SQLITE_NULL) record.seconds = sqlite3_column_double(row, 4);
    return record;
  }

  std::vector<BuildRecord> records(const std::string& rest, const std::vector<Value>& values) const {
    std::vector<BuildRecord> all;
    query(fmt::format("SELECT {} FROM builds {}", columns, rest), values,
          [&](sqlite3_stmt* row) { all.push_back(record(row)); });
    return all;
  }

  void migrate() {
    run("BEGIN IMMEDIATE");
    std::int64_t version = 0;
    query("PRAGMA user_version", {}, [&](sqlite3_stmt* row) { version = sqlite3_column_int64(row, 0); });
    const std::vector<std::string> all = steps();
    if (version > static_cast<std::int64_t>(all.size())) {
      run("ROLLBACK");
      throw Error({.what = fmt::format("this history is of a newer torchlathe (step {}, this one knows {})",
                                       version, all.size()),
                   .where = {.file = file},
                   .next = "update torchlathe, or give another --state folder",
                   .kind = ErrorKind::fault});
    }
    for (std::size_t step = static_cast<std::size_t>(version); step < all.size(); ++step) run(all[step]);
    run(fmt::format("PRAGMA user_version = {}; COMMIT", all.size()));
  }
};

History::History(const std::filesystem::path& file) : state_(std::make_unique<State>()) {
  state_->file = file.string();
  create_folders(file.parent_path());
  if (sqlite3_open(file.c_str(), &state_->database) != SQLITE_OK) state_->fail("cannot open the history");
  sqlite3_busy_timeout(state_->database, patience_ms);
  state_->distrust();
  state_->query("PRAGMA journal_mode = WAL", {});
  state_->migrate();
}
History::History(History&&) noexcept = default;
History::~History() = default;

std::int64_t History::begin_run(const std::string& matrix, const std::string& driver,
                                const std::vector<std::string>& wanted) {
  state_->run("BEGIN IMMEDIATE");
  state_->query("INSERT INTO runs (started, matrix, driver, pid) VALUES (?, ?, ?, ?)",
                {std::int64_t{std::time(nullptr)}, matrix, driver, std::int64_t{::getpid()}});
  const std::int64_t run = sqlite3_last_insert_rowid(state_->database);
  for (const std::string& name : wanted)
    state_->query("INSERT INTO wanted (run, variant) VALUES (?, ?)", {run, name});
  state_->run("COMMIT");
  return run;
}

void History::end_run(std::int64_t run) {
  state_->query("UPDATE runs SET ended = ? WHERE id = ?", {std::int64_t{std::time(nullptr)}, run});
}

std::int64_t History::begin_build(const BuildRecord& record) {
  state_->query(
      "INSERT INTO builds (run, variant, started, status, derivation, log, carved_from) VALUES (?, ?, ?, ?, "
      "?, ?, ?)",
      {record.run, record.variant, record.started, record.status, record.derivation, record.log,
       record.carved_from});
  return sqlite3_last_insert_rowid(state_->database);
}

void History::end_build(const BuildRecord& record) {
  state_->query(
      "UPDATE builds SET seconds = ?, status = ?, derivation = ?, output = ?, log = ?, peak_bytes = ?, "
      "output_bytes = ?, cores = ?, "
      "rule = ?, verdict = ?, builder = ? WHERE id = ?",
      {value_of(record.seconds), record.status, record.derivation, record.output, record.log,
       value_of(record.peak_bytes), value_of(record.output_bytes), value_of(record.cores), record.rule,
       record.verdict.substr(0, longest_verdict), record.builder, record.id});
}

void History::mark_lost() {
  std::vector<std::int64_t> dead;
  state_->query(
      "SELECT DISTINCT runs.id, runs.pid FROM runs JOIN builds ON builds.run = runs.id WHERE builds.status = "
      "'running'",
      {}, [&](sqlite3_stmt* row) {
        const std::int64_t number = sqlite3_column_int64(row, 1);
        if (!is_alive(number)) dead.push_back(sqlite3_column_int64(row, 0));
      });
  for (const std::int64_t run : dead) {
    state_->query(
        "UPDATE builds SET status = 'lost', verdict = 'torchlathe was killed' WHERE run = ? AND status = "
        "'running'",
        {run});
  }
}

std::vector<BuildRecord> History::builds(const std::string& variant_glob, std::size_t most) const {
  return state_->records("WHERE variant GLOB ? ORDER BY started DESC, id DESC LIMIT ?",
                         {variant_glob.empty() ? "*" : variant_glob, static_cast<std::int64_t>(most)});
}

std::optional<BuildRecord> History::last_with_log(const std::string& variant) const {
  const auto found =
      state_->records("WHERE variant = ? AND log != '' ORDER BY started DESC, id DESC LIMIT 1", {variant});
  return found.empty() ? std::nullopt : std::optional(found.front());
}

std::optional<std::vector<std::string>> History::unfinished() const {
  std::vector<std::string> names;
  bool any = false;
  state_->query("SELECT 1 FROM runs LIMIT 1", {}, [&](sqlite3_stmt*) { any = true; });
  if (!any) return std::nullopt;
  state_->query(
      "SELECT variant FROM wanted WHERE run = (SELECT max(id) FROM runs) AND variant NOT IN "
      "(SELECT variant FROM builds WHERE run = (SELECT max(id) FROM runs) AND status IN ('built', 'cached'))",
      {}, [&](sqlite3_stmt* row) { names.push_back(State::text(row, 0)); });
  return names;
}

void History::add_published(const PublishedRecord& record) {
  state_->query("INSERT INTO published (variant, target, what, at, record) VALUES (?, ?, ?, ?, ?)",
                {record.variant, record.target, record.what, record.when, record.record});
}

std::vector<PublishedRecord> History::published(const std::string& target) const {
  std::vector<PublishedRecord> all;
  state_->query(
      "SELECT variant, target, what, at, record FROM published WHERE id IN (SELECT max(id) FROM published "
      "GROUP BY variant, target) "
      "AND (? = '' OR target = ?) ORDER BY target, variant",
      {target, target}, [&](sqlite3_stmt* row) {
        all.push_back({.variant = State::text(row, 0),
                       .target = State::text(row, 1),
                       .what = State::text(row, 2),
                       .when = sqlite3_column_int64(row, 3),
                       .record = State::text(row, 4)});
      });
  return all;
}

Estimate History::estimate(const std::string& variant, bool carved) const {
  const auto from = [&](const std::string& condition, const std::vector<Value>& values) {
    Estimate estimate;
    std::vector<double> seconds;
    for (const BuildRecord& record : state_->records(
             fmt::format("WHERE status = 'built' AND seconds IS NOT NULL AND carved_from {} '' AND ",
                         carved ? "!=" : "=") +
                 condition + " ORDER BY started DESC LIMIT 20",
             values)) {
      seconds.push_back(*record.seconds);
      estimate.peak_bytes =
          std::max(estimate.peak_bytes, static_cast<std::uint64_t>(record.peak_bytes.value_or(0)));
    }
    if (seconds.empty()) return estimate;
    std::ranges::sort(seconds);
    estimate.seconds = seconds[seconds.size() / 2];
    estimate.low = seconds.front();
    estimate.high = seconds.back();
    estimate.samples = seconds.size();
    return estimate;
  };
  Estimate own = from("variant = ?", {variant});
  own.same_variant = own.samples > 0;
  // else work that several share, like no other
  const bool is_variant = variant.find("-python") != std::string::npos;
  if (own.peak_bytes > 0 || (own.same_variant && !is_variant)) return own;
  // Another of the same kind: a GPU build, or one for CPUs alone.
  const Estimate others = from(variant.find("-cpu-") == std::string::npos ? "variant LIKE '%-python%-cuda%'"
                                                                          : "variant LIKE '%-python%-cpu-%'",
                               {});
  if (!own.same_variant) return others;
  own.peak_bytes = others.peak_bytes;  // all its builds were on other machines, whose memory is not measured
  return own;
}

}  // namespace lathe

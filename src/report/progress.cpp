// SPDX-License-Identifier: MIT
#include "report/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <utility>
#include <vector>

#include "base/finding.h"
#include "base/finding_json.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "diagnose/diagnose.h"
#include "jobs/job.h"
#include "os/keyboard.h"

namespace lathe {

std::string duration_text(double seconds) {
  constexpr double most =
      1e15;  // what a damaged history holds is not a time, and beyond 2^63 minutes no number
  if (!(seconds >= 0 && seconds < most)) return "no time";
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto minutes = static_cast<long>(seconds / 60);
  return minutes < 60 ? fmt::format("{} min", minutes)
                      : fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

std::string bytes_text(std::uint64_t bytes) {
  const double size = static_cast<double>(bytes);
  if (size >= 1e9) return fmt::format("{:.1f} GB", size / 1e9);
  if (size >= 1e6) return fmt::format("{:.1f} MB", size / 1e6);
  return fmt::format("{:.0f} kB", size / 1e3);
}

std::string local_minute(std::int64_t seconds) {
  const std::time_t when = seconds;
  std::tm parts{};
  if (::localtime_r(&when, &parts) == nullptr) return std::to_string(seconds);
  return fmt::format("{}-{:02}-{:02} {:02}:{:02}", std::int64_t{parts.tm_year} + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min);
}

namespace {

using Clock = std::chrono::steady_clock;

double running_seconds(const Job& job) {
  return std::chrono::duration<double>(Clock::now() - job.started).count();
}

std::string last_line(const Job& job) { return job.last_lines.empty() ? "" : job.last_lines.back(); }

std::string ending_of(const Job& job) {
  std::string text = fmt::format("{:7} {}", to_string(job.state), job.name);
  if (job.state == JobState::built || job.state == JobState::mismatch) {
    text += fmt::format("  {}", duration_text(job.seconds));
    if (job.output_bytes > 0) text += fmt::format(", {}", bytes_text(job.output_bytes));
    if (job.peak_bytes > 0) text += fmt::format(", {} of memory", bytes_text(job.peak_bytes));
  }
  if (!job.reason.empty()) text += ": " + printable(job.reason);
  return text;
}

class Lines : public BuildObserver {
 public:
  Lines(Terminal& terminal, double heartbeat) : terminal_(terminal), heartbeat_(heartbeat) {}

  void started(const Job& job) override {
    say(fmt::format("start   {}{}{}", job.name, job.builder.empty() ? "" : " on " + job.builder,
                    expectation(job)));
  }
  void finished(const Job& job) override {
    say(ending_of(job));
    spoken_.erase(job.name);
  }
  void note(const std::string& text) override { say("note    " + text); }
  void tick(const std::vector<Job>& jobs) override {
    for (const Job& job : jobs) {
      if (job.state != JobState::running) continue;
      const auto [place, fresh] = spoken_.try_emplace(job.name, job.started);
      if (seconds_since(place->second) < heartbeat_ && !is_quiet_start()) continue;
      place->second = Clock::now();
      say(fmt::format("running {}  {}, {}: {}", job.name, duration_text(running_seconds(job)),
                      job.phase.empty() ? "starting" : job.phase, last_line(job)));
    }
  }

 private:
  static std::string expectation(const Job& job) {
    return job.estimate.samples == 0 ? "" : fmt::format("  about {}", duration_text(job.estimate.seconds));
  }
  static double seconds_since(Clock::time_point time) {
    return std::chrono::duration<double>(Clock::now() - time).count();
  }
  // Who has just started a build wants to see that it goes on: then one of the jobs speaks.
  bool is_quiet_start() const {
    constexpr double start = 30, quiet = 5;
    return seconds_since(began_) < start && seconds_since(said_) >= quiet;
  }
  void say(const std::string& text) {
    terminal_.print("{}\n", text);
    terminal_.flush();
    said_ = Clock::now();
  }

  Terminal& terminal_;
  double heartbeat_;
  Clock::time_point began_ = Clock::now(), said_ = began_;
  std::map<std::string, Clock::time_point> spoken_;  // last heartbeat of a job
};

// What has ended scrolls by; below it one line for each job that runs, drawn anew five times a second. The
// key of its number opens the end of a job's log, the same key again or Escape closes it.
class LiveTable : public BuildObserver {
 public:
  explicit LiveTable(Terminal& terminal) : terminal_(terminal) {}
  ~LiveTable() override { erase(); }

  void finished(const Job& job) override { above(ending_of(job)); }
  void note(const std::string& text) override { above("note    " + text); }
  void tick(const std::vector<Job>& jobs) override {
    read_keys();
    erase();
    const std::size_t rows = std::max(4U, terminal_rows()) - 2;
    std::size_t waiting = 0, ended = 0, number = 0;
    const Job* opened = nullptr;
    names_ = 0;
    for (const Job& job : jobs)
      names_ = std::max(names_, job.state == JobState::running ? place_of(job).size() : 0);
    for (const Job& job : jobs) {
      waiting += job.state == JobState::waiting;
      ended +=
          job.state != JobState::waiting && job.state != JobState::running && job.state != JobState::skipped;
      if (job.state != JobState::running) continue;
      if (++number == open_) opened = &job;
      if (number < rows) draw(fmt::format("{} {}", number, row(job)));
    }
    if (opened) draw_log(*opened, rows > drawn_ + 1 ? rows - drawn_ - 1 : 0);
    draw(fmt::format("{} done, {} to go{}", ended, waiting,
                     number > 0 && !opened ? "; the key of its number opens a log" : ""));
    terminal_.flush();
  }

 private:
  void read_keys() {
    while (const auto key = keyboard_.key()) {
      const std::size_t number = *key >= '1' && *key <= '9' ? static_cast<std::size_t>(*key - '0') : 0;
      open_ = number == open_ ? 0 : number;
    }
  }
  void draw_log(const Job& job, std::size_t most) {
    draw("-- " + job.name + ": " +
         (job.last_lines.empty() ? "no line yet" : "the end of its log; the same key closes it"));
    const std::size_t count = std::min(most > 0 ? most - 1 : 0, job.last_lines.size());
    for (std::size_t i = job.last_lines.size() - count; i < job.last_lines.size(); ++i)
      draw("   " + job.last_lines[i]);
  }
  static std::string place_of(const Job& job) {
    return job.name + (job.builder.empty() ? "" : " on " + job.builder);
  }
  std::string row(const Job& job) const {
    const std::string estimate =
        job.estimate.samples == 0 ? "" : " of about " + duration_text(job.estimate.seconds);
    return fmt::format("{:{}}  {}{}  {}  {}  {}", place_of(job), names_, duration_text(running_seconds(job)),
                       estimate, job.phase, job.now_bytes > 0 ? bytes_text(job.now_bytes) : "",
                       last_line(job));
  }
  void draw(const std::string& text) {
    const std::size_t width = terminal_.width() > 4 ? terminal_.width() - 1 : 80;
    std::string cut = printable(text).substr(0, width);
    while (first_bad_utf8(cut)) cut.pop_back();
    terminal_.err(cut + "\n");
    ++drawn_;
  }
  void erase() {
    if (drawn_ > 0) terminal_.err_codes(fmt::format("\x1b[{}A\x1b[J", drawn_));
    drawn_ = 0;
  }
  void above(const std::string& text) {
    erase();
    terminal_.print("{}\n", text);
    terminal_.flush();
  }

  Terminal& terminal_;
  Keyboard keyboard_;
  std::size_t drawn_ = 0;
  std::size_t names_ = 0;  // columns of the longest name that runs
  std::size_t open_ = 0;   // number of the job whose log is shown; 0: none
};

class JsonEvents : public BuildObserver {
 public:
  explicit JsonEvents(Terminal& terminal) : terminal_(terminal) {}

  void started(const Job& job) override {
    JsonWriter json(JsonWriter::Layout::compact);
    begin_report(json)
        .member("event", "start")
        .member("variant", job.name)
        .member("derivation", job.derivation);
    json.member("builder", job.builder).member("estimate_s", job.estimate.seconds).end_object();
    say(json);
  }
  void phase(const Job& job) override {
    JsonWriter json(JsonWriter::Layout::compact);
    say(begin_report(json)
            .member("event", "phase")
            .member("variant", job.name)
            .member("phase", job.phase)
            .end_object());
  }
  void note(const std::string& text) override {
    JsonWriter json(JsonWriter::Layout::compact);
    say(begin_report(json).member("event", "note").member("text", text).end_object());
  }
  void finished(const Job& job) override {
    JsonWriter json(JsonWriter::Layout::compact);
    begin_report(json)
        .member("event", "end")
        .member("variant", job.name)
        .member("state", to_string(job.state))
        .member("builder", job.builder);
    json.member("reason", job.reason).member("seconds", job.seconds).member("peak_bytes", job.peak_bytes);
    json.member("output_bytes", job.output_bytes).member("outputs", job.outputs).member("log", job.log);
    json.key("findings").begin_array();
    for (const Diagnosis& diagnosis : job.why) write_diagnosis(json, diagnosis);
    for (const Finding& finding : job.breaches) write_finding(json, finding);
    say(json.end_array().end_object());
  }

 private:
  void say(JsonWriter& json) {
    std::string line = json.take();
    if (!line.ends_with('\n')) line += '\n';
    terminal_.out(line);
    terminal_.flush();
  }

  Terminal& terminal_;
};

// Says in the log of --log what a run does, beside whoever shows it.
class Logged : public BuildObserver {
 public:
  Logged(std::unique_ptr<BuildObserver> shown, Terminal& terminal)
      : shown_(std::move(shown)), terminal_(terminal) {}

  void started(const Job& job) override {
    terminal_.say(Tone::detail, safe_format("start {}\n", job.name));
    shown_->started(job);
  }
  void phase(const Job& job) override { shown_->phase(job); }
  void finished(const Job& job) override {
    terminal_.say(Tone::detail, ending_of(job) + "\n");
    shown_->finished(job);
  }
  void note(const std::string& text) override {
    terminal_.say(Tone::detail, printable(text) + "\n");
    shown_->note(text);
  }
  void tick(const std::vector<Job>& jobs) override { shown_->tick(jobs); }

 private:
  std::unique_ptr<BuildObserver> shown_;
  Terminal& terminal_;
};

std::unique_ptr<BuildObserver> shown_progress(ProgressKind kind, Terminal& terminal,
                                              double heartbeat_seconds) {
  if (kind == ProgressKind::none) return std::make_unique<BuildObserver>();
  if (kind == ProgressKind::json) return std::make_unique<JsonEvents>(terminal);
  if (kind == ProgressKind::table) return std::make_unique<LiveTable>(terminal);
  return std::make_unique<Lines>(terminal, heartbeat_seconds);
}

}  // namespace

std::unique_ptr<BuildObserver> make_progress(ProgressKind kind, Terminal& terminal,
                                             double heartbeat_seconds) {
  return std::make_unique<Logged>(shown_progress(kind, terminal, heartbeat_seconds), terminal);
}

}  // namespace lathe

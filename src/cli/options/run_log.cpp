// SPDX-License-Identifier: MIT
#include "cli/options/run_log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cerrno>
#include <ios>

#include "base/error.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"

namespace lathe {
namespace {

// "2026-11-29T07:15:02.123Z"
std::string time_text() {
  using namespace std::chrono;
  const auto now = system_clock::now();
  const auto thousandths = duration_cast<milliseconds>(now.time_since_epoch()).count() % 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(system_clock::to_time_t(now)), thousandths);
}

}  // namespace

RunLog::RunLog(const std::string& path)
    : file_(path, std::ios::app), started_(std::chrono::steady_clock::now()) {
  if (!file_) throw system_error("write the log", path, errno);
}

void RunLog::begin_line(JsonWriter& json, std::string_view level) const {
  using namespace std::chrono;
  const auto since = duration_cast<milliseconds>(steady_clock::now() - started_);
  json.begin_object()
      .member("time", time_text())
      .member("seconds", static_cast<double>(since.count()) / 1000)
      .member("level", level);
}

// A full disk ends no run: the log alone is cut.
void RunLog::write(JsonWriter& json) { file_ << trim(json.end_object().take()) << std::endl; }

void RunLog::start(const std::vector<std::string>& arguments) {
  JsonWriter json(JsonWriter::Layout::compact);
  begin_line(json, "start");
  json.member("schema_version", json_schema_version)
      .member("version", LATHE_VERSION)
      .member("arguments", arguments);
  write(json);
}

void RunLog::say(Tone tone, std::string_view text) {
  JsonWriter json(JsonWriter::Layout::compact);
  begin_line(json, to_string(tone));
  json.member("text", trim(text));
  write(json);
}

void RunLog::end(int exit_code) {
  JsonWriter json(JsonWriter::Layout::compact);
  begin_line(json, "end");
  json.member("exit", exit_code);
  write(json);
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "http/fetch.h"

#include <fmt/format.h>
#include <signal.h>

#include <charconv>
#include <chrono>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/embedded.h"
#include "base/json.h"
#include "base/text.h"
#include "http/address.h"
#include "os/process.h"

namespace lathe::fetch_script {
std::span<const EmbeddedFile> files();
}

namespace lathe {
namespace {

// A value in curl's own configuration.
std::string config_value(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"\n";
}

std::vector<std::string> arguments_for(const Fetch& what, const std::string& curl) {
  std::vector<std::string> arguments = {curl,
                                        "--disable",
                                        "--globoff",
                                        "--silent",
                                        "--show-error",
                                        "--fail",
                                        "--location",
                                        "--max-redirs",
                                        "5",
                                        "--proto",
                                        "=http,https",
                                        "--connect-timeout",
                                        "10",
                                        "--max-filesize",
                                        std::to_string(what.largest),
                                        "--write-out",
                                        "\n%{http_code}\t%{url_effective}\t%{content_type}"};
  const auto add = [&](std::initializer_list<std::string> more) { arguments.insert(arguments.end(), more); };
  if (what.longest.count() > 0) add({"--max-time", std::to_string(what.longest.count())});
  else add({"--speed-limit", "1000", "--speed-time", "30"});
  if (!what.accept.empty()) add({"--header", "Accept: " + what.accept});
  if (!what.output.empty()) add({"--output", what.output.string()});
  add({"--config", "-"});
  return arguments;
}

// What stands behind the body.
void take_told(std::string text, Fetched& out) {
  const std::size_t line = text.rfind('\n');
  if (line == std::string::npos) return;
  const auto fields = split(std::string_view(text).substr(line + 1), '\t');
  if (fields.size() >= 3) {
    std::from_chars(fields[0].data(), fields[0].data() + fields[0].size(), out.status);
    out.url = fields[1];
    out.content_type = fields[2];
  }
  text.resize(line);
  out.body = std::move(text);
}

Process curl_process(const Fetch& what, const std::string& curl) {
  return {.arguments = arguments_for(what, curl), .input = "url = " + config_value(what.url)};
}

// Images of Python have it where they lack curl.
Process python_process(const Fetch& what, const std::string& python) {
  JsonWriter asked;
  asked.begin_object().member("url", what.url).member("accept", what.accept).member("largest", what.largest);
  asked.member("longest", static_cast<std::uint64_t>(what.longest.count()))
      .member("output", what.output.string())
      .end_object();
  return {.arguments = {python, "-I", "-c", std::string(fetch_script::files().front().text)},
          .input = asked.take()};
}

std::optional<Process> process_for(const Fetch& what) {
  if (const auto curl = find_program("curl")) return curl_process(what, *curl);
  if (const auto python = find_program("python3")) return python_process(what, *python);
  return std::nullopt;
}

}  // namespace

Fetched fetch(const Fetch& what) {
  constexpr std::uint64_t told = 64 << 10;  // the line behind the body
  if (!is_web_address(what.url)) return {.why = "this is not an address"};
  std::optional<Process> process = process_for(what);
  if (!process) return {.why = "there is neither curl nor python3 on this machine"};
  process->output_limit = what.largest + told;
  if (what.longest.count() > 0) process->time_limit = what.longest + std::chrono::seconds(10);
  if (!what.output.empty()) process->file_limit = what.largest;
  ProcessResult result = run_process(*process);
  Fetched out;
  const bool too_large = result.truncated || result.signal == SIGXFSZ;
  take_told(std::move(result.out), out);
  if (too_large) out.why = fmt::format("it is larger than {}", size_text(what.largest));
  else if (!result.ok()) out.why = trim(result.err).empty() ? result.ending() : std::string(trim(result.err));
  return out;
}

}  // namespace lathe

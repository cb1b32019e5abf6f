// SPDX-License-Identifier: MIT
#include "nix/nix.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <system_error>
#include <utility>
#include <vector>

#include "base/text.h"
#include "nix/command.h"
#include "os/process.h"

namespace lathe {
namespace {

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "2.8.0", "2.30pre20250520_abc", "2.18" as numbers; what follows the digits of a part is dropped.
bool read_numbers(std::string_view text, NixVersion& version) {
  const std::vector<std::string_view> parts = split(text, '.');
  int* const slots[] = {&version.major, &version.minor, &version.patch};
  for (std::size_t i = 0; i < parts.size() && i < 3; ++i) {
    const std::size_t digits = std::min(parts[i].find_first_not_of("0123456789"), parts[i].size());
    const auto value = number(parts[i].substr(0, digits));
    if (!value) return i >= 2;
    *slots[i] = *value;
  }
  return parts.size() >= 2;
}

std::string flavour_of(std::string_view parenthesis) {
  if (parenthesis.starts_with("Lix")) return "Lix";
  if (parenthesis.starts_with("Determinate")) return "Determinate Nix";
  return "Nix";
}

constexpr std::string_view error_mark = "error:";

// A run of digits that ends before `end`, and where it starts.
struct Digits {
  std::size_t start;
  int value;
};
std::optional<Digits> digits_before(std::string_view text, std::size_t end) {
  std::size_t start = end;
  while (start > 0 && text[start - 1] >= '0' && text[start - 1] <= '9') --start;
  const auto value = number(text.substr(start, end - start));
  if (!value || start == 0 || text[start - 1] != ':') return std::nullopt;
  return Digits{start, *value};
}

// "at /folder/x.nix:3:7:", after which Nix 2.8 may go on without a line end ("Did you mean b?").
struct PlaceLine {
  Place place;
  std::string_view rest;
};
std::optional<PlaceLine> place_in(std::string_view line, std::string_view folder) {
  line = trim(line);
  if (!line.starts_with("at /")) return std::nullopt;
  line.remove_prefix(3);
  if (!folder.empty() && !(line.starts_with(folder) && line.substr(folder.size()).starts_with('/')))
    return std::nullopt;
  for (std::size_t end = line.find(':', folder.size()); end != std::string_view::npos;
       end = line.find(':', end + 1)) {
    const auto column = digits_before(line, end);
    const auto row = column ? digits_before(line, column->start - 1) : std::nullopt;
    if (!row || row->value < 1 || column->value < 0) continue;
    return PlaceLine{.place = {.file = std::string(line.substr(0, row->start - 1)),
                               .line = static_cast<std::uint32_t>(row->value),
                               .column = static_cast<std::uint32_t>(column->value)},
                     .rest = trim(line.substr(end + 1))};
  }
  return std::nullopt;
}

// The error's own words end where a place, a frame or an empty line begins.
bool ends_message(std::string_view line) {
  line = trim(line);
  return line.empty() || line.starts_with("at /") || line.starts_with("at «") || line.starts_with("…") ||
         line.starts_with("(use '--show-trace'");
}

std::string message_from(const std::vector<std::string_view>& lines, std::size_t start) {
  std::string message(trim(trim(lines[start]).substr(error_mark.size())));
  for (std::size_t i = start + 1; i < lines.size() && !ends_message(lines[i]); ++i) {
    if (!message.empty()) message += ' ';
    message += trim(lines[i]);
  }
  return printable(message.substr(0, 2000));
}

NixFailure with_place(NixFailure failure, const PlaceLine& found) {
  failure.where = found.place;
  if (!found.rest.empty()) failure.message += ": " + printable(found.rest.substr(0, 500));
  return failure;
}

}  // namespace

std::string NixVersion::text() const { return fmt::format("{} {}.{}.{}", flavour, major, minor, patch); }

std::optional<NixVersion> parse_nix_version(std::string_view text) {
  const std::string_view line = trim(text.substr(0, text.find('\n')));
  const std::size_t open = line.find('('), close = line.rfind(')');
  if (!line.starts_with("nix") || open == std::string_view::npos || close == std::string_view::npos ||
      close < open) {
    return std::nullopt;
  }
  NixVersion version{.flavour = flavour_of(line.substr(open + 1, close - open - 1))};
  if (!read_numbers(trim(line.substr(close + 1)), version)) return std::nullopt;
  return version;
}

std::optional<std::string> find_nix(std::string_view program) {
  if (auto found = find_program(program)) return found;
  std::vector<std::string> folders{"/nix/var/nix/profiles/default/bin", "/run/current-system/sw/bin"};
  if (const char* home = std::getenv("HOME")) folders.push_back(fmt::format("{}/.nix-profile/bin", home));
  for (const std::string& folder : folders) {
    if (auto found = find_program(fmt::format("{}/{}", folder, program))) return found;
  }
  return std::nullopt;
}

std::string require_nix(std::string_view program) {
  if (auto found = find_nix(program)) return *std::move(found);
  throw Error(
      {.what = fmt::format("there is no Nix on this machine: {} was not found", program),
       .next =
           "install it (Debian and Ubuntu: apt-get install nix-bin; elsewhere: https://nixos.org/download)",
       .kind = ErrorKind::fault});
}

std::vector<std::string> nix_command() {
  return {require_nix("nix"), "--extra-experimental-features", "nix-command"};
}

std::vector<std::string> nix_options(const std::vector<std::string>& settings) {
  std::vector<std::string> words;
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos) {
      throw Error({.what = fmt::format("\"{}\" is not a setting of Nix", printable(setting)),
                   .where = {},
                   .next = "write it as NAME=VALUE: --nix-option sandbox=false"});
    }
    words.insert(words.end(), {"--option", setting.substr(0, equals), setting.substr(equals + 1)});
  }
  return words;
}

NixVersion nix_version(const std::string& program) {
  const ProcessResult result = run_process(
      {.arguments = {program, "--version"}, .output_limit = 4096, .time_limit = std::chrono::seconds(20)});
  if (auto version = parse_nix_version(result.out); version && result.ok()) return *std::move(version);
  throw Error({.what = fmt::format("{} --version does not answer as Nix does: {}", program,
                                   printable(trim(result.ok() ? result.out : result.err))),
               .next = "check the installation of Nix",
               .kind = ErrorKind::fault});
}

NixFailure parse_nix_error(std::string_view text, std::string_view folder) {
  const std::vector<std::string_view> lines = split(text, '\n');
  // Newer Nix opens with an empty "error:" and gives the cause last; older Nix opens with the cause.
  std::optional<std::size_t> first, cause;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!trim(lines[i]).starts_with(error_mark)) continue;
    if (!first) first = i;
    const bool outer = trim(lines[i]) == error_mark;
    if (!outer && (!cause || trim(lines[*first]) == error_mark)) cause = i;
  }
  if (!cause) return {.message = printable(trim(text).substr(0, 2000)), .where = {}};
  NixFailure failure{.message = message_from(lines, *cause), .where = {}};
  // The places after the cause are nearest first; those before it nearest last.
  for (std::size_t i = *cause + 1; i < lines.size(); ++i) {
    if (auto found = place_in(lines[i], folder)) return with_place(std::move(failure), *found);
  }
  for (std::size_t i = *cause; i-- > 0;) {
    if (auto found = place_in(lines[i], folder)) return with_place(std::move(failure), *found);
  }
  return failure;
}

}  // namespace lathe

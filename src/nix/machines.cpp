// SPDX-License-Identifier: MIT
#include "nix/machines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "base/text.h"
#include "os/file.h"

namespace lathe {
namespace {

constexpr int deepest_include = 10;

std::vector<std::string> list_of(const std::string& field) {
  std::vector<std::string> words;
  for (const std::string_view word : split(field, ',')) {
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

double parsed_number(const std::string& field, const std::string& what, const Place& where) {
  char* end = nullptr;
  const double value = std::strtod(field.c_str(), &end);
  if (end == field.c_str() || *end != '\0' || !(value >= 0) || value > 1e6) {
    throw Error({.what = fmt::format("\"{}\" is no {} of a builder", printable(field), what),
                 .where = where,
                 .next = "a line is: URI systems ssh-key jobs speed features mandatory-features host-key, "
                         "\"-\" for a default"});
  }
  return value;
}

NixMachine machine_of(const std::string& line, const Place& where) {
  const auto given = words(line);
  std::vector<std::string> fields(given.begin(), given.end());
  fields.resize(8, "-");
  std::ranges::replace(fields, "-", "");
  NixMachine machine{.uri = fields[0],
                     .systems = list_of(fields[1]),
                     .ssh_key = fields[2],
                     .features = list_of(fields[5]),
                     .mandatory = list_of(fields[6]),
                     .host_key = fields[7]};
  const auto starts = [&](std::string_view word) { return machine.uri.starts_with(word); };
  const bool is_uri = machine.uri.find("://") != std::string::npos || starts("local") || starts("daemon") ||
                      starts("auto") || starts("/");
  if (!is_uri) machine.uri = "ssh://" + machine.uri;
  if (!fields[3].empty())
    machine.max_jobs = static_cast<unsigned>(parsed_number(fields[3], "number of jobs", where));
  if (!fields[4].empty()) machine.speed = parsed_number(fields[4], "speed factor", where);
  return machine;
}

void read_into(std::vector<NixMachine>& machines, std::string_view text, const std::string& file, int depth) {
  std::uint32_t number = 0;
  for (const std::string_view row : split(text, '\n')) {
    ++number;
    for (const std::string_view part : split(row.substr(0, row.find('#')), ';')) {
      const std::string line(trim(part));
      if (line.empty()) continue;
      const Place where{.file = file.empty() ? "--builders" : file, .line = file.empty() ? 0 : number};
      if (line[0] != '@') {
        machines.push_back(machine_of(line, where));
      } else if (depth >= deepest_include) {
        throw Error({.what = "files of builders that name each other without end", .where = where});
      } else if (const std::string name = line.substr(1); std::filesystem::exists(name)) {
        read_into(machines, read_file(name), name, depth + 1);
      }
    }
  }
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }
std::string joined(const std::vector<std::string>& words) {
  return or_dash(fmt::format("{}", fmt::join(words, ",")));
}

// "%2F" -> "/": Nix decodes the values of a URI's query.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string hex(text.substr(i, 3));
    char* end = nullptr;
    const long value = hex.size() == 3 && hex[0] == '%' ? std::strtol(hex.c_str() + 1, &end, 16) : 0;
    const bool whole = end == hex.c_str() + 3;
    out += whole ? static_cast<char>(value) : text[i];
    if (whole) i += 2;
  }
  return out;
}

void take_port(SshPlace& place) {
  const std::size_t colon = place.host.rfind(':');
  if (colon == std::string::npos || colon + 1 == place.host.size()) return;
  if (place.host.find_first_not_of("0123456789", colon + 1) != std::string::npos) return;
  // an IPv6 address
  if (place.host.find(':') != colon && !place.host.substr(0, colon).ends_with(']')) return;
  place.port = place.host.substr(colon + 1);
  place.host.resize(colon);
}

}  // namespace

bool NixMachine::offers(std::string_view feature) const {
  return std::ranges::find(features, feature) != features.end() ||
         std::ranges::find(mandatory, feature) != mandatory.end();
}

std::vector<NixMachine> read_machines(std::string_view text) {
  std::vector<NixMachine> machines;
  read_into(machines, text, "", 0);
  return machines;
}

std::string text_of(const NixMachine& machine) {
  return fmt::format("{} {} {} {} {} {} {} {}", machine.uri, joined(machine.systems),
                     or_dash(machine.ssh_key), machine.max_jobs, machine.speed, joined(machine.features),
                     joined(machine.mandatory), or_dash(machine.host_key));
}

SshPlace ssh_place(const NixMachine& machine) {
  const std::size_t scheme = machine.uri.find("://");
  if (scheme == std::string::npos)
    return {.protocol = "local", .host = {}, .port = {}, .key = {}, .remote_store = {}, .remote_program = {}};
  const std::string rest = machine.uri.substr(scheme + 3);
  const std::size_t query = std::min(rest.find('?'), rest.size());
  SshPlace place{.protocol = machine.uri.substr(0, scheme),
                 .host = rest.substr(0, query),
                 .port = {},
                 .key = machine.ssh_key,
                 .remote_store = {},
                 .remote_program = {}};
  const std::string settings = rest.substr(std::min(query + 1, rest.size()));
  for (const std::string_view setting : split(settings, '&')) {
    const std::size_t equals = std::min(setting.find('='), setting.size());
    const std::string name(setting.substr(0, equals)),
        value = decoded(setting.substr(std::min(equals + 1, setting.size())));
    if (name == "ssh-key") place.key = value;
    if (name == "remote-store") place.remote_store = value;
    if (name == "remote-program") place.remote_program = value;
  }
  take_port(place);
  return place;
}

}  // namespace lathe

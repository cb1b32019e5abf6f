// SPDX-License-Identifier: MIT
#include "simple/project_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <system_error>

#include "base/json.h"
#include "base/text.h"
#include "http/address.h"
#include "package/wheel_names.h"

namespace lathe {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string html_page(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"pypi:repository-version\" content=\"1.1\">\n<title>{0}</title>\n</head>\n<body>\n"
      "<h1>{0}</h1>\n{1}</body>\n</html>\n",
      html_text(title), body);
}

std::string attribute(std::string_view name, std::string_view value) {
  return fmt::format(" {}=\"{}\"", name, html_text(value));
}

std::string link_to(const PageFile& file) {
  const std::string hash = file.sha256.empty() ? "" : "#sha256=" + file.sha256;
  std::string line = "<a" + attribute("href", file.url + hash);
  if (!file.requires_python.empty()) line += attribute("data-requires-python", file.requires_python);
  if (file.has_metadata) {
    const std::string value = file.metadata_sha256.empty() ? "true" : "sha256=" + file.metadata_sha256;
    line += attribute("data-core-metadata", value) + attribute("data-dist-info-metadata", value);
  }
  if (file.yanked) line += attribute("data-yanked", *file.yanked);
  if (!file.provenance.empty()) line += attribute("data-provenance", file.provenance);
  return line + ">" + html_text(file.name) + "</a><br>\n";
}

// The older name, "dist-info-metadata", breaks pip 22.3 to 23.0 in JSON (PEP 714).
void write_metadata(JsonWriter& json, const PageFile& file) {
  json.key("core-metadata");
  if (file.metadata_sha256.empty()) {
    json.value(true);
    return;
  }
  json.begin_object().member("sha256", file.metadata_sha256).end_object();
}

void write_file(JsonWriter& json, const PageFile& file) {
  json.begin_object().member("filename", file.name).member("url", file.url);
  json.key("hashes").begin_object();
  if (!file.sha256.empty()) json.member("sha256", file.sha256);
  json.end_object();
  if (file.size) json.member("size", *file.size);
  if (!file.requires_python.empty()) json.member("requires-python", file.requires_python);
  if (file.has_metadata) write_metadata(json, file);
  if (file.yanked && file.yanked->empty()) json.member("yanked", true);
  else if (file.yanked) json.member("yanked", *file.yanked);
  else json.member("yanked", false);
  if (!file.upload_time.empty()) json.member("upload-time", file.upload_time);
  if (!file.provenance.empty()) json.member("provenance", file.provenance);
  json.end_object();
}

// PEP 700 (1.1) asks for the size of every file: a wheel that is not carved yet has none.
void begin_json(JsonWriter& json, bool sizes_known) {
  json.begin_object().key("meta").begin_object();
  json.member("api-version", sizes_known ? "1.1" : "1.0").end_object();
}

std::vector<std::string> versions_of(const ProjectPage& page) {
  std::set<std::string> versions;
  for (const PageFile& file : page.files) {
    if (const auto wheel = parse_wheel_name(file.name)) versions.insert(wheel->version);
  }
  return {versions.begin(), versions.end()};
}

// How much an Accept header wants `type`; 0: not at all.
double quality_of(std::string_view accept, std::string_view type) {
  for (const std::string_view entry : split(accept, ',')) {
    const auto fields = split(entry, ';');
    if (trim(fields[0]) != type) continue;
    double quality = 1;
    for (std::size_t i = 1; i < fields.size(); ++i) {
      const std::string_view field = trim(fields[i]);
      if (!field.starts_with("q=")) continue;
      const std::string_view number = field.substr(2);
      if (std::from_chars(number.data(), number.data() + number.size(), quality).ec != std::errc()) return 0;
    }
    return quality;
  }
  return 0;
}

}  // namespace

std::string normal_project_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool between = c == '-' || c == '_' || c == '.';
    if (between && out.ends_with('-')) continue;
    const bool capital = c >= 'A' && c <= 'Z';
    if (between) out += '-';
    else out += capital ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

bool is_project_name(std::string_view name) {
  constexpr std::size_t longest = 128;
  return !name.empty() && name.size() <= longest && is_letter_or_digit(name.front()) &&
         is_letter_or_digit(name.back()) && std::ranges::all_of(name, [](char c) {
           return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
         });
}

bool is_distribution_file(std::string_view name) {
  constexpr std::size_t longest = 255;  // bytes of a file name
  constexpr std::string_view others = "._+!-";
  return !name.empty() && name.size() <= longest && is_letter_or_digit(name.front()) &&
         std::ranges::all_of(
             name, [&](char c) { return is_letter_or_digit(c) || others.find(c) != std::string_view::npos; });
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string page_html(const ProjectPage& page) {
  std::string links;
  for (const PageFile& file : page.files) links += link_to(file);
  return html_page("Links for " + page.name, links);
}

std::string page_json(const ProjectPage& page) {
  const bool sizes_known =
      std::ranges::all_of(page.files, [](const PageFile& file) { return file.size.has_value(); });
  JsonWriter json(JsonWriter::Layout::compact);
  begin_json(json, sizes_known);
  json.member("name", page.name).member("versions", versions_of(page));
  json.key("files").begin_array();
  for (const PageFile& file : page.files) write_file(json, file);
  json.end_array().end_object();
  return json.take();
}

std::string projects_html(const std::vector<std::string>& names) {
  std::string links;
  for (const std::string& name : names)
    links += fmt::format("<a href=\"{0}/\">{0}</a><br>\n", html_text(name));
  return html_page("Simple index", links);
}

std::string projects_json(const std::vector<std::string>& names) {
  JsonWriter json(JsonWriter::Layout::compact);
  begin_json(json, true);
  json.key("projects").begin_array();
  for (const std::string& name : names) json.begin_object().member("name", name).end_object();
  json.end_array().end_object();
  return json.take();
}

bool prefers_json(std::string_view accept) {
  const double json = std::max(quality_of(accept, simple_json),
                               quality_of(accept, "application/vnd.pypi.simple.latest+json"));
  const double html = std::max({quality_of(accept, simple_html), quality_of(accept, "text/html"),
                                quality_of(accept, "application/vnd.pypi.simple.latest+html")});
  return json > 0 && json >= html;
}

}  // namespace lathe

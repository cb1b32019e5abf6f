// SPDX-License-Identifier: MIT
// Pages of an index that somebody else keeps.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "http/address.h"
#include "simple/project_page.h"

namespace lathe {
namespace {

constexpr std::size_t most_files = 100'000;
constexpr std::size_t longest_field = 4096;  // of a field that goes on to clients

[[noreturn]] void refuse_page(const std::string& address, std::string what) {
  throw Error(
      {.what = std::move(what),
       .where = {.file = without_secrets(address)},
       .next =
           "name the root of a simple index, as pip's --index-url has it: https://index.example.org/simple/",
       .kind = ErrorKind::fault});
}

// Goes on to clients as it is: one line.
std::string field(std::string_view text) {
  return text.size() > longest_field ||
                 std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < ' '; })
             ? ""
             : std::string(text);
}

std::string hash_or_none(std::string_view text) { return is_sha256(text) ? std::string(text) : ""; }

// False: not a file that can be offered.
bool resolve(PageFile& file, const std::string& base) {
  const auto url = resolve_address(base, file.url);
  if (!url || !is_distribution_file(file.name)) return false;
  file.url = *url;
  if (!file.provenance.empty()) file.provenance = resolve_address(base, file.provenance).value_or("");
  return true;
}

// true, or {"sha256": ...}: the newer name wins (PEP 714).
void read_metadata(const Json& json, PageFile& file) {
  for (const char* key : {"core-metadata", "dist-info-metadata", "data-dist-info-metadata"}) {
    const Json* value = json.find(key);
    if (value == nullptr || value->is_null()) continue;
    const bool* flag = value->get<bool>();
    file.has_metadata = value->object() != nullptr || (flag != nullptr && *flag);
    file.metadata_sha256 = hash_or_none(value->text_of("sha256"));
    return;
  }
}

PageFile file_of(const Json& json) {
  PageFile file{.name = json.text_of("filename"), .url = json.text_of("url")};
  if (const Json* hashes = json.find("hashes")) file.sha256 = hash_or_none(hashes->text_of("sha256"));
  if (const Json* size = json.find("size")) {
    const auto* bytes = size->get<std::int64_t>();
    if (bytes != nullptr && *bytes >= 0) file.size = static_cast<std::uint64_t>(*bytes);
  }
  file.requires_python = field(json.text_of("requires-python"));
  file.upload_time = field(json.text_of("upload-time"));
  file.provenance = field(json.text_of("provenance"));
  if (const Json* yanked = json.find("yanked")) {
    const bool* flag = yanked->get<bool>();
    if (yanked->text() != nullptr) file.yanked = field(*yanked->text());
    else if (flag != nullptr && *flag) file.yanked = "";
  }
  read_metadata(json, file);
  return file;
}

ProjectPage read_json(std::string_view text, const std::string& address) {
  const Json json = parse_json(text, without_secrets(address));
  const Json* meta = json.find("meta");
  const Json* files = json.find("files");
  if (meta == nullptr || files == nullptr || files->array() == nullptr)
    refuse_page(address, "this is not a page of a simple index");
  if (!meta->text_of("api-version").starts_with("1."))
    refuse_page(address,
                fmt::format("this page is of version \"{}\" of the simple API, and 1.x is what is known",
                            printable(meta->text_of("api-version"))));
  if (files->array()->size() > most_files)
    refuse_page(address, fmt::format("this page has more than {} files", most_files));
  ProjectPage page;
  for (const Json& entry : *files->array()) {
    PageFile file = file_of(entry);
    if (resolve(file, address)) page.files.push_back(std::move(file));
  }
  return page;
}

// "&gt;=3.10": the entities that indexes write.
std::string without_entities(std::string_view text) {
  constexpr std::pair<std::string_view, char> known[] = {{"&amp;", '&'},   {"&lt;", '<'},   {"&gt;", '>'},
                                                         {"&quot;", '"'},  {"&#34;", '"'},  {"&#39;", '\''},
                                                         {"&#x27;", '\''}, {"&apos;", '\''}};
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto* entity =
        std::ranges::find_if(known, [&](const auto& one) { return text.substr(i).starts_with(one.first); });
    if (entity == std::end(known)) {
      out += text[i++];
    } else {
      out += entity->second;
      i += entity->first.size();
    }
  }
  return out;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

using Attributes = std::map<std::string, std::string, std::less<>>;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// What stands between a tag's name and its '>', where `at` comes to stand.
Attributes attributes_at(std::string_view text, std::size_t& at) {
  Attributes all;
  while (at < text.size() && text[at] != '>') {
    if (is_blank(text[at]) || text[at] == '/') {
      ++at;
      continue;
    }
    const std::size_t start = at;
    while (at < text.size() && !is_blank(text[at]) && text[at] != '=' && text[at] != '>') ++at;
    std::string name = lower(text.substr(start, at - start));
    std::string_view value;
    while (at < text.size() && is_blank(text[at])) ++at;
    if (at < text.size() && text[at] == '=') {
      ++at;
      while (at < text.size() && is_blank(text[at])) ++at;
      if (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
        const std::size_t end = std::min(text.find(text[at], at + 1), text.size());
        value = text.substr(at + 1, end - at - 1);
        at = std::min(end + 1, text.size());
      } else {
        const std::size_t from = at;
        while (at < text.size() && !is_blank(text[at]) && text[at] != '>') ++at;
        value = text.substr(from, at - from);
      }
    }
    all.emplace(std::move(name), without_entities(value));
  }
  return all;
}

std::optional<std::string> value_of(const Attributes& attributes, std::string_view name) {
  const auto found = attributes.find(name);
  return found == attributes.end() ? std::nullopt : std::optional(found->second);
}

PageFile file_of(const Attributes& attributes, std::string_view shown) {
  PageFile file{.name = std::string(trim(without_entities(shown)))};
  const std::string href = value_of(attributes, "href").value_or("");
  const std::size_t hash = href.find('#');
  file.url = href.substr(0, hash);
  constexpr std::string_view algorithm = "#sha256=";
  if (hash != std::string::npos && std::string_view(href).substr(hash).starts_with(algorithm))
    file.sha256 = hash_or_none(std::string_view(href).substr(hash + algorithm.size()));
  file.requires_python = field(value_of(attributes, "data-requires-python").value_or(""));
  if (const auto yanked = value_of(attributes, "data-yanked")) file.yanked = field(*yanked);
  file.provenance = field(value_of(attributes, "data-provenance").value_or(""));
  auto metadata = value_of(attributes, "data-core-metadata");
  if (!metadata) metadata = value_of(attributes, "data-dist-info-metadata");
  if (metadata && *metadata != "false") {
    file.has_metadata = true;
    if (metadata->starts_with("sha256="))
      file.metadata_sha256 = hash_or_none(std::string_view(*metadata).substr(7));
  }
  return file;
}

ProjectPage read_html(std::string_view text, const std::string& address) {
  ProjectPage page;
  std::string base = address;
  for (std::size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at)) {
    const std::string tag = lower(text.substr(at, 6));
    const bool link = tag.size() > 2 && tag.starts_with("<a") && is_blank(tag[2]);
    if (tag.starts_with("<!--")) {
      at = std::min(text.find("-->", at + 4), text.size());
      continue;
    }
    if (!link && tag != "<base " && tag != "<base\n") {
      ++at;
      continue;
    }
    at += link ? 2 : 5;
    const Attributes attributes = attributes_at(text, at);
    if (!link) {
      base = resolve_address(address, value_of(attributes, "href").value_or("")).value_or(address);
      continue;
    }
    const std::size_t end = std::min(text.find('<', at), text.size());
    if (at >= text.size()) break;
    PageFile file = file_of(attributes, text.substr(at + 1, end - at - 1));
    if (resolve(file, base)) page.files.push_back(std::move(file));
    if (page.files.size() > most_files)
      refuse_page(address, fmt::format("this page has more than {} files", most_files));
  }
  return page;
}

}  // namespace

ProjectPage read_project_page(std::string_view text, std::string_view project, const std::string& address) {
  const std::string_view start = trim(text.substr(0, 1000));
  if (!start.starts_with('{') && !start.starts_with('<'))
    refuse_page(address, "this is not a page of a simple index");
  ProjectPage page = start.starts_with('{') ? read_json(text, address) : read_html(text, address);
  page.name = normal_project_name(project);
  return page;
}

}  // namespace lathe

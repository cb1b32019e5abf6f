// SPDX-License-Identifier: MIT
#include "publish/index_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/embedded.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "report/progress.h"
#include "recipe/template.h"
#include "select/variant_record.h"

namespace lathe::index_page {
std::span<const EmbeddedFile> files();
}

namespace lathe {
namespace {

constexpr std::size_t products_in_row = 3;  // the others are in the table below

std::string_view page_file(std::string_view name) {
  return std::ranges::find(index_page::files(), name, &EmbeddedFile::name)->text;
}

std::string html(std::string_view text) {
  std::string safe = replace_all(printable(text), "&", "&amp;");
  for (const auto& [from, to] :
       {std::pair("<", "&lt;"), std::pair(">", "&gt;"), std::pair("\"", "&quot;"), std::pair("'", "&#39;")}) {
    safe = replace_all(std::move(safe), from, to);
  }
  return safe;
}

// A value that the page's script offers to filter by.
std::string value(std::string_view text) { return text.empty() ? "" : fmt::format("<b>{}</b>", html(text)); }

std::string small(std::string_view text) {
  return text.empty() ? "" : fmt::format("<small>{}</small>", html(text));
}

std::vector<std::string> products_of(const Json& record) {
  std::vector<std::string> names;
  const Json* list = record.find("runs_on");
  if (!list || !list->array()) return names;
  for (const Json& name : *list->array()) {
    if (name.text()) names.push_back(*name.text());
  }
  return names;
}

std::string gpu_of(const Json& record) {
  const std::string gpus = record.text_of("capability");
  if (gpus.empty()) return "CPU only";
  std::vector<std::string> values;
  for (const std::string_view gpu : split(gpus, ' ')) values.push_back(value(gpu));
  const auto products = products_of(record);
  const auto end = products.begin() + static_cast<std::ptrdiff_t>(std::min(products.size(), products_in_row));
  return fmt::format("{}{}", fmt::join(values, " "),
                     small(fmt::format("{}{}", fmt::join(products.begin(), end, ", "),
                                       end == products.end() ? "" : " ...")));
}

std::string cuda_of(const Json& record) {
  const std::string cuda = record.text_of("cuda"), driver = record.text_of("min_driver");
  if (cuda.empty()) return "-";
  return value(cuda) + small(driver.empty() ? "" : fmt::format("driver {} up", driver));
}

// A PyTorch's companions: built with the very one that is in the index.
using Companions = std::map<std::string, std::vector<const Json*>>;  // by their PyTorch's store path

Companions companions_of(const std::vector<Json>& records) {
  Companions companions;
  for (const Json& record : records) {
    if (!record.text_of("torch_path").empty()) companions[record.text_of("torch_path")].push_back(&record);
  }
  return companions;
}

std::string package_of(const Json& record) {
  return fmt::format("{} {}", record.text_of("package"), record.text_of("version"));
}

std::string software_of(const Json& record, const std::vector<const Json*>& companions) {
  const std::string torch = value(record.text_of("pytorch"));
  if (!record.text_of("torch").empty())
    return html(package_of(record)) + " <small>for PyTorch " + torch + "</small>";
  std::vector<std::string> packages;
  for (const Json* companion : companions) packages.push_back(package_of(*companion));
  return "PyTorch " + torch +
         small(packages.empty() ? "" : fmt::format("with {}", fmt::join(packages, ", ")));
}

std::string size_of(const Json& record) {
  const Json* size = record.find("bytes");
  const auto* bytes = size ? size->get<std::int64_t>() : nullptr;
  return bytes && *bytes > 0 ? bytes_text(static_cast<std::uint64_t>(*bytes)) : "";
}

std::string row(const IndexHead& head, const Json& record, const std::vector<const Json*>& companions) {
  std::vector<std::string> paths = {record.text_of("store_path")};
  for (const Json* companion : companions) paths.push_back(companion->text_of("store_path"));
  return fill(page_file("row.html.in"), {{"name", html(record.text_of("name"))},
                                         {"command", html(install_commands(head, paths).front())},
                                         {"gpu", gpu_of(record)},
                                         {"cpu", value(record.text_of("isa"))},
                                         {"cuda", cuda_of(record)},
                                         {"python", value(record.text_of("python"))},
                                         {"software", software_of(record, companions)},
                                         {"size", size_of(record)}});
}

// Which products run the code for each GPU, and for each instruction set of builds for CPUs only: GPUs
// first, 9.0 before 10.0.
std::string products(const std::vector<Json>& records) {
  std::map<std::tuple<bool, std::size_t, std::string>, std::vector<std::string>> all;
  for (const Json& record : records) {
    const std::string gpu = record.text_of("capability"), code = gpu.empty() ? record.text_of("isa") : gpu;
    auto& names = all[{gpu.empty(), code.size(), code}];
    if (names.empty()) names = products_of(record);
  }
  std::string rows;
  for (const auto& [code, names] : all) {
    if (!names.empty())
      rows += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", html(std::get<2>(code)),
                          html(fmt::format("{}", fmt::join(names, ", "))));
  }
  return rows;
}

std::string page(const IndexHead& head, const std::vector<Json>& records) {
  std::string rows;
  Companions companions = companions_of(records);
  for (const Json& record : records) rows += row(head, record, companions[record.text_of("store_path")]);
  const std::string script(page_file("filter.js"));
  const std::string keys = html(fmt::format("{}", fmt::join(head.keys, " ")));
  return fill(
      page_file("index.html.in"),
      {{"name", html(head.name)},
       {"count", fmt::format("{} build{}", records.size(), records.size() == 1 ? "" : "s")},
       {"cache", html(head.cache)},
       {"keys", keys.empty() ? "It is not signed." : fmt::format("Signed with <code>{}</code>.", keys)},
       {"style", std::string(page_file("style.css"))},
       {"script", script},
       {"script_hash", to_sri(sha256(as_byte_span(script)))},
       {"rows", rows},
       {"products", products(records)}});
}

}  // namespace

std::string index_record(const Variant& variant, const IndexEntry& entry) {
  JsonWriter more(JsonWriter::Layout::compact);
  more.begin_object().member("store_path", entry.store_path);
  if (variant.companion) more.member("torch_path", entry.torch_path);
  more.member("bytes", entry.bytes).member("published", entry.published).end_object();
  std::string record = variant_json(variant);
  record.pop_back();  // "}"
  return record + "," + std::string(trim(more.take())).substr(1);
}

IndexPages index_pages(const IndexHead& head, const std::vector<std::string>& records) {
  JsonWriter json;
  json.begin_object().member("format", index_format).member("version", index_version);
  json.member("name", head.name)
      .member("cache", head.cache)
      .member("public_keys", head.keys)
      .key("variants")
      .begin_array();
  std::vector<Json> read;
  for (const std::string& record : records) {
    json.raw(record);
    read.push_back(parse_json(record, "history.db"));
  }
  IndexHead shown = head;
  if (shown.cache.empty()) shown.cache = "URL-OF-THIS-PAGE";
  return {.json = json.end_array().end_object().take(), .html = page(shown, read)};
}

}  // namespace lathe

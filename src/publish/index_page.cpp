// SPDX-License-Identifier: MIT
#include "publish/index_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "report/variants.h"

namespace lathe {
namespace {

constexpr std::string_view style =
    ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .7rem;border-bottom:1px solid #8884;vertical-align:top}"
    "th{font-weight:600}td.n{text-align:right;white-space:nowrap}code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}"
    "pre{background:#8882;padding:.7rem 1rem;overflow-x:auto}.why{opacity:.75;font-size:13px}";

std::string html(std::string_view text) {
  std::string safe = replace_all(printable(text), "&", "&amp;");
  for (const auto& [from, to] : {std::pair("<", "&lt;"), std::pair(">", "&gt;"), std::pair("\"", "&quot;"), std::pair("'", "&#39;")}) {
    safe = replace_all(std::move(safe), from, to);
  }
  return safe;
}

std::string products_of(const Json& record) {
  std::vector<std::string> names;
  if (const Json* list = record.find("runs_on"); list && list->array()) {
    for (const Json& name : *list->array()) {
      if (name.text() && names.size() < 6) names.push_back(*name.text());
    }
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string software_of(const Json& record) {
  const std::string version = record.text_of("version");
  if (record.text_of("torch").empty()) return "PyTorch " + record.text_of("pytorch");
  return fmt::format("{}{}{} for PyTorch {}", record.text_of("package"), version.empty() ? "" : " ", version, record.text_of("pytorch"));
}

std::string row(const IndexHead& head, const Json& record) {
  const Json* size = record.find("bytes");
  const auto* bytes = size ? size->get<std::int64_t>() : nullptr;
  const std::string gpus = record.text_of("capability"), cuda = record.text_of("cuda"), driver = record.text_of("min_driver");
  const std::vector<std::string> commands = install_commands(head, record.text_of("store_path"));
  return fmt::format("<tr id=\"{0}\"><td><strong>{0}</strong><br><span class=\"why\">{1}</span></td><td>{2}<br>Python {3}</td><td>{4}</td><td>{5}</td>"
                     "<td>{6}</td><td class=\"n\">{7}</td></tr>\n<tr><td colspan=\"6\"><code>{8}</code></td></tr>\n",
                     html(record.text_of("name")), html(products_of(record)), html(software_of(record)), html(record.text_of("python")),
                     html(gpus.empty() ? "CPU only" : gpus), html(record.text_of("isa")),
                     html(cuda.empty() ? "-" : fmt::format("{}, driver {} or newer", cuda, driver)), bytes && *bytes > 0 ? size_text(static_cast<std::uint64_t>(*bytes)) : "",
                     html(commands.front()));
}

std::string page(const IndexHead& head, const std::vector<Json>& records) {
  std::string rows;
  for (const Json& record : records) rows += row(head, record);
  const std::string keys = head.keys.empty() ? "<p>It is not signed.</p>" : fmt::format("<p>Signed with <code>{}</code>.</p>", html(fmt::format("{}", fmt::join(head.keys, " "))));
  return fmt::format("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                     "<title>{0}: PyTorch builds</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n"
                     "<p>{2} builds in the binary cache <code>{3}</code>. Which is right for a machine says, on that machine,</p>\n"
                     "<pre>torchlathe select --from {3}</pre>\n{4}\n<table>\n<thead><tr><th>build</th><th>software</th><th>GPUs</th><th>CPU</th><th>CUDA</th>"
                     "<th>installed</th></tr></thead>\n<tbody>\n{5}</tbody>\n</table>\n</body>\n</html>\n",
                     html(head.name), style, records.size(), html(head.cache), keys, rows);
}

}  // namespace

std::string index_record(const Variant& variant, const std::string& store_path, std::uint64_t bytes, std::int64_t when) {
  JsonWriter more(JsonWriter::Layout::compact);
  more.begin_object().member("store_path", store_path).member("bytes", bytes).member("published", when).end_object();
  std::string record = variant_json(variant);
  record.pop_back();  // "}"
  return record + "," + std::string(trim(more.take())).substr(1);
}

IndexPages index_pages(const IndexHead& head, const std::vector<std::string>& records) {
  std::vector<Json> read;
  std::string json = fmt::format("{{\n  \"format\": \"{}\",\n  \"version\": {},\n", index_format, index_version);
  JsonWriter names(JsonWriter::Layout::compact);
  names.begin_object().member("name", head.name).member("cache", head.cache).member("public_keys", head.keys).end_object();
  json += "  " + std::string(trim(names.take())).substr(1);
  json.pop_back();
  json += ",\n  \"variants\": [";
  for (const std::string& record : records) {
    json += (read.empty() ? "\n    " : ",\n    ") + record;
    read.push_back(parse_json(record, "history.db"));
  }
  json += records.empty() ? "]\n}\n" : "\n  ]\n}\n";
  IndexHead shown = head;
  if (shown.cache.empty()) shown.cache = "URL-OF-THIS-PAGE";
  return {.json = std::move(json), .html = page(shown, read)};
}

}  // namespace lathe

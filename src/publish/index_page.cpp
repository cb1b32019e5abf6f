// SPDX-License-Identifier: MIT
#include "publish/index_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "page/frame.h"
#include "page/html.h"
#include "report/progress.h"
#include "select/variant_record.h"

namespace lathe {
namespace {

constexpr std::size_t products_in_row = 3;  // the others are in the table below

std::vector<std::string> products_of(const Json& record) {
  std::vector<std::string> names;
  const Json* list = record.find("runs_on");
  if (!list || !list->array()) return names;
  for (const Json& name : *list->array()) {
    if (name.text()) names.push_back(*name.text());
  }
  return names;
}

void small(Html& html, std::string_view text) {
  if (!text.empty()) html.element("small", text);
}

void write_gpu(Html& html, const Json& record) {
  const std::string gpus = record.text_of("capability");
  html.open("td").text(gpus.empty() ? "CPU only" : gpus);
  if (!gpus.empty()) {
    const auto products = products_of(record);
    const auto end =
        products.begin() + static_cast<std::ptrdiff_t>(std::min(products.size(), products_in_row));
    small(html,
          fmt::format("{}{}", fmt::join(products.begin(), end, ", "), end == products.end() ? "" : " ..."));
  }
  html.close();
}

void write_cuda(Html& html, const Json& record) {
  const std::string cuda = record.text_of("cuda"), driver = record.text_of("min_driver");
  html.open("td").text(cuda.empty() ? "-" : cuda);
  if (!cuda.empty() && !driver.empty()) {
    const std::string because = record.text_of("min_driver_because");
    small(html, fmt::format("driver {} up{}", driver, because.empty() ? "" : ", because of " + because));
  }
  html.close();
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

void write_software(Html& html, const Json& record, const std::vector<const Json*>& companions) {
  const std::string torch = record.text_of("pytorch");
  html.open("td");
  if (!record.text_of("torch").empty()) {
    html.text(package_of(record)).text(" ");
    small(html, "for PyTorch " + torch);
  } else {
    html.text("PyTorch " + torch);
    std::vector<std::string> packages;
    for (const Json* companion : companions) packages.push_back(package_of(*companion));
    small(html, packages.empty() ? "" : fmt::format("with {}", fmt::join(packages, ", ")));
  }
  html.close();
}

std::string size_of(const Json& record) {
  const Json* size = record.find("bytes");
  const auto* bytes = size ? size->get<std::int64_t>() : nullptr;
  return bytes && *bytes > 0 ? bytes_text(static_cast<std::uint64_t>(*bytes)) : "";
}

void write_row(Html& html, const IndexHead& head, const Json& record,
               const std::vector<const Json*>& companions) {
  std::vector<std::string> paths = {record.text_of("store_path")};
  for (const Json* companion : companions) paths.push_back(companion->text_of("store_path"));
  const std::string name = record.text_of("name");
  html.open("tr", {{"id", name},
                   {"data-item", Html::bare},
                   {"data-gpu", record.text_of("capability")},
                   {"data-cpu", record.text_of("isa")},
                   {"data-cuda", record.text_of("cuda")},
                   {"data-python", record.text_of("python")},
                   {"data-pytorch", record.text_of("pytorch")}});
  html.line().open("th", {{"scope", "row"}}).element("a", {{"href", "#" + name}}, name);
  html.open("details").element("summary", "install");
  html.element("pre", install_commands(head, paths).front()).close().close().line();
  write_gpu(html, record);
  html.element("td", record.text_of("isa"));
  write_cuda(html, record);
  html.element("td", record.text_of("python"));
  write_software(html, record, companions);
  html.element("td", size_of(record)).line().close().line();
}

// Which products run the code for each GPU, and for each instruction set of builds for CPUs only: GPUs
// first, 9.0 before 10.0.
void write_products(Html& html, const std::vector<Json>& records) {
  std::map<std::tuple<bool, std::size_t, std::string>, std::vector<std::string>> all;
  for (const Json& record : records) {
    const std::string gpu = record.text_of("capability"), code = gpu.empty() ? record.text_of("isa") : gpu;
    auto& names = all[{gpu.empty(), code.size(), code}];
    if (names.empty()) names = products_of(record);
  }
  begin_table(html, "products", "What runs them", {"Code", "Products"});
  for (const auto& [code, names] : all) {
    if (names.empty()) continue;
    html.open("tr").element("th", {{"scope", "row"}}, std::get<2>(code));
    html.element("td", fmt::format("{}", fmt::join(names, ", "))).close().line();
  }
  end_table(html);
}

void write_head(Html& html, const IndexHead& head, std::size_t builds) {
  const std::string keys = fmt::format("{}", fmt::join(head.keys, " "));
  html.open("header").line().element("h1", head.name).line().open("p");
  html.text(fmt::format("{} build{} of PyTorch, each made for one kind of hardware, in the binary cache ",
                        builds, builds == 1 ? "" : "s"));
  html.element("code", head.cache).text(". ");
  if (keys.empty()) html.text("It is not signed.");
  else html.text("Signed with ").element("code", keys).text(".");
  html.close().line().element("p", "Which one is right for a machine? On that machine:").line();
  html.element("pre", "torchlathe select --from URL-OF-THIS-PAGE").line().close().line();
}

std::string page(const IndexHead& head, const std::vector<Json>& records) {
  Html html;
  write_head(html, head, records.size());
  html.open("main").line();
  write_filter(
      html, "Builds", "RTX 4090 avx512",
      {{"gpu", "GPU"}, {"cpu", "CPU"}, {"cuda", "CUDA"}, {"python", "Python"}, {"pytorch", "PyTorch"}});
  html.open("section", {{"data-counted", "builds"}}).line();
  begin_table(html, "builds", "Builds", {"Build", "GPU", "CPU", "CUDA", "Python", "Software", "Size"});
  Companions companions = companions_of(records);
  for (const Json& record : records) write_row(html, head, record, companions[record.text_of("store_path")]);
  end_table(html);
  html.close().line();
  write_products(html, records);
  return page_html(head.name + ": PyTorch builds", html.close().line().take());
}

}  // namespace

namespace {

// The same build, for the driver that its code needs.
Variant needing(const Variant& variant, const DriverNeed& need) {
  auto cell = std::make_shared<Cell>(*variant.cell);
  cell->min_driver = need.version;
  Variant out = variant;
  out.cell = std::move(cell);
  return out;
}

bool asks_for_more(const IndexEntry& entry, const Cell& cell) {
  return entry.driver && (!cell.min_driver || *cell.min_driver < entry.driver->version);
}

}  // namespace

std::string index_record(const Variant& variant, const IndexEntry& entry) {
  const bool more_driver = asks_for_more(entry, *variant.cell);
  JsonWriter more(JsonWriter::Layout::compact);
  more.begin_object().member("store_path", entry.store_path);
  if (variant.companion) more.member("torch_path", entry.torch_path);
  if (more_driver) more.member("min_driver_because", entry.driver->because);
  more.member("bytes", entry.bytes).member("published", entry.published).end_object();
  std::string record = variant_json(more_driver ? needing(variant, *entry.driver) : variant);
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

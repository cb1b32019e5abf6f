// SPDX-License-Identifier: MIT
#include "audit/marked_blocks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace lathe {
namespace {

constexpr std::string_view open_mark = "<!-- torchlathe: ", close_mark = " -->",
                           end_mark = "<!-- torchlathe: end -->";

std::string matrix_table(const std::vector<Variant>& variants) {
  std::vector<std::string> isas, rows;  // in the matrix' order
  std::map<std::string, std::set<std::string>> cells;
  const auto once = [](std::vector<std::string>& list, const std::string& item) {
    if (std::ranges::find(list, item) == list.end()) list.push_back(item);
  };
  for (const Variant& variant : variants) {
    const std::string row =
        variant.is_gpu() ? fmt::format("{} (CUDA {})", variant.cell->gpu_text, variant.cell->cuda->text())
                         : "CPU";
    once(rows, row);
    once(isas, variant.cell->isa->name);
    cells[row].insert(variant.cell->isa->name);
  }
  std::string table = fmt::format("| | {} |\n| --- |{}\n", fmt::join(isas, " | "),
                                  replace_all(std::string(isas.size(), '.'), ".", " --- |"));
  for (const std::string& row : rows) {
    table += fmt::format("| {} |", row);
    for (const std::string& isa : isas) table += cells[row].contains(isa) ? " yes |" : " |";
    table += '\n';
  }
  return table;
}

std::string version_table(const std::vector<Variant>& variants) {
  std::vector<std::string> rows;
  std::map<std::string, std::size_t> counts;
  for (const Variant& variant : variants) {
    std::string row = fmt::format("| {} | {} | {} | `{}` |", variant.pytorch->version, variant.python,
                                  variant.is_gpu() ? variant.cell->cuda->text() : "none",
                                  variant.nixpkgs->rev.substr(0, 12));
    if (++counts[row] == 1) rows.push_back(std::move(row));
  }
  std::string table = "| PyTorch | Python | CUDA | nixpkgs | variants |\n| --- | --- | --- | --- | --- |\n";
  for (const std::string& row : rows) table += fmt::format("{} {} |\n", row, counts[row]);
  return table;
}

std::string content_of(std::string_view kind, const std::vector<Variant>& variants, const Place& where) {
  if (kind == "count") return std::to_string(variants.size());
  if (kind == "matrix") return matrix_table(variants);
  if (kind == "versions") return version_table(variants);
  const std::vector<std::string> kinds = {"count", "matrix", "versions"};
  throw Error({.what = fmt::format("there is no block \"{}\"", printable(kind)),
               .where = where,
               .next = did_you_mean_text(kind, kinds, "blocks: count, matrix, versions")});
}

// The next mark from `from` on that does not stand in fenced code.
std::size_t find_mark(std::string_view text, std::size_t from) {
  for (std::size_t at = text.find(open_mark, from); at != std::string_view::npos;
       at = text.find(open_mark, at + 1)) {
    bool fenced = false;
    for (const std::string_view line : split(text.substr(0, at), '\n')) fenced ^= line.starts_with("```");
    if (!fenced) return at;
  }
  return std::string_view::npos;
}

}  // namespace

FilledDocument fill_blocks(std::string_view text, const std::string& file,
                           const std::vector<Variant>& variants) {
  FilledDocument filled;
  std::size_t done = 0;
  for (std::size_t at = find_mark(text, 0); at != std::string_view::npos; at = find_mark(text, done)) {
    const auto line = static_cast<std::size_t>(std::ranges::count(text.substr(0, at), '\n')) + 1;
    const Place where{.file = file, .line = static_cast<std::uint32_t>(line), .column = 0};
    const std::size_t name = at + open_mark.size(), close = text.find(close_mark, name);
    const std::size_t end = text.find(end_mark, name);
    if (close == std::string_view::npos || end == std::string_view::npos || end < close) {
      throw Error({.what = "this block has no end",
                   .where = where,
                   .next = fmt::format("close it with {}", end_mark)});
    }
    const std::size_t body = close + close_mark.size();
    std::string content = content_of(text.substr(name, close - name), variants, where);
    if (text.substr(body, end - body).find('\n') != std::string_view::npos ||
        content.find('\n') != std::string::npos) {
      content = "\n" + content + (content.ends_with('\n') ? "" : "\n");
    }
    ++filled.blocks;
    if (content != text.substr(body, end - body)) filled.drifted.push_back(line);
    filled.text.append(text.substr(done, body - done)).append(content).append(end_mark);
    done = end + end_mark.size();
  }
  filled.text.append(text.substr(done));
  return filled;
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "report/catalog_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/compat.h"
#include "hardware/instance.h"
#include "hardware/nixpkgs.h"
#include "report/table.h"

namespace lathe {
namespace {

using CatalogCell = CatalogTable::Cell;
using Row = std::vector<CatalogCell>;

std::string dotted(Capability capability) { return spell(capability, Dialect::dotted); }
std::string word(std::string_view text) { return std::string(text); }
CatalogCell maybe(const std::optional<Version>& version) {
  return version ? CatalogCell(*version) : CatalogCell(nullptr);
}
CatalogCell maybe(const std::string& text) { return text.empty() ? CatalogCell(nullptr) : CatalogCell(text); }

// Every table ends with these two.
Row with_source(Row row, const Provenance& provenance) {
  row.emplace_back(word(to_string(provenance.confidence)));
  row.emplace_back(provenance.source);
  return row;
}

CatalogTable gpus() {
  CatalogTable table{"gpus", {"gpu", "capability", "segment", "hosts", "aliases"}, {}};
  for (const Gpu& gpu : catalog().gpus) {
    table.rows.push_back(
        with_source({gpu.name, dotted(gpu.capability), gpu.segment, gpu.hosts, gpu.aliases}, gpu.provenance));
  }
  return table;
}

CatalogTable capabilities() {
  CatalogTable table{"capabilities",
                     {"capability", "architecture", "products", "tegra", "first_cuda", "last_cuda", "a_since",
                      "f_since", "now_called", "first_driver", "cudnn"},
                     {}};
  for (const CapabilityRow& row : catalog().capabilities) {
    table.rows.push_back(
        with_source({dotted(row.capability), row.name, row.group, row.tegra, row.first_cuda,
                     maybe(row.last_cuda), maybe(row.specific_since), maybe(row.family_since),
                     row.now_called ? CatalogCell(dotted(*row.now_called)) : CatalogCell(nullptr),
                     row.first_driver, row.cudnn},
                    row.provenance));
  }
  return table;
}

CatalogTable hosts() {
  CatalogTable table{"hosts", {"host", "machine", "best_isas", "cpus", "text"}, {}};
  for (const HostClass& host : catalog().hosts) {
    table.rows.push_back(with_source(
        {host.name, word(to_string(host.machine)), host.best_isas, host.cpus, host.text}, host.provenance));
  }
  return table;
}

CatalogTable cpus() {
  CatalogTable table{"cpus", {"cpu", "machine", "isas", "aliases"}, {}};
  for (const Cpu& cpu : catalog().cpus) {
    table.rows.push_back(
        with_source({cpu.name, word(to_string(cpu.machine)), cpu.isas, cpu.aliases}, cpu.provenance));
  }
  return table;
}

CatalogTable isas() {
  CatalogTable table{"isas",
                     {"isa", "machine", "level", "title", "flags", "cpuinfo", "hwcaps", "features",
                      "includes", "without", "pytorch_note"},
                     {}};
  for (const Isa& isa : catalog().isas) {
    table.rows.push_back(
        with_source({isa.name, word(to_string(isa.machine)), isa.level, isa.title, isa.flags, isa.cpuinfo,
                     isa.hwcaps, isa.features, isa.includes, isa.without, maybe(isa.pytorch_note)},
                    isa.provenance));
  }
  return table;
}

CatalogTable cuda() {
  CatalogTable table{"cuda", {"cuda", "minimum_driver", "paired_driver", "nixpkgs_set", "capabilities"}, {}};
  for (const Toolkit& toolkit : catalog().toolkits) {
    std::vector<std::string> compiles;
    for (const CapabilityRow& row : catalog().capabilities) {
      if (why_not_compilable(row.capability, toolkit.version).empty())
        compiles.push_back(dotted(row.capability));
    }
    table.rows.push_back(with_source({toolkit.version.text(), toolkit.minimum_driver, toolkit.paired_driver,
                                      toolkit.nixpkgs_set, compiles},
                                     toolkit.provenance));
  }
  return table;
}

CatalogTable nixpkgs() {
  CatalogTable table{
      "nixpkgs",
      {"since", "torch", "triton", "torchvision", "torchaudio", "cuda", "cuda_aliases", "cuda_sets",
       "torch_cuda", "python", "magma_cuda13", "metadata_check", "cccl_folder", "cccl", "torch_style",
       "torch_arguments", "torch_patches", "torch_cuda_patches", "fixed_texts"},
      {}};
  for (const NixpkgsFacts& row : nixpkgs_tables().releases) {
    table.rows.push_back(
        with_source({row.since, row.torch, row.triton, row.torchvision, row.torchaudio, row.cuda,
                     row.cuda_aliases, row.cuda_sets, row.torch_cuda, row.python, row.magma_cuda13,
                     row.metadata_check, row.cccl_folder, row.cccl, row.torch_style, row.torch_arguments,
                     row.torch_patches, row.torch_cuda_patches, row.fixed_texts},
                    row.provenance));
  }
  return table;
}

CatalogTable patches() {
  CatalogTable table{"patches", {"patch", "first", "last", "use"}, {}};
  for (const TorchPatch& row : nixpkgs_tables().patches) {
    table.rows.push_back(with_source({row.name, maybe(row.first), maybe(row.last), row.use}, row.provenance));
  }
  return table;
}

CatalogTable magma() {
  CatalogTable table{"magma", {"first_cuda", "name", "commit", "what"}, {}};
  for (const MagmaFix& row : nixpkgs_tables().magma_fixes) {
    table.rows.push_back(with_source({row.first_cuda, row.name, row.commit, row.what}, row.provenance));
  }
  return table;
}

CatalogTable triton() {
  CatalogTable table{"triton", {"release", "instead_of", "llvm", "llvm_version", "stale_patches"}, {}};
  for (const TritonSource& row : nixpkgs_tables().tritons) {
    table.rows.push_back(with_source(
        {row.release, row.instead_of, row.llvm, row.llvm_version, row.stale_patches}, row.provenance));
  }
  return table;
}

CatalogTable torch() {
  CatalogTable table{"torch", {"release", "triton", "cccl_cuda"}, {}};
  for (const TorchNeeds& row : nixpkgs_tables().torch) {
    table.rows.push_back(with_source({row.release, row.triton, maybe(row.cccl_cuda)}, row.provenance));
  }
  return table;
}

CatalogTable jetsons() {
  CatalogTable table{"jetsons", {"capability", "name", "last_cuda", "server_cuda"}, {}};
  for (const Jetson& row : nixpkgs_tables().jetsons) {
    table.rows.push_back(with_source(
        {dotted(row.capability), row.name, maybe(row.last_cuda), maybe(row.server_cuda)}, row.provenance));
  }
  return table;
}

CatalogTable pins() {
  CatalogTable table{
      "pins", {"rev", "like", "torch", "cuda", "cuda_sets", "magma_cuda13", "pytorch_alias", "sha256"}, {}};
  for (const Pin& pin : catalog().pins) {
    table.rows.push_back(
        with_source({pin.rev, word(nixpkgs_like(pin.rev)), maybe(pin.torch), maybe(pin.cuda), pin.cuda_sets,
                     pin.magma_cuda13, pin.pytorch_alias, maybe(pin.sha256.value_or(""))},
                    pin.provenance));
  }
  return table;
}

CatalogTable pytorch() {
  CatalogTable table{"pytorch", {"release", "suffixes", "last_cuda"}, {}};
  for (const PytorchRelease& row : catalog().pytorch) {
    std::vector<std::string> suffixes;
    for (const char suffix : row.suffixes) suffixes.emplace_back(1, suffix);
    table.rows.push_back(with_source({row.release, suffixes, maybe(row.last_cuda)}, row.provenance));
  }
  return table;
}

CatalogTable instances() {
  CatalogTable table{"instances", {"cloud", "types", "gpu", "capability", "cpus"}, {}};
  for (const InstanceRow& row : instance_rows()) {
    table.rows.push_back(
        with_source({row.cloud, row.names, row.gpu ? CatalogCell(row.gpu->name) : CatalogCell(nullptr),
                     row.gpu ? CatalogCell(dotted(row.gpu->capability)) : CatalogCell(nullptr), row.cpus},
                    row.provenance));
  }
  return table;
}

struct Maker {
  std::string_view name;
  CatalogTable (*make)();
};

constexpr std::array<Maker, 15> makers = {{{"gpus", gpus},
                                           {"cpus", cpus},
                                           {"isas", isas},
                                           {"cuda", cuda},
                                           {"nixpkgs", nixpkgs},
                                           {"pins", pins},
                                           {"patches", patches},
                                           {"torch", torch},
                                           {"jetsons", jetsons},
                                           {"magma", magma},
                                           {"triton", triton},
                                           {"capabilities", capabilities},
                                           {"hosts", hosts},
                                           {"instances", instances},
                                           {"pytorch", pytorch}}};

constexpr int provenance_columns = 2;  // the last ones

// Does a text of the cell meet `asked`? Of a list an item.
bool any_text(const CatalogCell& cell, const std::function<bool(const std::string&)>& asked) {
  if (const auto* text = std::get_if<std::string>(&cell)) return asked(*text);
  const auto* items = std::get_if<std::vector<std::string>>(&cell);
  return items && std::ranges::any_of(*items, asked);
}

bool fits(const Row& row, const std::string& glob) {
  return std::ranges::any_of(row, [&](const CatalogCell& cell) {
    return any_text(cell, [&](const std::string& text) { return glob_match(glob, lower_case(text)); });
  });
}

bool goes_on(char c) { return c == '.' || std::isalnum(static_cast<unsigned char>(c)) != 0; }

// As words of a longer text: "5090" in "GeForce RTX 5090 D", not "12" in "12.1". What says where a row is
// from is not looked into.
bool fits_inside(const Row& row, const std::string& words) {
  const auto inside = [&](const std::string& text) {
    const std::string low = lower_case(text);
    for (std::size_t at = low.find(words); at != std::string::npos; at = low.find(words, at + 1)) {
      const std::size_t end = at + words.size();
      if ((at == 0 || !goes_on(low[at - 1])) && (end == low.size() || !goes_on(low[end]))) return true;
    }
    return false;
  };
  return std::any_of(row.begin(), row.end() - provenance_columns,
                     [&](const CatalogCell& cell) { return any_text(cell, inside); });
}

// "fe5e41d7": the beginning of a revision, at least as long as git's own short ones.
bool fits_revision(const Row& row, const std::string& digits) {
  constexpr std::size_t shortest = 7, whole = 40;
  const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  if (digits.size() < shortest || !std::ranges::all_of(digits, is_hex)) return false;
  return std::ranges::any_of(row, [&](const CatalogCell& cell) {
    return any_text(cell, [&](const std::string& text) {
      return text.size() == whole && std::ranges::all_of(text, is_hex) && text.starts_with(digits);
    });
  });
}

void keep_rows(CatalogTable& table, const std::vector<std::string>& globs) {
  std::vector<bool> keep(table.rows.size());
  for (const std::string& glob : globs) {
    const std::string low = lower_case(glob);
    bool met = false;
    for (const auto& fit : {fits, fits_revision, fits_inside}) {
      for (std::size_t i = 0; i < keep.size() && !low.empty(); ++i) {
        if (!fit(table.rows[i], low)) continue;
        keep[i] = met = true;
      }
      if (met) break;
    }
    if (!met) table.unmet.push_back(glob);
  }
  std::size_t number = 0;
  std::erase_if(table.rows, [&](const Row&) { return !keep[number++]; });
}

// The items that fit into `most` columns, at least one, and how many more there are.
std::string joined(const std::vector<std::string>& items, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0 && text.size() + 2 + items[i].size() > most)
      return fmt::format("{} and {} more", text, items.size() - i);
    text += (i > 0 ? ", " : "") + items[i];
  }
  return text.empty() ? "-" : text;
}

// As one word or sentence, for tables.
std::string shown(const CatalogCell& cell, std::size_t most) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* flag = std::get_if<bool>(&cell)) return *flag ? "yes" : "no";
  if (const auto* number = std::get_if<int>(&cell)) return std::to_string(*number);
  if (const auto* version = std::get_if<Version>(&cell)) return version->text();
  const auto* items = std::get_if<std::vector<std::string>>(&cell);
  return items ? joined(*items, most) : "-";
}

void write(JsonWriter& json, const CatalogCell& cell) {
  std::visit(
      [&]<typename T>(const T& value) {
        if constexpr (std::is_same_v<T, std::nullptr_t>) {
          json.null();
        } else if constexpr (std::is_same_v<T, Version>) {
          json.value(value.text());
        } else {
          json.value(value);
        }
      },
      cell);
}

std::string as_json(const CatalogTable& table) {
  JsonWriter json;
  begin_report(json).key(table.name).begin_array();
  for (const Row& row : table.rows) {
    json.begin_object();
    for (std::size_t i = 0; i < row.size(); ++i) {
      json.key(table.heads[i]);
      write(json, row[i]);
    }
    json.end_object();
  }
  return json.end_array().end_object().take();
}

}  // namespace

std::span<const std::string_view> catalog_table_names() {
  static const auto names = [] {
    std::array<std::string_view, makers.size()> result;
    std::ranges::transform(makers, result.begin(), &Maker::name);
    return result;
  }();
  return names;
}

CatalogTable catalog_table(std::string_view name, const std::vector<std::string>& globs) {
  CatalogTable table = std::ranges::find(makers, name, &Maker::name)->make();
  static_assert(provenance_columns == 2);
  table.heads.insert(table.heads.end(), {"confidence", "source"});
  if (globs.empty()) return table;
  keep_rows(table, globs);
  return table;
}

std::vector<std::string> texts_of(const CatalogTable& table) {
  std::vector<std::string> texts;
  for (const Row& row : table.rows) {
    for (auto cell = row.begin(); cell != row.end() - provenance_columns; ++cell) {
      any_text(*cell, [&](const std::string& text) {
        texts.push_back(text);
        return false;
      });
    }
  }
  return texts;
}

void print(const CatalogTable& table, std::string_view format, Terminal& terminal) {
  if (format == "json") return terminal.out(as_json(table));
  const std::size_t most = format == "text" ? 100 : std::string::npos;
  Table plain(table.heads);
  for (const Row& row : table.rows) {
    std::vector<std::string> cells;
    for (const CatalogCell& cell : row) cells.push_back(shown(cell, most));
    plain.add(std::move(cells));
  }
  if (format == "csv") return terminal.out(plain.csv());
  terminal.out(format == "md" ? plain.markdown() : plain.text(terminal));
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "matrix/axis_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/gpu_name.h"
#include "hardware/nixpkgs.h"
#include "matrix/axes.h"
#include "matrix/extra.h"
#include "matrix/variant.h"

namespace lathe {
namespace {

using Globs = std::vector<std::string>;

// A GPU can be meant by its capability in any dialect ("12.0", "sm120", "12.*"), or by a product's name.
bool gpu_matches(const Globs& globs, const Cell& cell) {
  if (cell.gpus.empty()) return any_glob(globs, "cpu");
  return std::ranges::any_of(cell.gpus, [&](Capability gpu) {
    if (any_glob(globs, spell(gpu, Dialect::dotted)) || any_glob(globs, spell(gpu, Dialect::name)) ||
        any_glob(globs, spell(gpu, Dialect::sm))) {
      return true;
    }
    return std::ranges::any_of(globs, [&](const std::string& glob) {
      const Gpu* product = catalog().find_gpu(glob);
      return product && product->capability == gpu.portable();
    });
  });
}

// A product as any command takes it; capabilities and globs are for the cells of the matrix themselves.
std::string gpu_asked(const std::string& text) {
  constexpr int no_capability = 100;  // "5090" is a product's number
  const auto spelled = parse_capability(text);
  const bool capability = spelled && spelled->capability.major < no_capability;
  if (capability || text == "cpu" || text.find_first_of("*?[") != std::string::npos) return text;
  return spell(read_gpu_name(text).capability.portable(), Dialect::dotted);
}

std::optional<std::string> dotted_gpus(const Cell& cell) {
  std::string text;
  for (const Capability gpu : cell.gpus) text += (text.empty() ? "" : " ") + spell(gpu, Dialect::dotted);
  return cell.cuda ? std::optional(text) : std::nullopt;
}

// Both ways to write an axis that may hold one value.
template <typename T, typename F>
std::vector<Placed<T>> read_both(const Axis& row, const Toml& block, F&& read) {
  std::vector<Placed<T>> items = axis<T>(block, row.key, read);
  std::ranges::move(axis<T>(block, row.another_key, read), std::back_inserter(items));
  return items;
}

template <typename F>
std::vector<std::string> read_releases(const Axis& row, const Toml& block, F&& read) {
  std::vector<std::string> releases;
  for (auto& item : axis<std::string>(block, row.key, read)) releases.push_back(std::move(item.value));
  return releases;
}

// ---- Axes whose values are words of a table.

void read_words(const Axis& row, const Toml& block, Block& out) {
  const std::vector<std::string> known = row.words();
  const auto read = [&](const Toml& value) {
    if (std::ranges::find(known, value.text()) == known.end()) {
      value.fail(
          fmt::format("unknown {} \"{}\"", row.word, printable(value.text())),
          did_you_mean_text(value.text(), known, fmt::format("use one of {}", fmt::join(known, ", "))));
    }
    return value.text();
  };
  if (auto items = axis<std::string>(block, row.key, read); !items.empty())
    out.words[std::string(row.word)] = std::move(items);
}

std::size_t count_words(const Axis& row, const Block& block) {
  const auto found = block.words.find(row.word);
  return found == block.words.end() ? 0 : found->second.size();
}

void choose_word(const Axis& row, const Block& block, std::size_t number, const MatrixSpec&, Variant&,
                 Cell& cell) {
  cell.words[std::string(row.word)] = block.words.find(row.word)->second[number].value;
}

std::string word_in_name(const Axis& row, const Variant& variant) {
  const auto found = variant.cell->words.find(row.word);
  return found == variant.cell->words.end() ? "" : found->second;
}

bool word_means(const Axis& row, const Globs& globs, const Variant& variant) {
  const std::string word = word_in_name(row, variant);
  return any_glob(globs, word.empty() ? "none" : word);
}

std::optional<std::string> shown_word(const Axis& row, const Variant& variant) {
  const std::string word = word_in_name(row, variant);
  return word.empty() ? std::nullopt : std::optional(word);
}

// ---- blas: the library of linear algebra on CPUs.

std::vector<std::string> known_isas() { return catalog().isa_names(); }

std::vector<std::string> known_toolkits() {
  std::vector<std::string> names;
  for (const Toolkit& toolkit : catalog().toolkits) names.push_back(toolkit.version.text());
  return names;
}

std::vector<std::string> blas_words() {
  std::vector<std::string> names;
  for (const BlasLibrary& library : nixpkgs_tables().blas) names.push_back(library.name);
  return names;
}

const BlasLibrary& blas(const std::string& word) {
  return *std::ranges::find(nixpkgs_tables().blas, word, &BlasLibrary::name);
}

std::string blas_why_not(const std::string& word, const Cell& cell) {
  const BlasLibrary& library = blas(word);
  const std::string machine(to_string(cell.isa->machine));
  if (library.machines.empty() || std::ranges::find(library.machines, machine) != library.machines.end())
    return "";
  return fmt::format("there is no {} for {} CPUs", library.title, machine);
}

Extra blas_extra(const std::string& word, const Cell& cell) {
  const BlasLibrary& library = blas(word);
  Extra extra;
  extra.override_arguments["blas"] =
      fmt::format("pkgs.blas.override {{ blasProvider = pkgs.{}; }}", library.provider);
  // recipes with CUDA allow it anyhow
  if (library.unfree && !cell.cuda) extra.config["allowUnfree"] = "true";
  return extra;
}

// ---- The table.

constexpr Axis table[] = {
    {.word = "gpu",
     .key = "gpus",
     .another_key = "gpu",
     .in = Axis::In::gpu_blocks,
     .of_branch = false,
     .of_cell = true,
     .nesting = 3,
     .column = 0,
     .read = [](const Axis& row, const Toml& block,
                Block& out) { out.gpus = read_both<std::vector<Capability>>(row, block, read_gpus); },
     .size = [](const Axis&, const Block& block) { return block.gpus.size(); },
     .choose = [](const Axis&, const Block& block, std::size_t number, const MatrixSpec&, Variant&,
                  Cell& cell) { cell.gpus = block.gpus[number].value; },
     .in_name = [](const Axis&, const Variant& variant) { return variant.cell->gpu_text; },
     .option = "gpu",
     .placeholder = "GPU",
     .help = "only these GPUs: 12.0, sm120, '12.*', \"RTX 5090\"",
     .asked = gpu_asked,
     .means = [](const Axis&, const Globs& globs,
                 const Variant& variant) { return gpu_matches(globs, *variant.cell); },
     .shown = [](const Axis&, const Variant& variant) { return dotted_gpus(*variant.cell); },
     .json =
         [](const Axis& row, const Variant& variant, JsonWriter& json) {
           json.member(row.word, variant.is_gpu() ? std::optional(variant.cell->gpu_text) : std::nullopt)
               .member("capability", dotted_gpus(*variant.cell));
         },
     .words = nullptr,
     .known = known_gpus},
    {.word = "isa",
     .key = "isas",
     .another_key = "isa",
     .in = Axis::In::every_block,
     .of_branch = false,
     .of_cell = true,
     .nesting = 4,
     .column = 1,
     .read = [](const Axis& row, const Toml& block,
                Block& out) { out.isas = read_both<const Isa*>(row, block, read_isa); },
     .size = [](const Axis&, const Block& block) { return block.isas.size(); },
     .choose = [](const Axis&, const Block& block, std::size_t number, const MatrixSpec&, Variant&,
                  Cell& cell) { cell.isa = block.isas[number].value; },
     .in_name = [](const Axis&, const Variant& variant) { return variant.cell->isa->name; },
     .option = "isa",
     .placeholder = "ISA",
     .help = "only these instruction sets: avx2, 'avx512*'",
     .asked = nullptr,
     .means = [](const Axis&, const Globs& globs,
                 const Variant& variant) { return any_glob(globs, variant.cell->isa->name); },
     .shown = [](const Axis&, const Variant& variant) { return std::optional(variant.cell->isa->name); },
     .json = nullptr,
     .words = nullptr,
     .known = known_isas},
    {.word = "cuda",
     .key = "cuda",
     .another_key = "",
     .in = Axis::In::gpu_blocks,
     .of_branch = true,
     .of_cell = true,
     .nesting = 2,
     .column = 2,
     .read = [](const Axis& row, const Toml& block,
                Block& out) { out.cuda = axis<Version>(block, row.key, read_cuda); },
     .size = [](const Axis&, const Block& block) { return block.cuda.size(); },
     .choose = [](const Axis&, const Block& block, std::size_t number, const MatrixSpec&, Variant&,
                  Cell& cell) { cell.cuda = block.cuda[number].value; },
     .in_name = [](const Axis&, const Variant& variant) { return variant.cell->cuda_text; },
     .option = "cuda",
     .placeholder = "VERSION",
     .help = "only these CUDA releases: 13.0",
     .asked = nullptr,
     .means =
         [](const Axis&, const Globs& globs, const Variant& variant) {
           return any_glob(globs, variant.is_gpu() ? variant.cell->cuda->text() : "none");
         },
     .shown =
         [](const Axis&, const Variant& variant) {
           return variant.is_gpu() ? std::optional(variant.cell->cuda->text()) : std::nullopt;
         },
     .json = nullptr,
     .words = nullptr,
     .known = known_toolkits},
    {.word = "python",
     .key = "python",
     .another_key = "",
     .in = Axis::In::every_block,
     .of_branch = true,
     .of_cell = false,
     .nesting = 1,
     .column = 4,
     .read = [](const Axis& row, const Toml& block,
                Block& out) { out.python = read_releases(row, block, read_python); },
     .size = [](const Axis&, const Block& block) { return block.python.size(); },
     .choose = [](const Axis&, const Block& block, std::size_t number, const MatrixSpec&, Variant& variant,
                  Cell&) { variant.python = block.python[number]; },
     .in_name = [](const Axis&, const Variant& variant) { return digits_of(variant.python); },
     .option = "python",
     .placeholder = "VERSION",
     .help = "only these Pythons: 3.13",
     .asked = nullptr,
     .means = [](const Axis&, const Globs& globs,
                 const Variant& variant) { return any_glob(globs, variant.python); },
     .shown = [](const Axis&, const Variant& variant) { return std::optional(variant.python); },
     .json = nullptr,
     .words = nullptr},
    {.word = "pytorch",
     .key = "pytorch",
     .another_key = "",
     .in = Axis::In::every_block,
     .of_branch = true,
     .of_cell = false,
     .nesting = 0,
     .column = 3,
     .read = [](const Axis& row, const Toml& block,
                Block& out) { out.pytorch = read_releases(row, block, read_pytorch); },
     .size = [](const Axis&, const Block& block) { return block.pytorch.size(); },
     .choose = [](const Axis&, const Block& block, std::size_t number, const MatrixSpec& spec,
                  Variant& variant, Cell&) { variant.pytorch = spec.pytorch.at(block.pytorch[number]); },
     .in_name = [](const Axis&, const Variant& variant) { return digits_of(variant.pytorch->version); },
     .option = "pytorch",
     .placeholder = "VERSION",
     .help = "only these PyTorch releases: 2.10.0",
     .asked = nullptr,
     .means = [](const Axis&, const Globs& globs,
                 const Variant& variant) { return any_glob(globs, variant.pytorch->version); },
     .shown = [](const Axis&, const Variant& variant) { return std::optional(variant.pytorch->version); },
     .json = nullptr,
     .words = nullptr},
    {.word = "blas",
     .key = "blas",
     .another_key = "",
     .in = Axis::In::some_blocks,
     .of_branch = false,
     .of_cell = true,
     .nesting = 5,
     .column = 5,
     .read = read_words,
     .size = count_words,
     .choose = choose_word,
     .in_name = word_in_name,
     .option = "blas",
     .placeholder = "LIBRARY",
     .help = "only builds with these BLAS libraries: mkl, none",
     .asked = nullptr,
     .means = word_means,
     .shown = shown_word,
     .json = nullptr,
     .words = blas_words,
     .known = blas_words,
     .why_not = blas_why_not,
     .extra = blas_extra,
     .title = [](const std::string& word) { return blas(word).title; }},
};

template <int Axis::*Order>
std::vector<const Axis*> ordered() {
  std::vector<const Axis*> rows;
  for (const Axis& row : table) rows.push_back(&row);
  std::ranges::sort(rows, {}, [](const Axis* row) { return row->*Order; });
  return rows;
}

}  // namespace

std::span<const Axis> axes() { return table; }

bool any_glob(const Globs& globs, std::string_view text) {
  return std::ranges::any_of(globs, [&](const std::string& glob) { return glob_match(glob, text); });
}

std::span<const Axis* const> axes_by_nesting() {
  static const std::vector<const Axis*> rows = ordered<&Axis::nesting>();
  return rows;
}

std::span<const Axis* const> axes_by_column() {
  static const std::vector<const Axis*> rows = ordered<&Axis::column>();
  return rows;
}

bool uses(const MatrixSpec& spec, const Axis& axis) {
  return std::ranges::any_of(spec.blocks, [&](const Block& block) { return axis.size(axis, block) > 0; });
}

const Axis* axis_with(std::string_view word) {
  for (const Axis* row : axes_by_nesting()) {
    if (!row->may_be_off()) continue;
    const std::vector<std::string> words = row->words();
    if (std::ranges::find(words, word) != words.end()) return row;
  }
  return nullptr;
}

void for_each_word(const Cell& cell, const std::function<void(const Axis&, const std::string&)>& see) {
  if (cell.words.empty()) return;
  for (const Axis* row : axes_by_nesting()) {
    if (const auto found = cell.words.find(row->word); found != cell.words.end()) see(*row, found->second);
  }
}

std::vector<std::string> known_gpus() {
  std::vector<std::string> names;
  for (const CapabilityRow& row : catalog().capabilities)
    names.push_back(spell(row.capability, Dialect::dotted));
  return names;
}

std::string words_title(const Cell& cell) {
  std::string text;
  for_each_word(cell, [&](const Axis& row, const std::string& word) { text += ", with " + row.title(word); });
  return text;
}

}  // namespace lathe

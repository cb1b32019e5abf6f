// SPDX-License-Identifier: MIT
// What variants of a matrix are told apart by. An axis is a row: how a [[build]] says it, its word in names,
// what `match` and the filters ask of it, its column and JSON key. Reading, expansion, names, filters and
// output walk the table and know no axis by itself.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/toml.h"
#include "matrix/extra.h"
#include "matrix/spec.h"
#include "matrix/variant.h"

namespace lathe {

struct Axis {
  std::string_view word;              // in names, `match`, columns and JSON: "gpu"
  std::string_view key, another_key;  // of [[build]]: "gpus", and "gpu"; "": there is one
  enum class In { every_block, gpu_blocks, some_blocks } in;  // some_blocks: off unless used
  bool of_branch;                                             // a [[branch]] may say it instead of the block
  bool of_cell;                                               // a part of Cell
  int nesting, column;  // from 0, outermost and first; names and [[build]] are in nesting's order

  void (*read)(const Axis&, const Toml& block, Block&);
  std::size_t (*size)(const Axis&, const Block&);
  // The value of this number, into `variant` or the draft of its cell.
  void (*choose)(const Axis&, const Block&, std::size_t number, const MatrixSpec&, Variant& variant,
                 Cell& cell);

  std::string (*in_name)(const Axis&, const Variant&);

  std::string_view option, placeholder, help;     // "gpu", "GPU", "only these GPUs: ..."
  std::string (*asked)(const std::string& text);  // a filter's text as a glob; nullptr: it is one
  bool (*means)(const Axis&, const std::vector<std::string>& globs, const Variant&);

  std::optional<std::string> (*shown)(const Axis&, const Variant&);  // in its column; nullopt: it has none
  void (*json)(const Axis&, const Variant&, JsonWriter&);            // nullptr: `shown` under `word`

  // Of axes whose values are words of a table ("mkl"), kept in Block::words and Cell::words; else nullptr.
  std::vector<std::string> (*words)();
  // Values that the tables know, for --help and completion; nullptr: there are none to tell.
  std::vector<std::string> (*known)() = nullptr;
  // Why this cell cannot be, "" where it can; what its recipes have by [extra]; what a person reads of it.
  std::string (*why_not)(const std::string& word, const Cell&) = nullptr;
  Extra (*extra)(const std::string& word, const Cell&) = nullptr;
  std::string (*title)(const std::string& word) = nullptr;

  bool may_be_off() const { return in == In::some_blocks; }
};

std::span<const Axis> axes();  // in the order of filters
std::span<const Axis* const> axes_by_nesting();
std::span<const Axis* const> axes_by_column();

// Does one of the globs mean `text`?
bool any_glob(const std::vector<std::string>& globs, std::string_view text);

// Does any block of the matrix have it?
bool uses(const MatrixSpec& spec, const Axis& axis);

// The axis, off unless used, that has this word ("mkl"); nullptr: none has.
const Axis* axis_with(std::string_view word);

// Of axes that are off unless used, those that the cell has, each with its word.
void for_each_word(const Cell& cell, const std::function<void(const Axis&, const std::string&)>& see);

std::vector<std::string> known_gpus();  // capabilities: "9.0"

// "PyTorch ..., with Intel MKL": what the cell's words mean, each behind ", with "; "" where it has none.
std::string words_title(const Cell& cell);

}  // namespace lathe

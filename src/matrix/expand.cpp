// SPDX-License-Identifier: MIT
#include "matrix/expand.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "matrix/axis_table.h"
#include "matrix/cell.h"
#include "matrix/companions.h"
#include "matrix/name_pattern.h"
#include "matrix/nixpkgs_base.h"
#include "matrix/variant.h"
#include "matrix/variant_settings.h"

namespace lathe {
namespace {

constexpr std::string_view gpu_axis = "gpu";  // the axis along which one build may serve many

std::string& word_of(NamePattern::Words& words, std::string_view word) {
  return words[NamePattern::number_of(word)];
}

// Names seen so far, by their hashes in one flat table: a million names in 16 MiB, one cache miss each (a
// node-based set took half a second of the two that a million names cost). Two names with one hash are told
// apart by asking again.
class SeenNames {
 public:
  void reserve(std::uint64_t count) { slots_.assign(std::bit_ceil(2 * count + 1), empty); }

  // False: this hash is there already.
  bool insert(std::string_view name) {
    std::uint64_t hash = std::hash<std::string_view>{}(name);
    if (hash == empty) hash = 1;
    for (std::size_t slot = hash & (slots_.size() - 1);; slot = (slot + 1) & (slots_.size() - 1)) {
      if (slots_[slot] == hash) return false;
      if (slots_[slot] != empty) continue;
      slots_[slot] = hash;
      return true;
    }
  }

 private:
  static constexpr std::uint64_t empty = 0;
  std::vector<std::uint64_t> slots_;
};

class Expander {
 public:
  Expander(const MatrixSpec& spec, const std::function<bool(const Variant&)>& take)
      : spec_(spec), take_(take), settings_(spec) {
    for (std::size_t i = 0; i < spec.excludes.size(); ++i) exclude_used_.push_back(false);
    for (const Alias& alias : spec.aliases) wanted_aliases_[alias.name].push_back(&alias);
  }

  void run() {
    check_size();
    for (const Block& block : spec_.blocks) {
      if (!expand_block(block)) return;
    }
    check_rows();
  }

 private:
  void check_size() {
    std::uint64_t total = 0;
    for (const Block& block : spec_.blocks) total += block.size().value_or(0);
    total *= 1 + spec_.companions.size();
    if (total > most_variants) {
      throw Error(
          {.what = fmt::format("the matrix makes {} variants; at most {} are expanded", total, most_variants),
           .where = {.file = spec_.file}});
    }
    seen_.reserve(total);
  }

  // A block's name patterns.
  struct Patterns {
    explicit Patterns(const Block& block)
        : name(block.name), pname(block.pname), same(block.name == block.pname) {}
    void write(Variant& variant, const NamePattern::Words& words) const {
      name.write(variant.name, words);
      if (same) {
        variant.pname = variant.name;
      } else {
        pname.write(variant.pname, words);
      }
    }
    NamePattern name, pname;
    bool same;
  };

  bool expand_block(const Block& block) {
    const Patterns patterns(block);
    Groups groups =
        spec_.carver && block.gpu && !spec_.carver->nixpkgs_base ? fat_groups(block, patterns) : Groups{};
    Variant variant;
    return for_each(block, variant, [&](const NamePattern::Words& words) {
      patterns.write(variant, words);
      if (left_out(variant)) return true;
      variant.carved_from.clear();
      const auto group = groups.find(group_of(variant));
      if (group == groups.end()) return take_set(block, patterns, variant, words);
      if (!group->second.cell && !take_fat(block, patterns, variant, words, group->second)) return false;
      if (variant.cell->gpus == group->second.cell->gpus) return true;  // that was the one
      return take_set(block, patterns, variant, words, compiles(variant) ? &group->second : nullptr);
    });
  }

  // What is cut out of one build: all GPUs of a block that share the rest. Jetsons with packages of their
  // own are a group of theirs.
  struct Group {
    std::set<Capability> gpus;
    std::size_t variants = 0;
    std::shared_ptr<const Cell> cell = {};  // once it was made
    std::string name = {};
  };
  using GroupKey = std::vector<std::string>;
  using Groups = std::map<GroupKey, Group>;

  static GroupKey group_of(const Variant& variant) {
    GroupKey key = {variant.pytorch->version, is_jetson_build(*variant.cell) ? "jetson" : ""};
    for (const Axis& row : axes()) {
      if (row.word != gpu_axis) key.push_back(row.in_name(row, variant));
    }
    return key;
  }
  static bool compiles(const Variant& variant) {
    return std::ranges::all_of(variant.cell->gpus, [&](Capability gpu) {
      return why_no_build(gpu, *variant.cell->cuda, *variant.pytorch).empty();
    });
  }

  Groups fat_groups(const Block& block, const Patterns& patterns) {
    Groups groups;
    Variant variant;
    for_each(block, variant, [&](const NamePattern::Words& words) {
      patterns.write(variant, words);
      if (left_out(variant) || !compiles(variant)) return true;
      Group& group = groups[group_of(variant)];
      group.gpus.insert(variant.cell->gpus.begin(), variant.cell->gpus.end());
      ++group.variants;
      return true;
    });
    std::erase_if(groups, [](const auto& entry) { return entry.second.variants < 2; });
    return groups;
  }

  // The build for all GPUs of a group, before the first that is cut out of it.
  bool take_fat(const Block& block, const Patterns& patterns, const Variant& first, NamePattern::Words words,
                Group& group) {
    const Cell& like = *first.cell;
    Cell all;
    all.gpus.assign(group.gpus.begin(), group.gpus.end());
    all.isa = like.isa;
    all.cuda = like.cuda;
    all.words = like.words;
    group.cell = std::make_shared<const Cell>(make_cell(std::move(all), *first.pytorch, meetings_));
    Variant fat = first;
    fat.cell = group.cell;
    fat.fat = true;
    fat.settings = nullptr;
    word_of(words, gpu_axis) = fat.cell->gpu_text;
    patterns.write(fat, words);
    group.name = fat.name;
    return take_set(block, patterns, fat, words);
  }

  // PyTorch and the companions that follow it. `group`: what they are cut out of.
  bool take_set(const Block& block, const Patterns& patterns, Variant& variant,
                const NamePattern::Words& of_torch, const Group* group = nullptr) {
    if (group) variant.carved_from = group->name;
    if (!take_one(block, variant)) return false;
    for (const std::string& package : spec_.companions) {
      Variant companion = variant;
      NamePattern::Words words = of_torch;
      companion.package = word_of(words, "package") = package;
      companion.companion = companion_source(spec_, package, variant.pytorch->version);
      companion.torch = variant.name;
      companion.torch_carved_from = variant.carved_from;
      if (group) {
        NamePattern::Words of_all = words;
        word_of(of_all, gpu_axis) = group->cell->gpu_text;
        patterns.write(companion, of_all);
        companion.carved_from = companion.name;
      }
      patterns.write(companion, words);
      if (!companion.fat && excluded(companion)) continue;
      if (!take_one(block, companion)) return false;
    }
    return true;
  }

  // Walks a block's product, its axes as they are nested; `step` sees them in `variant` and as words of
  // names, and returns false to stop. Cells are shared by all variants of the block that have them.
  template <typename Step>
  bool for_each(const Block& block, Variant& variant, Step&& step) const {
    NamePattern::Words words(NamePattern::known().size());
    word_of(words, "package") = variant.package = spec_.package;
    word_of(words, "matrix") = spec_.name;
    variant.of_nixpkgs = block.gpu && spec_.carver && spec_.carver->nixpkgs_base;
    variant.nixpkgs = spec_.nixpkgs.at(block.nixpkgs);
    Cells cells;
    const PytorchSource* cells_of = nullptr;
    Cell unused;
    return walk(block, Of::variant, 0, variant, unused, [&] {
      // What caches have of nixpkgs' own torch hangs on the Python too.
      if (!cells_of || variant.of_nixpkgs || !same_refusals(*cells_of, *variant.pytorch))
        cells = make_cells(block, variant);
      cells_of = variant.pytorch.get();
      write_words(Of::variant, variant, words);
      for (const auto& cell : cells) {
        variant.cell = cell;
        write_words(Of::cell, variant, words);
        if (!step(words)) return false;
      }
      return true;
    });
  }

  // Axes that are a part of the cell, and those around them.
  enum class Of { variant, cell };
  static bool is(const Axis& row, Of of) { return row.of_cell == (of == Of::cell); }

  // Each product of the block's axes from the one of this nesting on, into `variant` and `draft`; an axis
  // that the block does not have stays as it is. False: `each` stopped it.
  bool walk(const Block& block, Of of, std::size_t nesting, Variant& variant, Cell& draft,
            const std::function<bool()>& each) const {
    const auto rows = axes_by_nesting();
    if (nesting == rows.size()) return each();
    const Axis& row = *rows[nesting];
    const std::size_t size = is(row, of) ? row.size(row, block) : 0;
    if (size == 0) return walk(block, of, nesting + 1, variant, draft, each);
    for (std::size_t number = 0; number < size; ++number) {
      row.choose(row, block, number, spec_, variant, draft);
      if (!walk(block, of, nesting + 1, variant, draft, each)) return false;
    }
    return true;
  }

  static void write_words(Of of, const Variant& variant, NamePattern::Words& words) {
    const auto rows = axes_by_nesting();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (is(*rows[i], of)) words[NamePattern::first_axis + i] = rows[i]->in_name(*rows[i], variant);
    }
  }

  using Cells = std::vector<std::shared_ptr<const Cell>>;
  Cells make_cells(const Block& block, Variant& variant) const {
    Cells cells;
    Cell draft;
    walk(block, Of::cell, 0, variant, draft, [&] {
      auto cell = std::make_shared<Cell>(make_cell(draft, *variant.pytorch, meetings_));
      if (variant.of_nixpkgs) judge_of_nixpkgs(*cell, *variant.nixpkgs, *variant.pytorch, variant.python);
      cells.push_back(std::move(cell));
      return true;
    });
    return cells;
  }

  // Then two releases of a block share their cells.
  static bool same_refusals(const PytorchSource& a, const PytorchSource& b) {
    return a.suffixes == b.suffixes && catalog().find_pytorch(a.version) == catalog().find_pytorch(b.version);
  }

  bool left_out(const Variant& variant) {
    if (excluded(variant)) return true;
    return std::ranges::find(spec_.drop, to_string(variant.cell->status)) != spec_.drop.end();
  }

  bool take_one(const Block& block, Variant& variant) {
    check_name(block, variant.name);
    if (variant.pname != variant.name) check_usable(block, variant.pname);
    variant.settings = settings_.of(variant);
    variant.aliases.clear();
    if (const auto aliases = wanted_aliases_.find(variant.name); aliases != wanted_aliases_.end()) {
      for (const Alias* alias : aliases->second) variant.aliases.push_back(alias->old_name);
      found_aliases_.insert(variant.name);
    }
    return take_(variant);
  }

  bool excluded(const Variant& variant) {
    bool hit = false;
    for (std::size_t i = 0; i < spec_.excludes.size(); ++i) {
      if (!matches(spec_.excludes[i].match, variant)) continue;
      exclude_used_[i] = hit = true;
    }
    return hit;
  }

  static void check_usable(const Block& block, const std::string& name) {
    const std::string why = why_not_a_package_name(name);
    if (why.empty()) return;
    throw Error({.what = fmt::format("the name \"{}\" cannot be used: {}", printable(name), why),
                 .where = block.where,
                 .next = "change the block's name pattern"});
  }

  void check_name(const Block& block, const std::string& name) {
    check_usable(block, name);
    if (seen_.insert(name)) return;
    const Block* first = earlier_block_with(name, block);
    if (!first) return;  // another name with the same hash
    throw Error(
        {.what = first->branch.empty() && block.branch.empty()
                     ? fmt::format("two variants are called {}; the first is made at {}", name,
                                   first->where.text())
                     : fmt::format("two variants are called {}: PyTorch {} of {} and PyTorch {} of {}", name,
                                   fmt::join(first->pytorch, ", "), maker_of(*first),
                                   fmt::join(block.pytorch, ", "), maker_of(block)),
         .where = block.where,
         .next = "put the word that tells them apart into the name pattern: {pytorch}, {python}, {cuda}, "
                 "{matrix}"});
  }

  static std::string maker_of(const Block& block) {
    if (block.branch.empty()) return fmt::format("the block at {}", block.where.text());
    return fmt::format("the branch \"{}\" ({})", printable(block.branch), block.branch_where.text());
  }

  // Which block made `name` before: makes the names of all blocks up to `last` again. Only on the way to an
  // error.
  const Block* earlier_block_with(const std::string& name, const Block& last) const {
    const Block* first = nullptr;
    for (const Block& block : spec_.blocks) {
      std::size_t count = 0;
      Variant variant;
      std::string made;
      const NamePattern pattern(block.name);
      for_each(block, variant, [&](const NamePattern::Words& words) {
        pattern.write(made, words);
        count += made == name ? 1 : 0;
        return true;
      });
      if (count > 0 && first) return first;
      if (count > 1) return &block;
      if (count > 0) first = &block;
      if (&block == &last) break;
    }
    return nullptr;
  }

  void check_rows() const {
    settings_.check_used();
    for (std::size_t i = 0; i < exclude_used_.size(); ++i) {
      if (!exclude_used_[i]) dead_row(spec_.excludes[i].where);
    }
    for (const Alias& alias : spec_.aliases) {
      if (found_aliases_.contains(alias.name)) continue;
      throw Error({.what = fmt::format("the alias {} stands for {}, which no block makes",
                                       printable(alias.old_name), printable(alias.name)),
                   .where = alias.where});
    }
  }

  const MatrixSpec& spec_;
  const std::function<bool(const Variant&)>& take_;
  SeenNames seen_;
  VariantSettings settings_;
  mutable Meetings meetings_{spec_.settings.ptx};  // remembers what it was asked
  std::vector<bool> exclude_used_;
  std::map<std::string, std::vector<const Alias*>> wanted_aliases_;
  std::set<std::string> found_aliases_;
};

}  // namespace

void expand(const MatrixSpec& spec, const std::function<bool(const Variant&)>& take) {
  Expander(spec, take).run();
}

std::vector<Variant> expand(const MatrixSpec& spec) {
  std::vector<Variant> variants;
  expand(spec, [&](const Variant& variant) {
    variants.push_back(variant);
    return true;
  });
  return variants;
}

}  // namespace lathe

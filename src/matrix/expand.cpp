// SPDX-License-Identifier: MIT
#include "matrix/expand.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "hardware/flags.h"
#include "hardware/nixpkgs.h"
#include "matrix/companions.h"
#include "matrix/name_pattern.h"
#include "matrix/nixpkgs_base.h"

namespace lathe {
namespace {

std::string join_gpus(const std::vector<Capability>& gpus) {
  std::string text;
  for (const Capability gpu : gpus) text += (text.empty() ? "" : "_") + spell(gpu, Dialect::name);
  return text;
}

// The verdict over several GPUs in one build: it is worth having if it is for any of them.
PairVerdict judge(const std::vector<Capability>& gpus, const Isa& isa) {
  PairVerdict best = judge_pair(gpus.front(), isa);
  for (const Capability gpu : gpus) {
    PairVerdict verdict = judge_pair(gpu, isa);
    if (verdict.status < best.status) best = std::move(verdict);
  }
  return best;
}

// Can any machine with this GPU run code for this ISA?
bool host_runs(const Gpu& gpu, const Isa& isa) {
  return std::ranges::any_of(gpu.hosts, [&](const std::string& name) {
    const HostClass* host = catalog().find_host(name);
    return std::ranges::any_of(host->best_isas, [&](const std::string& best) {
      const Isa* offered = catalog().find_isa(best);
      return offered->machine == isa.machine && isa_runs_on(isa, *offered);
    });
  });
}

// Products that run this code natively: those of exactly these capabilities first, then those that run it as
// it is.
std::vector<std::string> products_for(const Cell& cell, bool ptx) {
  std::vector<std::string> exact, others;
  std::vector<DeviceCode> codes;
  for (const Capability gpu : cell.gpus) codes.push_back({gpu, CodeKind::cubin});
  if (ptx) codes.push_back({cell.gpus.back(), CodeKind::ptx});
  for (const Gpu& gpu : catalog().gpus) {
    if (!host_runs(gpu, *cell.isa) || !pick(codes, gpu.capability)) continue;
    const bool same =
        std::ranges::any_of(cell.gpus, [&](Capability c) { return c.portable() == gpu.capability; });
    (same ? exact : others).push_back(gpu.name);
  }
  exact.insert(exact.end(), others.begin(), others.end());
  return exact;
}

std::vector<std::string> cpus_for(const Isa& isa) {
  std::vector<std::string> names;
  for (const Cpu& cpu : catalog().cpus) {
    if (std::ranges::find(cpu.isas, isa.name) != cpu.isas.end()) names.push_back(cpu.name);
  }
  return names;
}

// Why nvcc, CUDA's packages or PyTorch's build cannot do this; "" when all can.
std::string why_no_build(Capability gpu, const Version& cuda, const PytorchSource& source) {
  std::string why = why_not_compilable(gpu, cuda);
  if (why.empty()) why = why_no_packages(gpu, cuda);
  return why.empty() ? why_pytorch_refuses(gpu, cuda, source.version, source.suffixes) : why;
}

bool is_jetson_build(const Cell& cell) {
  return cell.isa->machine == Machine::aarch64 &&
         std::ranges::any_of(cell.gpus, [&](Capability gpu) { return has_jetson_packages(gpu, *cell.cuda); });
}

std::shared_ptr<const Cell> make_cell(const std::vector<Capability>& gpus, const Isa* isa,
                                      const std::optional<Version>& cuda, const PytorchSource& source,
                                      bool ptx) {
  auto cell = std::make_shared<Cell>(Cell{.gpus = gpus,
                                          .isa = isa,
                                          .cuda = cuda,
                                          .reason = {},
                                          .runs_on = {},
                                          .min_driver = {},
                                          .gpu_text = join_gpus(gpus),
                                          .cuda_text = cuda ? replace_all(cuda->text(), ".", "_") : ""});
  if (!cuda) {
    cell->reason = fmt::format("runs on any {} CPU that has it: {}", to_string(isa->machine), isa->title);
    cell->runs_on = cpus_for(*isa);
    return cell;
  }
  for (const Capability gpu : gpus) {
    const std::string why = why_no_build(gpu, *cuda, source);
    if (why.empty()) continue;
    cell->status = PairStatus::impossible;
    cell->reason = why;
    return cell;
  }
  if (is_jetson_build(*cell)) cell->reason = why_no_common_packages(gpus, *cuda);
  if (!cell->reason.empty()) {
    cell->status = PairStatus::impossible;
    return cell;
  }
  PairVerdict verdict = judge(gpus, *isa);
  cell->status = verdict.status;
  cell->reason = std::move(verdict.reason);
  for (const Capability gpu : gpus) {
    const Version floor = minimum_driver(gpu, *cuda, false);
    if (!cell->min_driver || floor < *cell->min_driver) cell->min_driver = floor;
  }
  if (cell->status != PairStatus::impossible) cell->runs_on = products_for(*cell, ptx);
  return cell;
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
      : spec_(spec), take_(take) {
    for (std::size_t i = 0; i < spec.overrides.size(); ++i) override_used_.push_back(false);
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
  using GroupKey = std::array<std::string, 5>;
  using Groups = std::map<GroupKey, Group>;

  static GroupKey group_of(const Variant& variant) {
    return {variant.pytorch->version, variant.python, variant.cell->cuda_text, variant.cell->isa->name,
            is_jetson_build(*variant.cell) ? "jetson" : ""};
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
    group.cell = make_cell({group.gpus.begin(), group.gpus.end()}, like.isa, like.cuda, *first.pytorch,
                           spec_.settings.ptx);
    Variant fat = first;
    fat.cell = group.cell;
    fat.fat = true;
    fat.settings = nullptr;
    words[static_cast<std::size_t>(NamePattern::Word::gpu)] = fat.cell->gpu_text;
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
      companion.package = words[static_cast<std::size_t>(NamePattern::Word::package)] = package;
      companion.companion = companion_source(spec_, package, variant.pytorch->version);
      companion.torch = variant.name;
      companion.torch_carved_from = variant.carved_from;
      if (group) {
        NamePattern::Words of_all = words;
        of_all[static_cast<std::size_t>(NamePattern::Word::gpu)] = group->cell->gpu_text;
        patterns.write(companion, of_all);
        companion.carved_from = companion.name;
      }
      patterns.write(companion, words);
      if (!companion.fat && excluded(companion)) continue;
      if (!take_one(block, companion)) return false;
    }
    return true;
  }

  // Walks a block's product; `step` sees the axes in `variant` and as words of names, and returns false to
  // stop.
  template <typename Step>
  bool for_each(const Block& block, Variant& variant, Step&& step) const {
    using enum NamePattern::Word;
    NamePattern::Words words;
    const auto word = [&](NamePattern::Word which) -> std::string& {
      return words[static_cast<std::size_t>(which)];
    };
    word(package) = variant.package = spec_.package;
    word(matrix) = spec_.name;
    variant.of_nixpkgs = block.gpu && spec_.carver && spec_.carver->nixpkgs_base;
    variant.nixpkgs = spec_.nixpkgs.at(block.nixpkgs);
    Cells cells;
    const PytorchSource* cells_of = nullptr;
    for (const std::string& release : block.pytorch) {
      variant.pytorch = spec_.pytorch.at(release);
      if (!cells_of || !same_refusals(*cells_of, *variant.pytorch))
        cells = make_cells(block, *variant.pytorch);
      cells_of = variant.pytorch.get();
      word(pytorch) = digits_of(release);
      for (const std::string& version : block.python) {
        variant.python = version;
        word(python) = digits_of(version);
        if (variant.of_nixpkgs) cells = make_cells_of_nixpkgs(block, variant);
        for (const auto& cell : cells) {
          variant.cell = cell;
          word(cuda) = cell->cuda_text;
          word(gpu) = cell->gpu_text;
          word(isa) = cell->isa->name;
          if (!step(words)) return false;
        }
      }
    }
    return true;
  }

  // In the order of the names: CUDA, GPU, then ISA fastest. Cells are shared by all variants of the block
  // that have them.
  using Cells = std::vector<std::shared_ptr<const Cell>>;
  Cells make_cells(const Block& block, const PytorchSource& source) const {
    Cells cells;
    if (!block.gpu) {
      for (const auto& isa : block.isas)
        cells.push_back(make_cell({}, isa.value, std::nullopt, source, false));
      return cells;
    }
    for (const auto& cuda : block.cuda) {
      for (const auto& gpus : block.gpus) {
        for (const auto& isa : block.isas) {
          cells.push_back(make_cell(gpus.value, isa.value, cuda.value, source, spec_.settings.ptx));
        }
      }
    }
    return cells;
  }

  // What caches have of nixpkgs' own torch hangs on the Python too.
  Cells make_cells_of_nixpkgs(const Block& block, const Variant& variant) const {
    Cells cells;
    for (const auto& cell : make_cells(block, *variant.pytorch)) {
      auto judged = std::make_shared<Cell>(*cell);
      judge_of_nixpkgs(*judged, *variant.nixpkgs, *variant.pytorch, variant.python);
      cells.push_back(std::move(judged));
    }
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
    variant.settings = settings_for(variant);
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

  std::shared_ptr<const Settings> settings_for(const Variant& variant) {
    if (variant.of_nixpkgs) return settings_of_nixpkgs(variant);
    if (spec_.overrides.empty() && variant.settings) return variant.settings;
    std::uint64_t key = 0;
    for (std::size_t i = 0; i < spec_.overrides.size(); ++i) {
      if (!matches(spec_.overrides[i].match, variant)) continue;
      override_used_[i] = true;
      key = key * 1099511628211u + i + 1;
    }
    auto& made = settings_[key];
    if (!made) made = make_settings(variant);
    return made;
  }

  // [flags] are for what is built here: CPU variants.
  std::shared_ptr<const Settings> settings_of_nixpkgs(const Variant& variant) {
    for (std::size_t i = 0; i < spec_.overrides.size(); ++i) {
      const Override& row = spec_.overrides[i];
      if (row.sets == std::vector<std::string>{"cpu_flags"} || !matches(row.match, variant)) continue;
      throw Error(
          {.what = fmt::format("{} of {}, which is cut out of nixpkgs' own torch: that is taken as it is",
                               fmt::join(row.sets, ", "), variant.name),
           .where = row.where,
           .next = "leave it out of the row's match, or take base = \"matrix\""});
    }
    return as_nixpkgs_;
  }

  static std::vector<std::string> checked_flags(const Override& row, const Isa& isa) {
    const std::vector<std::string>& flags = *row.settings.cpu_flags;
    for (const FlagExcess& excess : excess_of(flags, isa)) {
      throw Error({.what = fmt::format("{} enables {}, which {} does not have", flags[excess.index],
                                       excess.feature, isa.name),
                   .where = row.where,
                   .next = "name the instruction set in the row's match, as in match = { gpu = \"9.0\", isa "
                           "= \"avx512\" }"});
    }
    return flags;
  }

  // Later rows win.
  std::shared_ptr<const Settings> make_settings(const Variant& variant) const {
    auto settings = std::make_shared<Settings>(spec_.settings);
    for (const Override& row : spec_.overrides) {
      if (!matches(row.match, variant)) continue;
      for (const std::string& key : row.sets) {
        if (key == "narrow") settings->narrow = row.settings.narrow;
        if (key == "ptx") settings->ptx = row.settings.ptx;
        if (key == "jobs") settings->jobs = row.settings.jobs;
        if (key == "memory_per_job") settings->memory_per_job_gib = row.settings.memory_per_job_gib;
        if (key == "compile_cache") settings->compile_cache = row.settings.compile_cache;
        if (key == "cpu_flags") settings->cpu_flags = checked_flags(row, *variant.cell->isa);
        if (key == "extra") settings->extra.add(row.settings.extra);
      }
    }
    return settings;
  }

  // A row that means nothing is a slip of the pen: better an error now than a setting that silently does
  // nothing.
  void check_rows() const {
    for (std::size_t i = 0; i < override_used_.size(); ++i) {
      if (!override_used_[i]) dead_row(spec_.overrides[i].where);
    }
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

  [[noreturn]] static void dead_row(const Place& where) {
    throw Error({.what = "this row matches no variant",
                 .where = where,
                 .next = "see the names with: torchlathe list"});
  }

  const MatrixSpec& spec_;
  const std::function<bool(const Variant&)>& take_;
  SeenNames seen_;
  std::vector<bool> override_used_, exclude_used_;
  std::map<std::string, std::vector<const Alias*>> wanted_aliases_;
  std::set<std::string> found_aliases_;
  std::map<std::uint64_t, std::shared_ptr<const Settings>> settings_;
  // No flags of an instruction set.
  const std::shared_ptr<const Settings> as_nixpkgs_ = std::make_shared<const Settings>(
      Settings{.compile_cache = {}, .cpu_flags = std::vector<std::string>{}, .extra = {}});
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

std::vector<Variant> with_bases(const MatrixSpec& spec, std::vector<Variant> variants) {
  std::set<std::string, std::less<>> there, wanted;
  const auto look = [&](const Variant& variant) {
    there.insert(variant.name);
    for (const std::string* base : {&variant.torch, &variant.torch_carved_from, &variant.carved_from}) {
      if (!base->empty()) wanted.insert(*base);
    }
  };
  for (const Variant& variant : variants) look(variant);
  // once for each step of "is cut out of" and "belongs to"
  for (bool more = !std::ranges::includes(there, wanted); more;) {
    const std::size_t before = variants.size();
    expand(spec, [&](const Variant& variant) {
      if (wanted.contains(variant.name) && !there.contains(variant.name)) variants.push_back(variant);
      return true;
    });
    for (std::size_t i = before; i < variants.size(); ++i) look(Variant(variants[i]));
    more = variants.size() > before && !std::ranges::includes(there, wanted);
  }
  return variants;
}

Variant find_variant(const MatrixSpec& spec, std::string_view name) {
  std::optional<Variant> found;
  std::vector<std::string> names;
  expand(spec, [&](const Variant& variant) {
    const bool alias = std::ranges::find(variant.aliases, name) != variant.aliases.end();
    if (variant.name == name || variant.pname == name || alias) found = variant;
    if (names.size() < 10000) names.push_back(variant.name);
    return !found;
  });
  if (found) return *found;
  throw Error({.what = fmt::format("{} has no variant \"{}\"", spec.name, printable(name)),
               .where = {.file = spec.file},
               .next = did_you_mean_text(name, names, "see the names with: torchlathe list")});
}

}  // namespace lathe

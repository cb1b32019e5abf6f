// SPDX-License-Identifier: MIT
#include "audit/import/import.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "audit/import/import_explain.h"
#include "audit/import/import_extra.h"
#include "audit/import/import_settings.h"
#include "audit/import/made.h"
#include "base/error.h"
#include "base/text.h"
#include "base/toml_string.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/nixpkgs_columns.h"
#include "matrix/axis_table.h"
#include "matrix/expand.h"
#include "matrix/extra.h"
#include "matrix/spec.h"
#include "matrix/variant.h"

namespace lathe {
namespace {

// Are MAGMA and NCCL told its GPUs whatever the matrix says, since nixpkgs does not build them for these?
bool is_narrow_anyway(const Explained& recipe) {
  const auto cuda = Version::parse(recipe.cuda);
  return cuda &&
         std::ranges::any_of(recipe.gpus, [&](Capability gpu) { return !is_built_by_default(gpu, *cuda); });
}

// PyTorch's source, as [pytorch."VERSION"] says it.
struct Source {
  std::string hash, owner, repo, rev;
};

// What all cells of a block share.
// of axes that are off unless used: "blas" -> "mkl"
using Words = std::map<std::string, std::string>;
// pin, pytorch, python, cuda, pname pattern, name, words
using Group = std::tuple<std::string, std::string, std::string, std::string, std::string, std::string, Words>;
// GPUs as a matrix writes them -> instruction sets
using Cells = std::map<std::string, std::set<std::size_t>>;

// Everything that was cut out of one build.
struct Carved {
  std::set<std::string> cells;
  std::set<Capability> gpus;
};

std::string list(const std::vector<std::string>& items) {
  std::vector<std::string> quoted;
  for (const std::string& item : items) quoted.push_back(fmt::format("\"{}\"", item));
  return fmt::format("[{}]", fmt::join(quoted, ", "));
}

VariantName name_of(const Explained& recipe, bool release) {
  std::vector<std::string> words;
  for (const Axis* row : axes_by_nesting()) {
    const auto word = recipe.words.find(std::string(row->word));
    if (word != recipe.words.end()) words.push_back(word->second);
  }
  return {.package = "pytorch",
          .release = release ? digits_of(recipe.pytorch) : "",
          .python = recipe.python,
          .cuda = recipe.cuda.empty() ? std::nullopt : Version::parse(recipe.cuda),
          .gpus = recipe.gpus,
          .isa = recipe.isa->name,
          .words = std::move(words),
          .extra = {}};
}

std::string gpu_key(const Explained& recipe) {
  std::vector<std::string> words;
  for (const Capability gpu : recipe.gpus)
    words.push_back(fmt::format("\"{}\"", spell(gpu, Dialect::dotted)));
  return words.size() == 1 ? words.front() : fmt::format("[{}]", fmt::join(words, ", "));
}

// Inside quotes of TOML, whatever a recipe holds.
std::string toml_text(std::string_view text) {
  return replace_all(replace_all(printable(text), "\\", "\\\\"), "\"", "\\\"");
}

// What was found by holding the recipes against what the matrix makes of them.
struct Compared {
  std::map<std::string, Extra> extras;          // by file
  std::map<std::string, std::string> failures;  // why a file cannot be explained after all
};

class Importer {
 public:
  Importer(std::string name, const Compared& compared) : name_(std::move(name)), compared_(compared) {}

  void add(const Recorded& got) {
    if (const std::string why = why_left_alone(got); !why.empty()) {
      result_.left_alone.push_back({got.file, why});
      return;
    }
    try {
      if (const auto failure = compared_.failures.find(got.file); failure != compared_.failures.end())
        throw Failure(failure->second);
      take(explain(got));
    } catch (const Failure& failure) {
      result_.unexplained.push_back({got.file, failure.why});
    }
  }

  Imported finish() {
    place_common_builds();
    write_head();
    std::vector<std::string> strategy;
    if (!carver_.empty()) strategy.emplace_back("strategy = \"carve\"");
    if (of_nixpkgs_) strategy.emplace_back("base = \"nixpkgs\"");
    result_.matrix += settings_.text(strategy);
    result_.matrix += settings_.extra_text();
    write_carver();
    for (const auto& [group, isas] : carved_) write_carved(group, isas);
    for (const auto& [group, cells] : cells_) write_group(group, cells);
    write_flags();
    write_aliases();
    for (const Unexplained& each : result_.left_alone)
      result_.matrix += fmt::format("# left alone: {}: {}\n", printable(each.file), printable(each.why));
    for (const Unexplained& each : result_.unexplained)
      result_.matrix += fmt::format("# not explained: {}: {}\n", printable(each.file), printable(each.why));
    return std::move(result_);
  }

  // Variants that are built, with the files that they were read from; and those whose name another file has
  // taken.
  const std::map<std::string, std::string>& built() const { return built_; }
  const std::map<std::string, std::string>& twins() const { return twins_; }
  // What decides a build beside GPUs, instruction set and [extra].
  const std::string& rest_of(const std::string& file) const { return rests_.at(file); }

 private:
  void take(Explained recipe) {
    std::string variant = name_of(recipe, false).text();
    std::string own_name;
    // Its name does not say what it is linked with: it keeps that name.
    VariantName plain = name_of(recipe, false);
    plain.words.clear();
    if (plain.text() != variant && plain.text() == recipe.stem) variant = own_name = recipe.stem;
    if (const auto first = files_.find(variant); first != files_.end()) {
      own_name = recipe.stem;
      if (!recipe.carver.empty() || files_.contains(own_name) || !why_not_a_package_name(own_name).empty()) {
        throw Failure(fmt::format("builds the same as {}", first->second));
      }
      twins_[recipe.file] = first->second;
      variant = own_name;
    }
    const auto flags = flags_.try_emplace(recipe.isa->name, recipe.own_flags).first;
    if (flags->second != recipe.own_flags) {
      if (!recipe.carver.empty())
        throw Failure(
            fmt::format("has different flags from other recipes for {}, but one build serves all of them",
                        recipe.isa->name));
      recipe.settings.cpu_flags = recipe.own_flags.empty() ? recipe.isa->flags : recipe.own_flags;
    }
    take_source(recipe);
    if (!recipe.tarball_hash.empty()) pins_[recipe.pin] = recipe.tarball_hash;
    pins_.try_emplace(recipe.pin);
    files_[variant] = recipe.file;
    if (recipe.carver.empty()) built_[variant] = recipe.file;
    if (recipe.stem != variant) aliases_[recipe.stem] = variant;
    // What is cut out of a build has what that has: one for all.
    const auto extra = recipe.carver.empty() ? compared_.extras.find(recipe.file) : compared_.extras.begin();
    if (extra != compared_.extras.end()) recipe.settings.extra = extra->second;
    settings_.add(variant, recipe.settings, !recipe.cuda.empty(), is_narrow_anyway(recipe));
    rests_[recipe.file] = fmt::format("{} {} {} {} {} {}", recipe.pin, fmt::join(recipe.own_flags, " "),
                                      recipe.pytorch, recipe.settings.narrow == Settings::Narrow::closure,
                                      recipe.settings.ptx, recipe.settings.compile_cache);
    const bool release = recipe.pname == name_of(recipe, true).text();
    const Group group = {
        recipe.pin, recipe.pytorch, recipe.python, recipe.cuda, release ? "{package}{pytorch}" : "",
        own_name,   recipe.words};
    ++result_.explained;
    if (!recipe.carver.empty()) return take_carved(group, recipe);
    // perhaps: place_common_builds
    if (recipe.gpus.size() > 1 && own_name.empty()) common_builds_.emplace_back(group, std::move(recipe));
    else cells_[group][gpu_key(recipe)].insert(isa_index(*recipe.isa));
  }

  void take_source(const Explained& recipe) {
    Source& source = sources_[recipe.pytorch];
    if (recipe.hash.empty() && recipe.owner.empty() && recipe.repo.empty() && recipe.rev.empty()) return;
    if (!source.hash.empty() && source.hash != recipe.hash)
      throw Failure("has a different hash from other recipes for the same PyTorch");
    if (!source.hash.empty() &&
        (source.owner != recipe.owner || source.repo != recipe.repo || source.rev != recipe.rev)) {
      throw Failure("has a different source from other recipes for the same PyTorch");
    }
    source = {.hash = recipe.hash, .owner = recipe.owner, .repo = recipe.repo, .rev = recipe.rev};
  }

  void take_carved(const Group& group, const Explained& recipe) {
    if (!carver_.empty() && carver_ != recipe.carver)
      throw Failure("is carved by a different torchlathe from other recipes");
    if (!carver_.empty() && of_nixpkgs_ != recipe.of_nixpkgs) {
      throw Failure(recipe.of_nixpkgs
                        ? "is cut out of nixpkgs' own torch, but others are cut out of a build of their own"
                        : "is cut out of a build of its own, but others are cut out of nixpkgs' own torch");
    }
    carver_ = recipe.carver;
    of_nixpkgs_ = recipe.of_nixpkgs;
    if (!recipe.carver_hash.empty()) carver_hash_ = recipe.carver_hash;
    Carved& carved = carved_[group][isa_index(*recipe.isa)];
    carved.cells.insert(gpu_key(recipe));
    carved.gpus.insert(recipe.gpus.begin(), recipe.gpus.end());
  }

  // A build for all GPUs that others are cut out of is not a cell of the matrix: the strategy makes it.
  void place_common_builds() {
    for (const auto& [group, recipe] : common_builds_) {
      const auto isas = carved_.find(group);
      const bool carved = isas != carved_.end() && isas->second.contains(isa_index(*recipe.isa));
      if (carved &&
          isas->second.at(isa_index(*recipe.isa)).gpus == std::set(recipe.gpus.begin(), recipe.gpus.end()))
        continue;
      if (!recipe.ptx_of_each) {
        cells_[group][gpu_key(recipe)].insert(isa_index(*recipe.isa));
        continue;
      }
      --result_.explained;
      result_.unexplained.push_back({recipe.file, "adds PTX for a GPU other than its highest"});
    }
  }

  void write_carver() {
    if (carver_.empty()) return;
    result_.matrix += fmt::format("\n[carver]\nurl = \"{}\"\n", toml_text(carver_));
    if (!carver_hash_.empty()) result_.matrix += fmt::format("sha256 = \"{}\"\n", toml_text(carver_hash_));
  }

  // All that one build serves has to stand in one block; instruction sets with the same GPUs can share it.
  void write_carved(const Group& group, const std::map<std::size_t, Carved>& isas) {
    std::map<std::set<std::string>, std::set<std::size_t>> products;
    for (const auto& [isa, carved] : isas) products[carved.cells].insert(isa);
    for (const auto& [cells, served] : products) write_block(group, {cells.begin(), cells.end()}, served);
  }

  static std::size_t isa_index(const Isa& isa) {
    return static_cast<std::size_t>(&isa - catalog().isas.data());
  }
  std::string pin_name(const std::string& rev) const {
    return pins_.size() == 1 ? "main" : "nixpkgs-" + rev.substr(0, 7);
  }

  void write_head() {
    std::string& out = result_.matrix;
    out += fmt::format(
        "# Read from a folder of recipes by torchlathe import.\n\n[matrix]\nname = \"{}\"\npackage = "
        "\"pytorch\"\n",
        name_);
    for (const auto& [rev, hash] : pins_) {
      out += fmt::format("\n[nixpkgs.{}]\nrev = \"{}\"\n", pin_name(rev), rev);
      if (!hash.empty()) out += fmt::format("sha256 = \"{}\"\n", hash);
      if (!catalog().find_pin(rev))
        out += "# the catalogue does not list what this revision ships: set torch and cuda here\n";
    }
    for (const auto& [version, source] : sources_) {
      if (source.hash.empty()) continue;
      out += fmt::format("\n[pytorch.\"{}\"]\nhash = \"{}\"\n", toml_text(version), toml_text(source.hash));
      for (const auto& [key, value] :
           {std::pair{"owner", source.owner}, std::pair{"repo", source.repo}, std::pair{"rev", source.rev}}) {
        if (!value.empty()) out += fmt::format("{} = {}\n", key, toml_string(value));
      }
    }
  }

  // GPUs with the same instruction sets are one product.
  void write_group(const Group& group, const Cells& cells) {
    std::map<std::set<std::size_t>, std::vector<std::string>> products;
    // what is built by itself stands alone: else it would be cut out of a common build
    if (!carver_.empty()) {
      for (const auto& [gpu, isas] : cells) write_block(group, {gpu}, isas);
      return;
    }
    for (const auto& [gpu, isas] : cells) products[isas].push_back(gpu);
    for (const auto& [isas, gpus] : products) write_block(group, gpus, isas);
  }

  void write_block(const Group& group, const std::vector<std::string>& gpus,
                   const std::set<std::size_t>& isas) {
    const auto& [pin, pytorch, python, cuda, pattern, own_name, words] = group;
    ++result_.blocks;
    std::vector<std::string> names;
    for (const std::size_t index : isas) names.push_back(catalog().isas[index].name);
    std::string& out = result_.matrix;
    out += "\n[[build]]\n";
    if (cuda.empty()) out += "kind = \"cpu\"\n";
    if (pins_.size() > 1) out += fmt::format("nixpkgs = \"{}\"\n", pin_name(pin));
    out += fmt::format("pytorch = [\"{}\"]\npython = [\"{}\"]\n", pytorch, python);
    if (!cuda.empty()) out += fmt::format("cuda = [\"{}\"]\ngpus = [{}]\n", cuda, fmt::join(gpus, ", "));
    out += fmt::format("isas = {}\n", list(names));
    for (const auto& [axis, word] : words) out += fmt::format("{} = [\"{}\"]\n", axis, word);
    if (!own_name.empty()) out += fmt::format("name = \"{}\"\n", own_name);
    if (pattern.empty()) return;
    out += fmt::format("pname = \"{}-python{{python}}-{}-{{isa}}", pattern,
                       cuda.empty() ? "cpu" : "cuda{cuda}-{gpu}");
    for (const auto& [axis, word] : words) out += fmt::format("-{{{}}}", axis);
    out += "\"\n";
  }

  void write_flags() {
    std::string rows;
    for (const auto& [isa, flags] : flags_) {
      if (!flags.empty()) rows += fmt::format("{} = {}\n", isa, list(flags));
    }
    if (!rows.empty()) result_.matrix += "\n[flags]\n" + rows;
  }

  void write_aliases() {
    if (aliases_.empty()) return;
    result_.matrix += "\n[aliases]\n";
    for (const auto& [old_name, name] : aliases_)
      result_.matrix += fmt::format("\"{}\" = \"{}\"\n", toml_text(old_name), name);
    result_.matrix += "\n";
  }

  std::string name_;
  const Compared& compared_;
  Imported result_;
  std::map<std::string, std::string> files_, built_, twins_, rests_, pins_, aliases_;
  std::map<std::string, Source> sources_;
  std::map<std::string, std::vector<std::string>> flags_;  // of an ISA; empty: the catalogue's
  SettingsTable settings_;
  std::map<Group, Cells> cells_;
  std::map<Group, std::map<std::size_t, Carved>> carved_;  // by instruction set
  std::vector<std::pair<Group, Explained>> common_builds_;
  std::string carver_, carver_hash_;
  bool of_nixpkgs_ = false;
};

// Well-named ones first: of two that build the same the other is the odd one.
Importer read_all(const RecordedFolder& folder, const std::string& name, const Compared& compared) {
  Importer importer(name, compared);
  for (const bool clean : {true, false}) {
    for (const Recorded& got : folder.recipes) {
      const NameReading reading = read_variant_name(stem_of(got.file));
      if ((reading.name && reading.problems.empty()) == clean) importer.add(got);
    }
  }
  return importer;
}

// Holds each recipe against what `generate` makes of the matrix so far. False: something was found, read all
// again.
class Comparer {
 public:
  Comparer(const RecordedFolder& folder, const RecordOptions& options)
      : options_(options), path_(std::filesystem::canonical(folder.folder).string()) {
    for (const Recorded& got : folder.recipes) by_file_[got.file] = &got;
  }

  // `last`: what is found now is not brought back; its recipe is not explained.
  bool compare(const Importer& importer, const std::string& matrix, Compared& compared, bool last) const {
    const MatrixSpec spec = parse_matrix(matrix, "the imported matrix");
    std::vector<Variant> variants = expand(spec);
    std::erase_if(variants, [&](const Variant& variant) { return !importer.built().contains(variant.name); });
    const Made made = record_made(spec, variants, options_);
    bool same = true;
    for (const auto& [name, recorded] : made.recipes) {
      const std::string& file = importer.built().at(name);
      same &= take(file, difference_of(*by_file_.at(file), path_, recorded, made.folder), compared, last);
    }
    if (spec.carver) same &= one_for_all(importer, compared);
    return drop_twins(importer, compared) && same;
  }

 private:
  static bool take(const std::string& file, const Difference& difference, Compared& compared, bool last) {
    if (difference.none()) return true;
    if (!difference.why.empty()) compared.failures[file] = difference.why;
    else if (last)
      compared.failures[file] = "evaluates to something else when it is generated again: " +
                                replace_all(extra_toml(difference.extra, "extra"), "\n", " ");
    else compared.extras[file] = difference.extra;
    return false;
  }

  // One build serves all of a carving matrix: what one recipe has, all must have.
  static bool one_for_all(const Importer& importer, Compared& compared) {
    const Extra* first = nullptr;
    bool same = true;
    for (const auto& [variant, file] : importer.built()) {
      const Extra& extra = compared.extras[file];
      if (!first) first = &extra;
      if (extra == *first) continue;
      compared.failures[file] = "has settings that the other carved builds lack";
      same = false;
    }
    return same;
  }

  // Of two with one name, the second is kept when it differs.
  static bool drop_twins(const Importer& importer, Compared& compared) {
    bool same = true;
    for (const auto& [file, first] : importer.twins()) {
      if (compared.failures.contains(file) || compared.extras[file] != compared.extras[first] ||
          importer.rest_of(file) != importer.rest_of(first))
        continue;
      compared.failures[file] = fmt::format("builds the same as {}", first);
      same = false;
    }
    return same;
  }

  const RecordOptions& options_;
  std::string path_;
  std::map<std::string, const Recorded*> by_file_;
};

}  // namespace

Imported import_folder(const std::filesystem::path& path, const std::string& name, RecordOptions options) {
  options.values = true;
  const RecordedFolder folder = record_folder(path, options);
  if (!folder.nix_found) {
    throw Error({.what = "import needs Nix to evaluate the recipes, and Nix is not installed",
                 .where = {},
                 .next = "apt-get install nix-bin",
                 .kind = ErrorKind::fault});
  }
  Compared compared;
  const Comparer comparer(folder, options);
  // First all that differs, then whether that brings it back; what is dropped after that may change what
  // others are called. It ends: each round but the first drops a recipe.
  for (int round = 0;; ++round) {
    Importer importer = read_all(folder, name, compared);
    Imported imported = importer.finish();
    if (imported.explained == 0) return imported;
    try {
      if (comparer.compare(importer, imported.matrix, compared, round > 0)) return imported;
    } catch (const Error& error) {  // it lacks what no recipe says, a hash for instance
      const Unexplained matrix = {"the matrix", fmt::format("{}: {}; it was not compared with the recipes",
                                                            error.parts().what, error.parts().next)};
      imported.matrix += fmt::format("# not explained: {}: {}\n", matrix.file, printable(matrix.why));
      imported.unexplained.push_back(matrix);
      return imported;
    }
  }
}

}  // namespace lathe

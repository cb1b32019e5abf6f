// SPDX-License-Identifier: MIT
// Reads a matrix file. Knows its words and their limits; what they mean together is expand.cpp's.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "base/toml.h"
#include "hardware/flags.h"
#include "hardware/nixpkgs.h"
#include "matrix/axes.h"
#include "matrix/axis_table.h"
#include "matrix/branch.h"
#include "matrix/companions.h"
#include "matrix/hash_value.h"
#include "matrix/name_pattern.h"
#include "matrix/spec.h"

namespace lathe {
namespace {

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// Flags that ask more than the instruction set promises make a build that dies on the very machines it is
// named for.
void check_flags(const Toml& value) {
  for (const Toml& item : value.array()) {
    if (!item.text().starts_with("-m") || item.text().find_first_of(" \t\n'\"$`\\") != std::string::npos) {
      item.fail(fmt::format("\"{}\" is not a machine flag of gcc", printable(item.text())),
                "one flag each, as in \"-mavx2\"");
    }
  }
}

void check_flags(const Toml& value, const Isa& isa) {
  check_flags(value);
  const std::vector<std::string> flags = value.texts();
  for (const FlagExcess& excess : excess_of(flags, isa)) {
    value.array()[excess.index].fail(
        fmt::format("{} enables {}, which {} does not have", flags[excess.index], excess.feature, isa.name),
        fmt::format("a CPU that only has {} would stop with an illegal instruction; choose a higher "
                    "instruction set or "
                    "leave the flag away",
                    isa.name));
  }
}

std::string read_cache_folder(const Toml& value) {
  const std::string& path = value.text();
  if (!path.empty() && !is_cache_folder(path)) {
    value.fail(fmt::format("\"{}\" cannot be the folder of the compile cache", printable(path)),
               "its whole path, of letters, digits and ._-+, as in \"/var/cache/torchlathe\"; \"\" for none");
  }
  return path;
}

const char* const setting_keys[] = {"narrow", "ptx", "jobs", "memory_per_job", "compile_cache", "extra"};

std::vector<std::string> read_settings(const Toml& table, Settings& settings) {
  std::vector<std::string> set;
  for (const Toml::Member& member : table.table()) {
    const Toml& value = member.value;
    if (member.key == "narrow") {
      if (value.text() != "torch" && value.text() != "closure") {
        value.fail(fmt::format("narrow cannot be \"{}\"", printable(value.text())),
                   "\"torch\" narrows PyTorch alone, \"closure\" also MAGMA, NCCL and the companions");
      }
      settings.narrow = value.text() == "torch" ? Settings::Narrow::torch : Settings::Narrow::closure;
    } else if (member.key == "ptx") {
      settings.ptx = value.flag();
    } else if (member.key == "jobs") {
      settings.jobs = read_count(value, 4096);
    } else if (member.key == "memory_per_job") {
      settings.memory_per_job_gib = read_count(value, 4096);
    } else if (member.key == "compile_cache") {
      settings.compile_cache = read_cache_folder(value);
    } else if (member.key == "extra") {
      settings.extra = read_extra(value);
    } else {
      continue;
    }
    set.push_back(member.key);
  }
  return set;
}

Match read_match(const Toml& table) {
  std::vector<std::string_view> known;
  for (const Axis& row : axes()) known.push_back(row.word);
  known.insert(known.end(), {"name", "package"});
  table.allow_only(known);
  Match match;
  for (const Toml::Member& member : table.table()) match.globs[member.key] = member.value.text_or_texts();
  if (match.globs.empty())
    table.fail("this row means every variant",
               "name a gpu, isa, cuda, python, pytorch, blas, package or name");
  return match;
}

class MatrixParser {
 public:
  MatrixParser(const Toml& root, const std::string& file) : root_(root) { spec_.file = file; }

  MatrixSpec parse() {
    root_.allow_only({"matrix", "settings", "nixpkgs", "pytorch", "flags", "build", "include", "exclude",
                      "override", "aliases", "silence", "carver", "branch", "cuda_packages", "torchvision",
                      "torchaudio", "extra"});
    read_head();
    read_pins();
    read_sources();
    read_companions(root_, spec_);
    read_branches();
    if (const Toml* settings = root_.find("settings")) {
      settings->allow_only({"strategy", "base", "narrow", "ptx", "jobs", "memory_per_job", "compile_cache"});
      read_settings(*settings, spec_.settings);
    }
    if (const Toml* extra = root_.find("extra")) spec_.settings.extra = read_extra(*extra);
    read_strategy();
    read_cuda_packages(root_, spec_);
    read_blocks("build");
    read_blocks("include");
    if (spec_.blocks.empty()) root_.fail("no [[build]] block", "see: torchlathe init");
    check_nixpkgs_base();
    read_rows();
    return std::move(spec_);
  }

 private:
  void read_head() {
    const Toml& head = root_.at("matrix");
    head.allow_only({"name", "description", "package", "drop", "companions"});
    spec_.name = head.at("name").text();
    if (const std::string why = why_not_a_package_name(replace_all(spec_.name, ".", "_")); !why.empty()) {
      head.at("name").fail(fmt::format("\"{}\" cannot name a matrix: {}", printable(spec_.name), why));
    }
    spec_.description = head.text_or("description", "");
    spec_.package = head.text_or("package", "pytorch");
    if (spec_.package != "pytorch") {
      head.at("package").fail(fmt::format("package \"{}\" is not known", printable(spec_.package)),
                              "known: pytorch");
    }
    if (const Toml* drop = head.find("drop")) {
      for (const Toml& item : drop->array()) {
        if (item.text() != "impossible" && item.text() != "redundant") {
          item.fail(fmt::format("\"{}\" is not a status that can be dropped", printable(item.text())),
                    "known: impossible, redundant");
        }
        spec_.drop.push_back(item.text());
      }
    }
  }

  void read_pins() {
    const Toml& pins = root_.at("nixpkgs");
    for (const Toml::Member& member : pins.table()) spec_.nixpkgs[member.key] = read_pin(member);
    if (spec_.nixpkgs.empty()) pins.fail("no nixpkgs revision here", "see: torchlathe init");
  }

  static std::shared_ptr<const Nixpkgs> read_pin(const Toml::Member& member) {
    const Toml& table = member.value;
    table.allow_only({"rev", "sha256", "torch", "cuda", "cuda_sets", "magma_cuda13"});
    auto pin = std::make_shared<Nixpkgs>();
    pin->name = member.key;
    pin->where = member.where;
    pin->rev = table.at("rev").text();
    if (pin->rev.size() != 40 || !is_hex(pin->rev)) {
      table.at("rev").fail(fmt::format("\"{}\" is not a git revision", printable(pin->rev)),
                           "a full one has 40 hexadecimal digits; branches move and are not reproducible");
    }
    pin->sha256 = read_tarball_hash(table);
    if (const Pin* known = catalog().find_pin(pin->rev)) {
      pin->torch = known->torch;
      pin->cuda = known->cuda;
      pin->cuda_sets = known->cuda_sets;
      pin->magma_cuda13 = known->magma_cuda13;
    }
    pin->torch = table.text_or("torch", pin->torch);
    pin->cuda = table.text_or("cuda", pin->cuda);
    if (const Toml* sets = table.find("cuda_sets")) pin->cuda_sets = sets->texts();
    pin->facts = nixpkgs_facts(pin->rev);
    pin->assumed = pin->facts == nullptr;
    if (pin->assumed) {
      pin->facts = &assumed_facts(pin->torch);
      pin->magma_cuda13 = pin->facts->magma_cuda13;
    }
    pin->magma_cuda13 = table.flag_or("magma_cuda13", pin->magma_cuda13);
    return pin;
  }

  void read_sources() {
    const Toml* sources = root_.find("pytorch");
    if (!sources) return;
    for (const Toml::Member& member : sources->table()) {
      const Toml& table = member.value;
      table.allow_only({"hash", "owner", "repo", "rev", "suffixes", "arch_patch"});
      check_pytorch(member.key, table);
      auto source = std::make_shared<PytorchSource>();
      source->version = member.key;
      source->where = member.where;
      source->owner = table.text_or("owner", "pytorch");
      source->repo = table.text_or("repo", "pytorch");
      source->rev = table.text_or("rev", "v" + member.key);
      check_sri(table.at("hash"));
      source->hash = table.at("hash").text();
      read_arch_parser(table, *source);
      spec_.pytorch[member.key] = source;
    }
  }

  // What the tree's own select_compute_arch.cmake takes, where that is known better than by its release.
  static void read_arch_parser(const Toml& table, PytorchSource& source) {
    source.arch_patch = table.text_or("arch_patch", "");
    if (!source.arch_patch.empty() &&
        source.arch_patch.find("select_compute_arch.cmake") == std::string::npos) {
      table.at("arch_patch")
          .fail("this is no patch of select_compute_arch.cmake", "see: torchlathe help arch-patch");
    }
    if (!source.arch_patch.empty()) source.suffixes = "af";
    const Toml* suffixes = table.find("suffixes");
    if (!suffixes) return;
    if (!source.arch_patch.empty())
      suffixes->fail("arch_patch says which suffixes the build takes", "take this out");
    source.suffixes = "";
    for (const Toml& item : suffixes->array()) {
      if (item.text() != "a" && item.text() != "f")
        item.fail(fmt::format("\"{}\" is not a suffix", printable(item.text())), "known: a, f");
      *source.suffixes += item.text();
    }
  }

  void read_branches() {
    const Toml* rows = root_.find("branch");
    if (!rows) return;
    for (const Toml& row : rows->array()) {
      Branch branch = read_branch(row, spec_.nixpkgs);
      const bool twice =
          std::ranges::any_of(branches_, [&](const Branch& other) { return other.name == branch.name; });
      if (twice) row.at("name").fail(fmt::format("two branches are called \"{}\"", printable(branch.name)));
      if (!spec_.pytorch.contains(branch.pytorch)) need_source(row.at("pytorch"), branch.pytorch);
      branches_.push_back(std::move(branch));
    }
  }

  void read_blocks(std::string_view key) {
    const Toml* blocks = root_.find(key);
    if (!blocks) return;
    for (const Toml& table : blocks->array()) {
      const Block block = read_block(table);
      if (!block.pytorch.empty()) {
        spec_.blocks.push_back(block);
        continue;
      }
      for (Block& made : blocks_of_branches(table, block, branches_)) {
        check_companions(table, made, spec_);
        spec_.blocks.push_back(std::move(made));
      }
    }
  }

  Block read_block(const Toml& table) {
    table.allow_only(block_keys());
    Block block;
    block.where = table.where();
    const std::string kind = table.text_or("kind", "gpu");
    if (kind != "gpu" && kind != "cpu") {
      table.at("kind").fail(fmt::format("kind \"{}\" is not known", printable(kind)), "known: gpu, cpu");
    }
    block.gpu = kind == "gpu";
    for (const Axis* row : axes_by_nesting()) row->read(*row, table, block);
    const bool of_branches = block.pytorch.empty() && !branches_.empty();
    if (const Toml* names = table.find("branches"); names && !of_branches) {
      names->fail("this block has axes of its own",
                  branches_.empty() ? "there is no [[branch]] table" : "take branches or pytorch out");
    }
    check_axes(table, block, of_branches);
    if (!of_branches) block.nixpkgs = read_block_pin(table);
    block.name = table.text_or("name", usual_name(block));
    block.pname = table.text_or("pname", block.name);
    check_pattern(table, "name", block.name, block);
    check_pattern(table, "pname", block.pname, block);
    check_companions(table, block, spec_);
    return block;
  }

  static std::vector<std::string_view> block_keys() {
    std::vector<std::string_view> keys = {"kind"};
    for (const Axis* row : axes_by_nesting()) {
      keys.push_back(row->key);
      if (!row->another_key.empty()) keys.push_back(row->another_key);
    }
    keys.insert(keys.end(), {"nixpkgs", "name", "pname", "branches"});
    return keys;
  }

  static std::string usual_name(const Block& block) {
    std::string name =
        block.gpu ? "{package}-python{python}-cuda{cuda}-{gpu}-{isa}" : "{package}-python{python}-cpu-{isa}";
    for (const Axis* row : axes_by_nesting()) {
      if (row->may_be_off() && row->size(*row, block) > 0) name += fmt::format("-{{{}}}", row->word);
    }
    return name;
  }

  static void need_axes(const Toml& table, const Block& block, bool of_branches, Axis::In in) {
    for (const Axis* row : axes_by_nesting()) {
      if (row->in != in || row->size(*row, block) > 0 || (row->of_branch && of_branches)) continue;
      table.fail(fmt::format("this block has no {}", row->key), fmt::format("add {} = [...]", row->key));
    }
  }

  void check_axes(const Toml& table, const Block& block, bool of_branches) {
    need_axes(table, block, of_branches, Axis::In::every_block);
    if (block.gpu) need_axes(table, block, of_branches, Axis::In::gpu_blocks);
    if (!block.gpu && (!block.cuda.empty() || !block.gpus.empty()))
      table.fail("a CPU block has neither cuda nor gpus", "take them out, or say kind = \"gpu\"");
    const auto size = block.size();
    if (!size || *size > most_variants) {
      table.fail(fmt::format("these axes make {} variants; at most {} are expanded",
                             size ? fmt::format("{}", *size) : "more than 10^19", most_variants),
                 "an axis is longer than it was meant to be");
    }
    for (const std::string& version : block.pytorch) {
      if (!spec_.pytorch.contains(version)) need_source(*table.find("pytorch"), version);
    }
  }

  // A release that the pin ships itself needs no source hash.
  void need_source(const Toml& value, const std::string& version) {
    const bool shipped =
        std::ranges::any_of(spec_.nixpkgs, [&](const auto& pin) { return pin.second->torch == version; });
    if (!shipped) {
      value.fail(fmt::format("PyTorch {} has no source: the nixpkgs revision ships another release", version),
                 fmt::format("add [pytorch.\"{}\"] with its hash", version));
    }
    auto source = std::make_shared<PytorchSource>();
    source->version = version;
    source->rev = "v" + version;
    source->where = value.where();
    spec_.pytorch[version] = source;
  }

  std::string read_block_pin(const Toml& table) {
    const Toml* value = table.find("nixpkgs");
    if (!value && spec_.nixpkgs.size() == 1) return spec_.nixpkgs.begin()->first;
    if (!value)
      table.fail("this block does not say which nixpkgs", "add nixpkgs = \"NAME\" of a [nixpkgs.NAME] table");
    return read_pin_name(*value, spec_.nixpkgs);
  }

  static void check_pattern(const Toml& table, std::string_view key, std::string_view pattern,
                            const Block& block) {
    const Toml* value = table.find(key);
    if (!value) return;  // the usual pattern has what the block has
    const std::vector<std::string>& known = NamePattern::known();
    for (std::size_t open = pattern.find('{'); open != std::string_view::npos;
         open = pattern.find('{', open + 1)) {
      const std::size_t close = pattern.find('}', open);
      const std::string word(
          pattern.substr(open + 1, close == std::string_view::npos ? close : close - open - 1));
      if (close != std::string_view::npos && std::ranges::find(known, word) != known.end()) {
        check_used(*value, word, block);
        continue;
      }
      value->fail(fmt::format("\"{{{}\" is not a word of a name pattern", printable(word)),
                  did_you_mean_text(word, known, fmt::format("known: {}", fmt::join(known, ", "))));
    }
  }

  static void check_used(const Toml& pattern, const std::string& word, const Block& block) {
    for (const Axis& row : axes()) {
      if (row.word == word && row.may_be_off() && row.size(row, block) == 0)
        pattern.fail(fmt::format("the pattern has {{{}}}, and this block has no {}", word, row.key),
                     fmt::format("add {} = [...], or take it out", row.key));
    }
  }

  void read_rows() {
    if (const Toml* rows = root_.find("exclude")) {
      for (const Toml& row : rows->array()) {
        row.allow_only({"match", "reason"});
        spec_.excludes.push_back({read_match(row.at("match")), row.at("reason").text(), row.where()});
      }
    }
    if (const Toml* flags = root_.find("flags")) {  // first: what an override says of some variants wins
      for (const Toml::Member& member : flags->table()) read_flags(member);
    }
    if (const Toml* rows = root_.find("override")) {
      for (const Toml& row : rows->array()) read_override(row);
    }
    if (const Toml* aliases = root_.find("aliases")) {
      for (const Toml::Member& member : aliases->table()) {
        spec_.aliases.push_back({member.key, member.value.text(), member.where});
      }
    }
    if (const Toml* rows = root_.find("silence")) {
      for (const Toml& row : rows->array()) {
        row.allow_only({"rule", "reason", "name"});
        if (trim(row.at("reason").text()).empty()) row.at("reason").fail("a silenced rule needs a reason");
        spec_.silenced.push_back(
            {row.at("rule").text(), row.at("reason").text(), row.text_or("name", "*"), row.where()});
      }
    }
  }

  void read_strategy() {
    const Toml* settings = root_.find("settings");
    const Toml* strategy = settings ? settings->find("strategy") : nullptr;
    const Toml* carver = root_.find("carver");
    if (strategy && strategy->text() != "rebuild" && strategy->text() != "carve") {
      strategy->fail(fmt::format("strategy cannot be \"{}\"", printable(strategy->text())),
                     "\"rebuild\" builds each variant, \"carve\" builds once for all GPUs and cuts each "
                     "variant out of that");
    }
    if (carver) carver->allow_only({"url", "sha256"});
    const Toml* base = settings ? settings->find("base") : nullptr;
    const bool of_nixpkgs = base && is_nixpkgs(*base);
    const bool carves = strategy && strategy->text() == "carve";
    if (base && !carves) base->fail("base says what is carved, and nothing is", "add strategy = \"carve\"");
    if (!carves) return;
    if (!carver) {
      strategy->fail("recipes that carve need torchlathe, and nothing says where it is",
                     "add [carver] with the url (and sha256) of its source tree");
    }
    if (spec_.settings.narrow == Settings::Narrow::closure) {
      settings->at("narrow").fail(
          "narrow = \"closure\" and strategy = \"carve\" exclude each other",
          "MAGMA, NCCL and the companions of a build for all GPUs are for all GPUs too");
    }
    spec_.carver = Carver{.url = read_tarball_url(carver->at("url")),
                          .sha256 = read_tarball_hash(*carver),
                          .nixpkgs_base = of_nixpkgs,
                          .where = carver->where()};
  }

  static bool is_nixpkgs(const Toml& base) {
    static const std::vector<std::string> known = {"matrix", "nixpkgs"};
    if (std::ranges::find(known, base.text()) == known.end()) {
      base.fail(fmt::format("base cannot be \"{}\"", printable(base.text())),
                did_you_mean_text(
                    base.text(), known,
                    "\"matrix\" builds what others are cut out of, \"nixpkgs\" takes nixpkgs' own torch"));
    }
    return base.text() == "nixpkgs";
  }

  // base = "nixpkgs": nothing can be asked of a build that somebody else has made. What is for builds alone
  // may be for CPU variants.
  void check_nixpkgs_base() {
    if (!spec_.carver || !spec_.carver->nixpkgs_base) return;
    const bool builds = std::ranges::any_of(spec_.blocks, [](const Block& block) { return !block.gpu; });
    const auto refuse = [&](const Toml& table, std::initializer_list<std::string> keys) {
      for (const std::string& key : keys) {
        const Toml* value = table.find(key);
        if (!value) continue;
        value->fail(fmt::format("{} and base = \"nixpkgs\" exclude each other",
                                &table == &root_ ? "[" + key + "]" : key),
                    "nixpkgs' own torch is taken as it is; base = \"matrix\" builds one");
      }
    };
    const Toml& settings = root_.at("settings");
    refuse(settings, {"ptx"});
    refuse(root_, {"cuda_packages", "torchvision", "torchaudio"});
    for (const Block& block : spec_.blocks) {
      for (const auto& [axis, words] : block.words) {
        if (!block.gpu || words.empty()) continue;
        throw Error({.what = fmt::format("{} and base = \"nixpkgs\" exclude each other", axis),
                     .where = words.front().where,
                     .next = "nixpkgs' own torch is taken as it is; base = \"matrix\" builds one"});
      }
    }
    if (const Toml* companions = root_.at("matrix").find("companions")) {
      companions->fail("companions and base = \"nixpkgs\" exclude each other",
                       "nixpkgs' own refer to its own torch, for all GPUs, and would bring that along: "
                       "docs/formats/matrix.md cuts one out beside it by hand");
    }
    if (builds) return;
    refuse(settings, {"jobs", "memory_per_job", "compile_cache"});
    refuse(root_, {"flags", "extra"});
  }

  void read_override(const Toml& row) {
    row.allow_only({"match", "narrow", "ptx", "jobs", "memory_per_job", "compile_cache", "flags", "extra"});
    Override made{.match = read_match(row.at("match")), .settings = {}, .sets = {}, .where = row.where()};
    made.sets = read_settings(row, made.settings);
    // held against each variant's instruction set when it is made
    if (const Toml* flags = row.find("flags")) {
      check_flags(*flags);
      made.sets.emplace_back("cpu_flags");
      made.settings.cpu_flags = flags->texts();
    }
    for (const std::string& key : made.sets) {
      if (spec_.carver && (key == "narrow" || key == "ptx")) {
        row.fail(fmt::format("{} of one variant alone, under strategy = \"carve\"", key),
                 "set it under [settings]: one build serves all");
      }
      if (spec_.carver && key == "extra") {
        row.fail("extra of one variant alone, under strategy = \"carve\"",
                 "set it under [extra]: one build serves all");
      }
      if (spec_.carver && key == "cpu_flags") {
        row.fail("flags of one variant alone, under strategy = \"carve\"",
                 "set them under [flags]: one build serves all");
      }
    }
    if (made.sets.empty())
      row.fail("this row changes nothing",
               fmt::format("it can set {}", fmt::join(setting_keys, ", ")) + ", flags");
    spec_.overrides.push_back(std::move(made));
  }

  // [flags] avx512 = [...]: other flags than the catalogue's, for one instruction set.
  void read_flags(const Toml::Member& member) {
    const Isa* isa = catalog().find_isa(member.key);
    if (!isa || isa->name != member.key) {
      throw Error(
          {.what = fmt::format("\"{}\" is not an instruction set of the catalogue", printable(member.key)),
           .where = member.where,
           .next = did_you_mean_text(member.key, catalog().isa_names())});
    }
    check_flags(member.value, *isa);
    Override made{.match = {}, .settings = {}, .sets = {"cpu_flags"}, .where = member.where};
    made.match.globs["isa"] = {isa->name};
    made.settings.cpu_flags = member.value.texts();
    spec_.overrides.push_back(std::move(made));
  }

  const Toml& root_;
  MatrixSpec spec_;
  std::vector<Branch> branches_;
};

}  // namespace

bool is_cache_folder(std::string_view path) {
  const bool plain = std::ranges::all_of(path, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+").find(c) != std::string_view::npos;
  });
  return path.starts_with('/') && !path.ends_with('/') && plain && path.find("//") == std::string_view::npos;
}

std::optional<std::uint64_t> Block::size() const {
  std::uint64_t product = 1;
  for (const Axis& row : axes()) {
    const std::size_t axis_size = std::max<std::size_t>(1, row.size(row, *this));
    if (product > std::numeric_limits<std::uint64_t>::max() / axis_size) return std::nullopt;
    product *= axis_size;
  }
  return product;
}

MatrixSpec parse_matrix(std::string_view text, const std::string& file) {
  const Toml root = Toml::parse(text, file);
  return MatrixParser(root, file).parse();
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
// The data files as rows: one function a table, each allowing exactly its columns, then the names that
// tables give each other checked where they stand.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/embedded.h"
#include "base/text.h"
#include "base/toml.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/provenance.h"

namespace lathe {
namespace {

template <typename Enum, std::size_t count>
Enum one_of(const Toml& value, const std::array<Enum, count>& all) {
  std::vector<std::string> names;
  for (const Enum each : all) {
    if (to_string(each) == value.text()) return each;
    names.emplace_back(to_string(each));
  }
  value.fail(fmt::format("\"{}\" is not known here", printable(value.text())),
             did_you_mean_text(value.text(), names));
}

Machine machine_of(const Toml& row) {
  return one_of(row.at("machine"), std::array{Machine::x86_64, Machine::aarch64});
}

Version version_at(const Toml& row, std::string_view key) {
  const auto version = Version::parse(row.at(key).text());
  if (!version) row.at(key).fail(fmt::format("\"{}\" is not a version", printable(row.at(key).text())));
  return *version;
}

std::optional<Version> version_if(const Toml& row, std::string_view key) {
  return row.find(key) ? std::optional(version_at(row, key)) : std::nullopt;
}

Capability capability_of(const Toml& value) {
  const auto spelled = parse_capability(value.text());
  if (!spelled || spelled->dialect != Dialect::dotted || spelled->ptx || spelled->capability.suffix) {
    value.fail(fmt::format("\"{}\" is not a capability without suffix", printable(value.text())),
               "write \"9.0\"");
  }
  return spelled->capability;
}

Capability capability_at(const Toml& row, std::string_view key) { return capability_of(row.at(key)); }

std::vector<std::string> texts_if(const Toml& row, std::string_view key) {
  const Toml* value = row.find(key);
  return value ? value->texts() : std::vector<std::string>{};
}

// "2b80-2bff": PCI device numbers.
std::pair<int, int> id_range(const Toml& range) {
  int first = -1, last = -1;
  const std::string_view text = range.text();
  const auto number = [&](std::string_view digits, int& value) {
    return digits.size() == 4 &&
           std::from_chars(digits.data(), digits.data() + 4, value, 16).ptr == digits.data() + 4;
  };
  const bool good = text.size() == 9 && text[4] == '-' && number(text.substr(0, 4), first) &&
                    number(text.substr(5), last) && first <= last;
  if (!good)
    range.fail(fmt::format("\"{}\" is not a range of PCI device numbers", printable(text)),
               "write \"2b80-2bff\"");
  return {first, last};
}

CapabilityRow read_capability(const Toml& row) {
  row.allow_only({"capability", "name", "group", "tegra", "first_cuda", "last_cuda", "specific_since",
                  "family_since", "now_called", "first_driver", "cudnn", "source", "confidence"});
  return {
      .capability = capability_at(row, "capability"),
      .name = row.at("name").text(),
      .group = row.at("group").text(),
      .tegra = row.flag_or("tegra", false),
      .first_cuda = version_at(row, "first_cuda"),
      .last_cuda = version_if(row, "last_cuda"),
      .specific_since = version_if(row, "specific_since"),
      .family_since = version_if(row, "family_since"),
      .now_called = row.find("now_called") ? std::optional(capability_at(row, "now_called")) : std::nullopt,
      .first_driver = version_at(row, "first_driver"),
      .cudnn = row.flag_or("cudnn", true),
      .provenance = provenance_of(row)};
}

Isa read_isa(const Toml& row) {
  row.allow_only({"name", "machine", "level", "title", "suits", "flags", "cpuinfo", "hwcaps", "features",
                  "includes", "pytorch_note", "without", "source", "confidence"});
  return {.name = row.at("name").text(),
          .machine = machine_of(row),
          .level = static_cast<int>(row.at("level").integer()),
          .title = row.at("title").text(),
          .suits = row.text_or("suits", ""),
          .flags = row.at("flags").texts(),
          .cpuinfo = row.at("cpuinfo").texts(),
          .hwcaps = texts_if(row, "hwcaps"),
          .features = row.at("features").texts(),
          .includes = row.at("includes").texts(),
          .pytorch_note = row.text_or("pytorch_note", ""),
          .without = texts_if(row, "without"),
          .provenance = provenance_of(row)};
}

Toolkit read_toolkit(const Toml& row) {
  row.allow_only({"version", "paired_driver", "minimum_driver", "nixpkgs_set", "source", "confidence"});
  const Version version = version_at(row, "version");
  return {.version = version,
          .paired_driver = version_at(row, "paired_driver"),
          .minimum_driver = version_at(row, "minimum_driver"),
          .nixpkgs_set = row.at("nixpkgs_set").text(),
          .scikit_name = "cuda" + replace_all(version.text(), ".", "_"),
          .provenance = provenance_of(row)};
}

Pin read_pin(const Toml& row) {
  row.allow_only({"rev", "sha256", "like", "torch", "cuda", "cuda_sets", "magma_cuda13", "pytorch_alias",
                  "source", "confidence",
                  // What is otherwise than in the row that it is like: nixpkgs.cpp reads these.
                  "triton", "torchvision", "torchaudio", "cuda_aliases", "torch_cuda", "python",
                  "metadata_check", "cccl_folder", "cccl", "torch_style", "torch_arguments", "torch_list",
                  "torch_patches", "torch_cuda_patches", "fixed_texts"});
  return {.rev = row.at("rev").text(),
          .sha256 = row.find("sha256") ? std::optional(row.at("sha256").text()) : std::nullopt,
          .torch = row.text_or("torch", ""),
          .cuda = row.text_or("cuda", ""),
          .cuda_sets = row.at("cuda_sets").texts(),
          .magma_cuda13 = row.flag_or("magma_cuda13", false),
          .pytorch_alias = row.flag_or("pytorch_alias", false),
          .provenance = provenance_of(row)};
}

PytorchRelease read_pytorch_release(const Toml& row) {
  row.allow_only({"release", "suffixes", "last_cuda", "source", "confidence"});
  const Version release = version_at(row, "release");
  if (release.parts.size() != 2) row.at("release").fail("a release is two numbers", "write \"2.10\"");
  if (row.at("suffixes").text().find_first_not_of("af") != std::string::npos)
    row.at("suffixes").fail("suffixes are a and f");
  return {.release = row.at("release").text(),
          .suffixes = row.at("suffixes").text(),
          .last_cuda = version_if(row, "last_cuda"),
          .provenance = provenance_of(row)};
}

WheelIndex read_wheel_index(const Toml& row) {
  row.allow_only({"name", "index", "machine", "cuda", "gpus", "glibc", "source", "confidence"});
  WheelIndex index = {.name = row.at("name").text(),
                      .index = row.at("index").text(),
                      .machine = machine_of(row),
                      .cuda = version_if(row, "cuda"),
                      .glibc = version_at(row, "glibc"),
                      .provenance = provenance_of(row)};
  for (const Toml& gpu : row.at("gpus").array()) index.gpus.push_back(capability_of(gpu));
  return index;
}

// Reads the tables in the order in which they name each other.
class Reader {
 public:
  explicit Reader(std::span<const EmbeddedFile> files) : files_(files) {}

  Catalog read() {
    each("capabilities.toml", "capability",
         [&](const Toml& row) { out_.capabilities.push_back(read_capability(row)); });
    each("isas.toml", "isa", [&](const Toml& row) { out_.isas.push_back(read_isa(row)); });
    each("cpus.toml", "cpu", [&](const Toml& row) { add_cpu(row); });
    each("hosts.toml", "host", [&](const Toml& row) { add_host(row); });
    each("gpus.toml", "family", [&](const Toml& row) { add_gpus(row); });
    each("chips.toml", "chip", [&](const Toml& row) { add_chip(row); });
    each("cuda.toml", "toolkit", [&](const Toml& row) { out_.toolkits.push_back(read_toolkit(row)); });
    each("pins.toml", "pin", [&](const Toml& row) { out_.pins.push_back(read_pin(row)); });
    each("pytorch.toml", "pytorch",
         [&](const Toml& row) { out_.pytorch.push_back(read_pytorch_release(row)); });
    each("wheels.toml", "wheel", [&](const Toml& row) { out_.wheels.push_back(read_wheel_index(row)); });
    return std::move(out_);
  }

 private:
  template <typename Use>
  void each(std::string_view file, std::string_view table, Use use) {
    const auto found = std::ranges::find(files_, file, &EmbeddedFile::name);
    if (found == files_.end()) throw Error({.what = fmt::format("the hardware table {} is missing", file)});
    const Toml root = Toml::parse(found->text, std::string(file));
    root.allow_only({table});
    for (const Toml& row : root.at(table).array()) use(row);
  }

  // The names in `key`, each of which `find` must know.
  template <typename Find>
  std::vector<std::string> known_names(const Toml& row, std::string_view key, Find find) {
    for (const Toml& name : row.at(key).array()) {
      if (!find(name.text())) name.fail(fmt::format("no row is named \"{}\"", printable(name.text())));
    }
    return row.at(key).texts();
  }

  void add_cpu(const Toml& row) {
    row.allow_only({"name", "machine", "aliases", "isas", "source", "confidence"});
    out_.cpus.push_back({.name = row.at("name").text(),
                         .machine = machine_of(row),
                         .aliases = row.at("aliases").texts(),
                         .isas = known_names(row, "isas", [&](auto& name) { return out_.find_isa(name); }),
                         .provenance = provenance_of(row)});
  }

  void add_host(const Toml& row) {
    row.allow_only({"name", "machine", "text", "cpus", "source", "confidence"});
    HostClass host = {.name = row.at("name").text(),
                      .machine = machine_of(row),
                      .cpus = known_names(row, "cpus", [&](auto& name) { return out_.find_cpu(name); }),
                      .best_isas = {},
                      .text = row.at("text").text(),
                      .provenance = provenance_of(row)};
    for (const Isa& isa : out_.isas) {
      const bool best_somewhere = std::ranges::any_of(host.cpus, [&](const std::string& cpu) {
        const auto best = out_.best_isas(*out_.find_cpu(cpu));
        return std::ranges::find(best, &isa) != best.end();
      });
      if (best_somewhere) host.best_isas.push_back(isa.name);
    }
    out_.hosts.push_back(std::move(host));
  }

  void add_gpus(const Toml& family) {
    family.allow_only({"capability", "segment", "hosts", "gpus", "source", "confidence"});
    const Gpu pattern = {
        .name = {},
        .aliases = {},
        .capability = capability_at(family, "capability"),
        .segment = family.at("segment").text(),
        .hosts = known_names(family, "hosts", [&](auto& name) { return out_.find_host(name); }),
        .provenance = provenance_of(family)};
    if (!out_.find(pattern.capability))
      family.at("capability").fail("no row of capabilities.toml has this capability");
    for (const Toml& row : family.at("gpus").array()) {
      const std::vector<std::string> names = row.texts();
      if (names.empty()) row.fail("a GPU needs a name");
      Gpu& gpu = out_.gpus.emplace_back(pattern);
      gpu.name = names.front();
      gpu.aliases.assign(names.begin() + 1, names.end());
    }
  }

  void add_chip(const Toml& row) {
    row.allow_only({"name", "capability", "device_tree", "ids", "source", "confidence"});
    Chip chip = {.name = row.at("name").text(),
                 .capability = capability_at(row, "capability"),
                 .device_tree = row.text_or("device_tree", ""),
                 .ids = {},
                 .provenance = provenance_of(row)};
    if (!out_.find(chip.capability))
      row.at("capability").fail("no row of capabilities.toml has this capability");
    for (const Toml& range : row.at("ids").array()) {
      const auto [first, last] = id_range(range);
      if (out_.find_chip(first) || out_.find_chip(last)) range.fail("another chip has numbers of this range");
      chip.ids.insert(chip.ids.end(), {first, last});
    }
    out_.chips.push_back(std::move(chip));
  }

  std::span<const EmbeddedFile> files_;
  Catalog out_;
};

}  // namespace

Catalog read_catalog(std::span<const EmbeddedFile> files) { return Reader(files).read(); }

}  // namespace lathe

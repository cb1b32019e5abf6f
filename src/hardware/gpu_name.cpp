// SPDX-License-Identifier: MIT
#include "hardware/gpu_name.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/embedded.h"
#include "base/error.h"
#include "base/text.h"
#include "base/toml.h"
#include "hardware/capability.h"
#include "hardware/instance.h"
#include "hardware/name_table.h"
#include "hardware/product_name.h"

namespace lathe::hardware_data {
std::span<const EmbeddedFile> gpu_names();
}

namespace lathe {
namespace {

struct Known {
  std::vector<ProductPattern> patterns;
  const Gpu* gpu = nullptr;              // or
  std::optional<Capability> capability;  // of one that gpus.toml lacks
};

// A GPU of the catalogue by one of its names, with less and less of what stands around the product.
struct Key {
  const Gpu* gpu = nullptr;
  std::string plain, product, number;
};

struct GpuNames {
  PatternSet noise;   // never about which GPU it is: maker, memory, slot
  PatternSet forms;   // one chip in several forms: laptop, Max-Q, editions
  PatternSet brands;  // may be left out where the number alone is enough
  PatternSet slices;
  std::vector<ProductPattern> profiles, virtual_letters;
  std::vector<Known> known;
  PatternSet others;  // words of other makers' products
  std::string why_other, hint_other;
  std::vector<VagueName> vague;  // names that several GPUs of unlike capability have
  std::vector<Key> keys;
  std::vector<std::pair<std::string, const Chip*>> chips;  // by their clean names, as are
  std::vector<std::pair<std::string, const CapabilityRow*>> architectures;
};

std::string squeezed(std::string_view name) { return replace_all(std::string(name), " ", ""); }

// `name` is cleaned. What it comes to at each step of leaving out.
Key key_of(const GpuNames& table, std::string_view name) {
  const std::string plain = without_words(name, table.noise);
  const std::string product = without_words(plain, table.forms);
  return {.plain = squeezed(plain),
          .product = squeezed(product),
          .number = squeezed(without_words(product, table.brands))};
}

void add_keys(GpuNames& table) {
  for (const Gpu& gpu : catalog().gpus) {
    std::vector<std::string> names = gpu.aliases;
    names.insert(names.begin(), gpu.name);
    for (const std::string& name : names) {
      Key key = key_of(table, clean_name(name));
      key.gpu = &gpu;
      table.keys.push_back(std::move(key));
    }
  }
}

Known known_of(const Toml& row) {
  row.allow_only({"gpu", "capability", "names", "source", "confidence"});
  Known known = {.patterns = patterns_of(row.at("names")), .gpu = nullptr, .capability = std::nullopt};
  if (const Toml* name = row.find("gpu")) {
    known.gpu = row_named(*name, [](std::string_view text) { return catalog().find_gpu(text); });
  } else {
    const auto spelled = parse_capability(row.at("capability").text());
    if (!spelled) row.at("capability").fail("not a capability");
    known.capability = spelled->capability;
  }
  return known;
}

GpuNames read_gpu_names() {
  GpuNames table;
  const Toml root = Toml::parse(hardware_data::gpu_names().front().text, "gpu_names.toml");
  root.allow_only(
      {"noise", "forms", "brands", "profiles", "slices", "virtual_letters", "known", "vague", "other"});
  table.noise = PatternSet(patterns_of(root.at("noise")));
  table.forms = PatternSet(patterns_of(root.at("forms")));
  table.brands = PatternSet(patterns_of(root.at("brands")));
  table.profiles = patterns_of(root.at("profiles"));
  table.slices = PatternSet(patterns_of(root.at("slices")));
  table.virtual_letters = patterns_of(root.at("virtual_letters"));
  for (const Toml& row : root.at("known").array()) table.known.push_back(known_of(row));
  table.vague = vague_names(root);
  const Toml& other = root.at("other");
  other.allow_only({"words", "why", "hint", "source", "confidence"});
  table.others = PatternSet(patterns_of(other.at("words")));
  table.why_other = other.at("why").text();
  table.hint_other = other.at("hint").text();
  add_keys(table);
  for (const Chip& chip : catalog().chips) table.chips.emplace_back(clean_name(chip.name), &chip);
  for (const CapabilityRow& row : catalog().capabilities)
    table.architectures.emplace_back(clean_name(row.name), &row);
  return table;
}

const GpuNames& gpu_names() {
  static const GpuNames table = read_gpu_names();
  return table;
}

[[noreturn]] void fail_unlike(std::string_view text,
                              const std::set<std::pair<Capability, std::string>>& meant) {
  std::vector<std::string> names;
  for (const auto& [capability, name] : meant)
    names.push_back(fmt::format("{} ({})", name, spell(capability, Dialect::dotted)));
  constexpr std::size_t most = 6;
  if (names.size() > most) names.resize(most);
  throw VagueNameError(
      {.what = fmt::format("\"{}\" can be more than one GPU: {}", printable(text), fmt::join(names, ", ")),
       .next = "write more of the name, or the capability"});
}

// The GPU whose key is `wanted`. Where several have it they must be of one capability.
const Gpu* find_key(std::string_view text, std::string_view wanted, std::string Key::*member,
                    bool beginning = false) {
  if (wanted.empty()) return nullptr;
  std::set<std::pair<Capability, std::string>> meant;
  const Gpu* found = nullptr;
  for (const Key& key : gpu_names().keys) {
    if (beginning ? !(key.*member).starts_with(wanted) : key.*member != wanted) continue;
    meant.emplace(key.gpu->capability, key.gpu->name);
    if (!found) found = key.gpu;
  }
  if (found && meant.begin()->first != meant.rbegin()->first) fail_unlike(text, meant);
  return found;
}

void refuse_vague(std::string_view text, std::string_view name) {
  const VagueName* vague = find_vague(gpu_names().vague, name);
  if (!vague) return;
  throw VagueNameError(
      {.what = fmt::format("\"{}\" does not say which GPU it is: {}", printable(text), vague->why),
       .next = vague->hint.empty() ? "give its capability: nvidia-smi --query-gpu=compute_cap --format=csv"
                                   : vague->hint});
}

// A name that no rule reads, with a word of another maker's product in it.
void refuse_other(std::string_view text) {
  const std::string name = clean_name(text);
  for (std::size_t at = 0; at < name.size(); at = std::min(name.find(' ', at), name.size() - 1) + 1) {
    if (gpu_names().others.longest(name, at) == at) continue;
    throw VagueNameError(
        {.what = fmt::format("\"{}\" can have no variant: {}", printable(text), gpu_names().why_other),
         .next = gpu_names().hint_other});
  }
}

std::optional<GpuReading> by_row(std::string_view name) {
  for (const Known& known : gpu_names().known) {
    if (!any_whole(known.patterns, name)) continue;
    if (known.gpu)
      return GpuReading{.gpu = known.gpu, .capability = known.gpu->capability, .name = known.gpu->name};
    return GpuReading{.capability = *known.capability, .name = std::string(name)};
  }
  return std::nullopt;
}

GpuReading reading_of(const Gpu& gpu, std::string derived = "") {
  return {.gpu = &gpu, .capability = gpu.capability, .name = gpu.name, .derived = std::move(derived)};
}

// By the catalogue, leaving out more with each step.
std::optional<GpuReading> by_product(std::string_view text, std::string_view name) {
  const Key key = key_of(gpu_names(), name);
  const std::string plain = without_words(name, gpu_names().noise);
  refuse_vague(text, plain);
  if (auto known = by_row(plain)) return known;
  if (const Gpu* gpu = find_key(text, key.plain, &Key::plain)) return reading_of(*gpu);
  if (key.product != key.plain) {
    const std::string product = without_words(plain, gpu_names().forms);
    refuse_vague(text, product);
    if (auto known = by_row(product)) return known;
    if (const Gpu* gpu = find_key(text, key.product, &Key::plain))
      return reading_of(*gpu, fmt::format("a form of {}", gpu->name));
  }
  if (const Gpu* gpu = find_key(text, key.product, &Key::product)) return reading_of(*gpu);
  if (const Gpu* gpu = find_key(text, key.number, &Key::number)) return reading_of(*gpu);
  return std::nullopt;
}

// "a40 48q", "a100d 1 10cme": the physical GPU in front of a virtual one's profile. NVIDIA puts letters
// behind the name for boards of one chip that differ in memory or cooling: A100D, A100DX, V100L, H100XM.
std::optional<GpuReading> by_profile(std::string_view text, std::string_view name) {
  const std::size_t blank = name.rfind(' ');
  if (blank == std::string_view::npos || !any_whole(gpu_names().profiles, name.substr(blank + 1)))
    return std::nullopt;
  std::string_view board = name.substr(0, blank);
  if (board.size() > 2 && board[board.size() - 2] == ' ')
    board = board.substr(0, board.size() - 2);  // slices: "a100 4"
  const std::string virtual_name = fmt::format("vgpu {}", without_words(board, gpu_names().noise));
  const auto derive = [](GpuReading reading) {
    reading.derived = fmt::format("a virtual GPU on {}", reading.name);
    return reading;
  };
  if (const auto known = by_row(virtual_name)) return derive(*known);
  if (const auto product = by_product(text, board)) return derive(*product);
  for (const ProductPattern& letters : gpu_names().virtual_letters) {
    for (std::size_t count = 1; count <= 2 && count < board.size(); ++count) {
      const std::string_view less = board.substr(0, board.size() - count);
      if (!letters.whole(board.substr(less.size())) || less.back() < '0' || less.back() > '9') continue;
      if (const auto product = by_product(text, less)) return derive(*product);
    }
  }
  return std::nullopt;
}

std::optional<GpuReading> by_slice(std::string_view text, std::string_view name) {
  const std::string whole = without_words(name, gpu_names().slices);
  if (whole == name) return std::nullopt;
  auto reading = by_product(text, whole);
  if (reading) reading->derived = fmt::format("a slice of {}", reading->name);
  return reading;
}

// "ga102", and "ga107glm" as lspci has it.
std::optional<GpuReading> by_chip(std::string_view name) {
  for (const std::string_view word : words(name)) {
    for (const auto& [small, chip] : gpu_names().chips) {
      if (!word.starts_with(small) ||
          word.substr(small.size()).find_first_not_of("glmb") != std::string_view::npos)
        continue;
      return GpuReading{.capability = chip->capability,
                        .name = chip->name,
                        .derived = fmt::format("by its chip {}", chip->name)};
    }
  }
  return std::nullopt;
}

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The four digits behind "10de", NVIDIA's number as a maker on the PCI bus, or in "NVIDIA Corporation Device
// 1f15", as an lspci writes it whose table does not know the device.
std::string_view bus_digits(std::string_view name) {
  for (const std::string_view before : {"10de ", "nvidia corporation device "}) {
    const std::size_t at = name.find(before);
    if (at != std::string_view::npos) return name.substr(at + before.size(), 4);
  }
  return "";
}

std::optional<GpuReading> by_bus_number(std::string_view name) {
  const std::string_view digits = bus_digits(name);
  int number = 0;
  if (digits.size() != 4 || !is_hex(digits)) return std::nullopt;
  std::from_chars(digits.data(), digits.data() + 4, number, 16);
  const Chip* chip = catalog().find_chip(number);
  if (!chip) return std::nullopt;
  return GpuReading{.capability = chip->capability,
                    .name = chip->name,
                    .derived = fmt::format("by its number on the bus a {}", chip->name)};
}

// "Ada Lovelace", "Hopper": an architecture, where it is of one capability.
std::optional<GpuReading> by_architecture(std::string_view text, std::string_view name) {
  std::set<std::pair<Capability, std::string>> meant;
  for (const auto& [small, row] : gpu_names().architectures) {
    if (small == name || name == small + " lovelace") meant.emplace(row->capability, row->name);
  }
  if (meant.empty() || name.empty()) return std::nullopt;
  if (meant.size() > 1) fail_unlike(text, meant);
  return GpuReading{
      .capability = meant.begin()->first, .name = meant.begin()->second, .derived = "by its architecture"};
}

// "RTX 20.." of nvidia-smi's table: as long as all that begin so are of one capability.
std::optional<GpuReading> by_beginning(std::string_view text, std::string_view name) {
  if (text.find("..") == std::string_view::npos) return std::nullopt;
  const Gpu* gpu = find_key(text, key_of(gpu_names(), name).plain, &Key::plain, true);
  return gpu ? std::optional(reading_of(*gpu, "by the beginning of its name")) : std::nullopt;
}

// The device's name out of a line of nvidia-smi or lspci: "GPU 0: NAME (UUID: GPU-...)", "Corporation AD102
// [NAME] (rev a1)".
std::string_view device_in(std::string_view line) {
  line = line.substr(0, line.find("(UUID"));
  if (line.starts_with("GPU ")) {
    const std::size_t colon = line.find_first_not_of("0123456789", 4);
    if (colon != std::string_view::npos && line[colon] == ':') line.remove_prefix(colon + 1);
  }
  // "1145 (NVIDIA L40S-1B)": a kind of virtual GPU by number and name.
  const std::size_t bracket = line.find(" (");
  if (bracket != std::string_view::npos && bracket > 0 && line.ends_with(')') &&
      line.find_first_not_of("0123456789") == bracket) {
    return line.substr(bracket + 2, line.size() - bracket - 3);
  }
  for (std::size_t open = line.find('['); open != std::string_view::npos; open = line.find('[', open + 1)) {
    const std::size_t close = line.find(']', open);
    const std::string_view inside =
        line.substr(open + 1, close == std::string_view::npos ? close : close - open - 1);
    const bool number = inside.size() == 9 && inside[4] == ':';  // [10de:2684]
    if (!number && !inside.starts_with("03")) return inside;     // nor [0300], its class
  }
  return line;
}

// What `detect` and nvidia-smi's CSV put behind the name: "NAME (12.2), 32 GiB", "NAME, 9.0".
std::optional<Capability> stated_capability(std::string_view& text) {
  for (const std::string_view before : {" (", ", "}) {
    for (std::size_t at = text.find(before); at != std::string_view::npos; at = text.find(before, at + 1)) {
      const std::size_t from = at + before.size();
      const std::size_t end = std::min(text.find_first_not_of("0123456789.", from), text.size());
      const std::string_view number = text.substr(from, end - from);
      if (end < text.size() && text[end] != ')' && text[end] != ',') continue;  // "(15.6 GB)"
      const auto spelled =
          number.find('.') == std::string_view::npos ? std::nullopt : parse_capability(number);
      if (!spelled || spelled->dialect != Dialect::dotted || spelled->capability.major > 99) continue;
      text = text.substr(0, at);
      return spelled->capability;
    }
  }
  return std::nullopt;
}

// "9.0", "sm_90", "90"; a number of four digits is a product.
std::optional<GpuReading> by_capability(std::string_view text) {
  const auto spelled = parse_capability(text);
  const bool product = text.size() > 3 && text.find_first_not_of("0123456789") == std::string_view::npos;
  if (!spelled || product) return std::nullopt;
  return GpuReading{.capability = spelled->capability.portable(), .name = "a GPU"};
}

std::optional<GpuReading> by_instance(std::string_view text) {
  const auto instance = read_instance_name(text);
  if (!instance) return std::nullopt;
  if (instance->gpu)
    return reading_of(*instance->gpu, fmt::format("the GPU in this machine of {}", instance->cloud));
  throw Error({.what = fmt::format("\"{}\" of {} has no GPU of NVIDIA's", printable(text), instance->cloud),
               .next = "name it as the CPU: --cpu, and choose among CPU builds: --no-gpu"});
}

// "a100 80": what stands behind a product in digits alone is memory.
std::string_view without_size(std::string_view name) {
  const std::size_t blank = name.rfind(' ');
  if (blank == std::string_view::npos || name.size() - blank > 4) return "";
  const bool size = name.find_first_not_of("0123456789", blank + 1) == std::string_view::npos;
  const std::string_view product = name.substr(0, blank);
  return size && product.find_first_of("0123456789") != std::string_view::npos ? product : "";
}

std::optional<GpuReading> by_any_rule(std::string_view text) {
  if (const auto reading = by_instance(text)) return reading;
  const std::string whole = clean_name(text), in_line = clean_name(device_in(text));
  const std::string_view device = without_count(in_line);
  if (const auto reading = by_slice(text, device)) return reading;
  if (const auto reading = by_architecture(text, device)) return reading;
  if (const auto reading = by_product(text, device)) return reading;
  const std::string plain = without_words(device, gpu_names().noise);
  if (const auto reading = by_profile(text, plain)) return reading;
  if (const auto reading = by_capability(trim(text))) return reading;
  if (const auto reading = by_capability(plain)) return reading;
  if (const auto reading = by_bus_number(whole)) return reading;
  if (const auto reading = by_chip(whole)) return reading;
  if (const auto reading = by_beginning(text, device)) return reading;
  const std::string_view product = without_size(plain);
  return product.empty() ? std::nullopt : by_product(text, product);
}

// A GPU that the tables lack is taken by what the machine said of it; one that they have must agree.
GpuReading with_stated(std::string_view text, std::string_view name, Capability stated) {
  const Gpu* gpu = catalog().find_gpu(name);
  if (gpu && gpu->capability != stated) {
    throw Error(
        {.what = fmt::format("\"{}\" says {}, and {} is {}", printable(text), spell(stated, Dialect::dotted),
                             gpu->name, spell(gpu->capability, Dialect::dotted)),
         .next = "leave out the one that is wrong"});
  }
  if (gpu) return reading_of(*gpu);
  return {.capability = stated,
          .name = printable(name),
          .derived = "by the capability that stands behind its name"};
}

// "NVIDIA RTX PRO 4500 Blackwell   32623 MiB   Bus 62:00.0": a program's own table, its first column.
std::string_view first_column(std::string_view text) {
  constexpr std::size_t shortest = 4;  // "|   0  NVIDIA ...": a row of nvidia-smi has none before
  return trim(text.substr(0, std::min(text.find(" | ", shortest), text.find("   ", shortest))));
}

[[noreturn]] void fail_unknown(std::string_view text) {
  std::vector<std::string> names;
  for (const Gpu& gpu : catalog().gpus) {
    names.push_back(gpu.name);
    names.insert(names.end(), gpu.aliases.begin(), gpu.aliases.end());
  }
  throw Error({.what = fmt::format("\"{}\" is neither a GPU of the catalogue nor a compute capability",
                                   printable(text)),
               .next = did_you_mean_text(text, names,
                                         "see torchlathe catalog gpus; or give its capability: --gpu 12.0")});
}

}  // namespace

std::optional<GpuReading> find_gpu_name(std::string_view text) {
  text = trim(text);
  if (text.size() > longest_product_name) return std::nullopt;
  if (const Gpu* gpu = catalog().find_gpu(text)) return reading_of(*gpu);
  std::string_view name = text;
  const auto stated = stated_capability(name);
  if (stated) return with_stated(text, name, *stated);
  auto reading = by_any_rule(text);
  if (!reading && first_column(text).size() < text.size()) reading = by_any_rule(first_column(text));
  if (!reading) refuse_other(text);
  return reading;
}

GpuReading read_gpu_name(std::string_view text) {
  const auto reading = find_gpu_name(text);
  if (!reading) fail_unknown(trim(text).substr(0, longest_product_name));
  return *reading;
}

}  // namespace lathe

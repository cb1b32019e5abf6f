// SPDX-License-Identifier: MIT
#include "select/candidate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "select/index.h"
#include "matrix/expand.h"
#include "matrix/variant.h"

namespace lathe {
namespace {

constexpr JsonLimits limits = {.bytes = std::size_t{64} << 20, .depth = 20};

// Which of the two a catalogue is.
bool looks_like_json(std::string_view text) { return trim(text).starts_with('{'); }

Candidate from_name(std::string_view text, const std::string& file, std::uint32_t line) {
  NameReading reading = read_variant_name(text);
  if (!reading.name) {
    throw Error({.what = fmt::format("\"{}\" is not a variant's name: {}", printable(text.substr(0, 200)),
                                     reading.problems.empty() ? "" : reading.problems.front().what),
                 .where = {.file = file, .line = line},
                 .next = reading.problems.empty() ? "" : reading.problems.front().next});
  }
  const VariantName& name = *reading.name;
  Candidate candidate = {.name = std::string(text),
                         .isa = catalog().find_isa(name.isa),
                         .cuda = name.cuda,
                         .python = name.python};
  candidate.machine = candidate.isa->machine;
  for (const Capability gpu : name.gpus) candidate.code.push_back({gpu, CodeKind::cubin});
  return candidate;
}

// One record of the JSON; what it says wins over what its name says.
class Record {
 public:
  Record(const Json& json, const std::string& file, std::size_t index)
      : json_(json), file_(file), index_(index) {}

  Candidate read() const {
    Candidate out = {.name = printable(json_.text_of("name"))};
    if (out.name.empty()) fail("has no name");
    if (const auto name = read_variant_name(out.name).name; name && !json_.find("isa"))
      out = from_name(out.name, file_, 0);
    read_gpus(out);
    read_cpu(out);
    if (const auto cuda = version("cuda")) out.cuda = cuda;
    if (out.is_gpu() && !out.cuda) fail("is for GPUs and names no CUDA release");
    if (!json_.text_of("pytorch").empty()) out.pytorch = json_.text_of("pytorch");
    if (!json_.text_of("python").empty()) out.python = json_.text_of("python");
    out.driver = version("min_driver");
    out.driver_because = printable(json_.text_of("min_driver_because"));
    out.glibc = version("glibc");
    out.get = json_.text_of("get");
    out.no_machine = json_.text_of("status") == "impossible";
    return out;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw Error({.what = fmt::format("variants[{}] {}", index_, what),
                 .where = {.file = file_},
                 .next = "docs/commands/select.md describes the file"});
  }

  std::optional<Version> version(std::string_view key) const {
    const std::string text = json_.text_of(key);
    if (text.empty()) return std::nullopt;
    const auto version = Version::parse(text);
    if (!version) fail(fmt::format("has {} \"{}\", which is not a version", key, printable(text)));
    return version;
  }

  // "8.6 8.9" or "12.0+PTX"
  void read_gpus(Candidate& out) const {
    const std::string text = json_.text_of("capability");
    if (text.empty()) return;
    out.code.clear();
    for (const std::string_view word : split(text, ' ')) {
      const auto spelled = parse_capability(word);
      if (!spelled) fail(fmt::format("has \"{}\", which is not a capability", printable(word)));
      out.code.push_back({spelled->capability, CodeKind::cubin});
      if (spelled->ptx) out.code.push_back({spelled->capability, CodeKind::ptx});
    }
  }

  void read_cpu(Candidate& out) const {
    if (const std::string isa = json_.text_of("isa"); !isa.empty()) {
      out.isa = catalog().find_isa(isa);
      if (!out.isa)
        fail(
            fmt::format("has the instruction set \"{}\", which the catalogue does not have", printable(isa)));
    }
    if (out.isa) out.machine = out.isa->machine;
    else if (json_.text_of("system") == system_of(Machine::aarch64)) out.machine = Machine::aarch64;
  }

  const Json& json_;
  const std::string& file_;
  std::size_t index_;
};

// What a catalogue says comes into commands only if it could be a name, and a store path.
std::string checked_name(const Json& record, const std::string& file) {
  const std::string name = record.text_of("name");
  if (!why_not_a_package_name(name).empty())
    throw Error(
        {.what = fmt::format("\"{}\" cannot name a variant", printable(name)), .where = {.file = file}});
  return name;
}

std::string checked_path(const Json& record, const std::string& file) {
  const std::string name = checked_name(record, file), path = record.text_of("store_path");
  if (!is_store_path(path))
    throw Error({.what = fmt::format("{} has the store path \"{}\", which is none", name, printable(path)),
                 .where = {.file = file}});
  return path;
}

// The records of one catalogue. A companion is nothing to choose by itself: it goes with its PyTorch.
class Records {
 public:
  Records(const Json& json, const std::string& file) : file_(file), head_(read_index_head(json, file)) {}

  void add(const Json& record) {
    if (!record.text_of("torch").empty()) return;
    place_[record.text_of("name")] = out_.size();
    out_.push_back(Record(record, file_, out_.size()).read());
    if (out_.back().get.empty()) checked_name(record, file_);
    paths_.emplace_back();
    if (head_) paths_.back().push_back(checked_path(record, file_));
  }

  // In an index only if it was built with the very PyTorch that is there: two in one process crash.
  void add_companion(const Json& record) {
    const auto torch = place_.find(record.text_of("torch"));
    if (torch == place_.end()) return;
    auto& paths = paths_[torch->second];
    if (head_ && record.text_of("torch_path") != paths.front()) return;
    if (head_) paths.push_back(checked_path(record, file_));
    out_[torch->second].companions.push_back(checked_name(record, file_));
  }

  std::vector<Candidate> take() {
    for (std::size_t i = 0; head_ && i < out_.size(); ++i)
      out_[i].get = fmt::format("{}", fmt::join(install_commands(*head_, paths_[i]), "\n"));
    return std::move(out_);
  }

 private:
  const std::string& file_;
  std::optional<IndexHead> head_;
  std::vector<Candidate> out_;
  std::vector<std::vector<std::string>> paths_;  // of each and its companions; only of an index
  std::unordered_map<std::string, std::size_t> place_;
};

std::vector<Candidate> read_records(std::string_view text, const std::string& file) {
  const Json json = parse_json(text, file, limits);
  const Json* variants = json.find("variants");
  if (!variants || !variants->array()) {
    throw Error({.what = "the catalogue has no list \"variants\"",
                 .where = {.file = file},
                 .next = "write one with: torchlathe list --format json"});
  }
  Records records(json, file);
  for (const Json& variant : *variants->array()) records.add(variant);
  for (const Json& variant : *variants->array()) records.add_companion(variant);
  return records.take();
}

std::vector<Candidate> read_names(std::string_view text, const std::string& file) {
  std::vector<Candidate> out;
  std::uint32_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = trim(line.substr(0, line.find('#')));
    if (!line.empty()) out.push_back(from_name(line, file, number));
  }
  return out;
}

}  // namespace

void add_candidates(std::vector<Candidate>& out, const MatrixSpec& spec, const std::string& from) {
  expand(spec, [&](const Variant& variant) {
    if (variant.companion) {  // they stand behind their PyTorch
      if (!out.empty() && out.back().name == variant.torch) out.back().companions.push_back(variant.name);
      return true;
    }
    const Cell& cell = *variant.cell;
    Candidate candidate = {.name = variant.name,
                           .isa = cell.isa,
                           .machine = cell.isa->machine,
                           .cuda = cell.cuda,
                           .pytorch = variant.pytorch->version,
                           .python = variant.python};
    for (const Capability gpu : cell.gpus) candidate.code.push_back({gpu, CodeKind::cubin});
    if (variant.settings->ptx && !cell.gpus.empty())
      candidate.code.push_back({cell.gpus.back(), CodeKind::ptx});
    for (const Capability gpu : cell.gpus) {
      if (std::string why = why_not_compilable(gpu, *cell.cuda); !why.empty())
        candidate.impossible = std::move(why);
    }
    candidate.no_machine = cell.status == PairStatus::impossible;
    candidate.from = from;
    out.push_back(std::move(candidate));
    return true;
  });
}

std::vector<Candidate> read_published(std::string_view text, const std::string& file) {
  return looks_like_json(text) ? read_records(text, file) : read_names(text, file);
}

}  // namespace lathe

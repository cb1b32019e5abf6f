// SPDX-License-Identifier: MIT
#include "matrix/variant.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/nixpkgs.h"
#include "matrix/axis_table.h"

namespace lathe {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool all_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

constexpr std::array<std::string_view, 3> packages = {"pytorch", "torchvision", "torchaudio"};

// A walk over the parts of a name between hyphens.
class NameReader {
 public:
  explicit NameReader(std::string_view text) : text_(text), parts_(split(text, '-')) {}

  NameReading read() {
    if (read_package() && read_python() && read_target() && read_isa()) {
      read_words();
      read_extras();
      reading_.name = std::move(name_);
    }
    return std::move(reading_);
  }

 private:
  std::string_view part() const { return index_ < parts_.size() ? parts_[index_] : std::string_view(); }
  void problem(std::string what, std::string next, std::size_t skip = 0) {
    const char* at = index_ < parts_.size() ? parts_[index_].data() : text_.data() + text_.size();
    reading_.problems.push_back(
        {static_cast<std::size_t>(at - text_.data()) + skip, std::move(what), std::move(next)});
  }

  bool read_package() {
    const std::string_view word = part();
    const auto* package = std::ranges::find_if(packages, [&](auto p) { return word.starts_with(p); });
    if (package == packages.end() ||
        (word.size() > package->size() && !all_digits(word.substr(package->size())))) {
      problem(fmt::format("\"{}\" is not a package this tool knows", printable(word)),
              "a name starts with pytorch, torchvision or torchaudio");
      return false;
    }
    name_.package = *package;
    name_.release = word.substr(package->size());
    ++index_;
    return true;
  }

  bool read_python() {
    const std::string_view word = part();
    const std::string_view digits = word.starts_with("python") ? word.substr(6) : std::string_view();
    if (!all_digits(digits) || digits.size() < 2 || digits.size() > 4) {
      problem(fmt::format("\"{}\" does not name a Python", printable(word)),
              "written as in python313 for Python 3.13");
      return false;
    }
    name_.python = fmt::format("{}.{}", digits.substr(0, 1), digits.substr(1));
    ++index_;
    return true;
  }

  // "cpu", or "cuda13_0" and the GPUs.
  bool read_target() {
    if (part() == "cpu") {
      ++index_;
      return true;
    }
    return read_cuda() && read_gpus();
  }

  bool read_cuda() {
    const std::string_view word = part();
    const std::string dotted = replace_all(std::string(word.substr(0, 64)), "_", ".");
    const auto version =
        word.starts_with("cuda") ? Version::parse(std::string_view(dotted).substr(4)) : std::nullopt;
    if (!version || version->parts.size() != 2) {
      problem(fmt::format("\"{}\" names neither a CUDA release nor cpu", printable(word)),
              "written as in cuda13_0 for CUDA 13.0");
      return false;
    }
    if (word.find('.') != std::string_view::npos) {
      problem(fmt::format("the dot in \"{}\" separates attributes in Nix", printable(word)),
              fmt::format("write {}", replace_all(std::string(word), ".", "_")), word.find('.'));
    }
    name_.cuda = version;
    ++index_;
    return true;
  }

  bool read_gpus() {
    for (const std::string_view word : split(part(), '_')) {
      const auto gpu = parse_capability(word);
      if (!gpu || gpu->ptx || word.empty()) {
        problem(fmt::format("\"{}\" does not name a GPU architecture", printable(part())),
                "written as in sm120 for compute capability 12.0");
        return false;
      }
      if (gpu->dialect != Dialect::name) {
        problem(fmt::format("\"{}\" is the {} dialect", printable(word), to_string(gpu->dialect)),
                fmt::format("names have {}", spell(gpu->capability, Dialect::name)));
      }
      name_.gpus.push_back(gpu->capability);
    }
    ++index_;
    return true;
  }

  bool read_isa() {
    const std::string_view word = part();
    const std::string canonical = replace_all(std::string(word.substr(0, 64)), ".", "_");
    const Isa* isa = catalog().find_isa(canonical);
    if (!isa) {
      problem(fmt::format("\"{}\" is not an instruction set of the catalogue", printable(word)),
              did_you_mean_text(canonical, catalog().isa_names(), "see torchlathe catalog isas"));
      return false;
    }
    if (word.find('.') != std::string_view::npos) {
      problem(fmt::format("the dot in \"{}\" separates attributes in Nix", printable(word)),
              fmt::format("write {}", isa->name), word.find('.'));
    } else if (word != isa->name) {
      problem(fmt::format("\"{}\" is written {}", printable(word), isa->name),
              fmt::format("write {}", isa->name));
    }
    name_.isa = isa->name;
    ++index_;
    return true;
  }

  // Of axes that are off unless used: in their order, each at most once.
  void read_words() {
    for (const Axis* row : axes_by_nesting()) {
      if (row->may_be_off() && axis_with(part()) == row) name_.words.emplace_back(parts_[index_++]);
    }
  }

  void read_extras() {
    for (; index_ < parts_.size(); ++index_) {
      const std::string word(part());
      name_.extra.push_back(word);
      const bool cuda_again = word.starts_with("cu") && all_digits(std::string_view(word).substr(2));
      problem(cuda_again ? fmt::format("\"-{}\" names CUDA a second time", word)
                         : fmt::format("\"-{}\" is not part of a variant's name", printable(word)),
              "remove it");
    }
  }

  std::string_view text_;
  std::vector<std::string_view> parts_;
  std::size_t index_ = 0;
  VariantName name_;
  NameReading reading_;
};

}  // namespace

std::string Nixpkgs::assumption() const {
  return assumed ? fmt::format("not known: assumed as nixpkgs of {}", facts->since) : "";
}

std::string Nixpkgs::url() const {
  return fmt::format("https://github.com/NixOS/nixpkgs/archive/{}.tar.gz", rev);
}

std::vector<std::string> Variant::arch_list() const {
  std::vector<std::string> list;
  for (const Capability gpu : cell->gpus) list.push_back(spell(gpu, Dialect::dotted));
  if (!settings->ptx) return list;
  for (std::string& gpu : list) {
    if (fat || &gpu == &list.back()) gpu += "+PTX";
  }
  return list;
}

std::string VariantName::text() const {
  std::string text = fmt::format("{}{}-python{}-", package, release, digits_of(python));
  if (cuda) {
    text += fmt::format("cuda{}-", replace_all(cuda->text(), ".", "_"));
    for (std::size_t i = 0; i < gpus.size(); ++i) text += (i ? "_" : "") + spell(gpus[i], Dialect::name);
  } else {
    text += "cpu";
  }
  text += "-" + isa;
  for (const std::string& word : words) text += "-" + word;
  for (const std::string& word : extra) text += "-" + word;
  return text;
}

NameReading read_variant_name(std::string_view text) {
  constexpr std::size_t longest = 200;  // a file name has 255 at most
  if (text.size() > longest) {
    return {.name = {},
            .problems = {{longest, fmt::format("a name of {} characters", text.size()), "at most 200"}}};
  }
  NameReading reading = NameReader(text).read();
  if (!reading.name) return reading;
  VariantName clean = *reading.name;
  clean.extra.clear();
  if (const std::size_t size = clean.text().size(); size > longest) {
    reading.name = {};
    reading.problems.push_back(
        {text.size(), fmt::format("a name of {} characters when it is written out", size), "at most 200"});
  }
  return reading;
}

VariantName parse_variant_name(std::string_view text) {
  NameReading reading = read_variant_name(text);
  if (reading.problems.empty() && reading.name) return std::move(*reading.name);
  const NameProblem& problem = reading.problems.front();
  throw Error({.what = fmt::format("\"{}\" is not a variant's name: {}", printable(text.substr(0, 200)),
                                   problem.what),
               .where = {},
               .next = reading.name ? fmt::format("{}; the whole name may be {}", problem.next,
                                                  [&] {
                                                    VariantName clean = *reading.name;
                                                    clean.extra.clear();
                                                    return clean.text();
                                                  }())
                                    : problem.next});
}

std::string why_not_a_package_name(std::string_view name) {
  const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; };
  if (name.empty()) return "it is empty";
  if (name.size() > 200) return "it is longer than 200 characters";
  if (!is_letter(name[0]) && name[0] != '_') return "it must start with a letter";
  const auto* odd = std::ranges::find_if_not(name, fits);
  if (odd == name.end()) return "";
  if (*odd == '.') return "a dot separates attributes in Nix";
  return fmt::format("\"{}\" can't be in a Nix attribute name", printable(std::string_view(odd, 1)));
}

std::string digits_of(std::string_view version) {
  const auto parts = split(version, '.');
  return parts.size() < 2 ? std::string(version) : fmt::format("{}{}", parts[0], parts[1]);
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "matrix/extra.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "matrix/values/nix_text.h"

namespace lathe {
namespace {

using Word = std::pair<std::string_view, std::string_view>;  // its name; what says it in a matrix

constexpr Word variable_words[] = {{"TORCH_CUDA_ARCH_LIST", "gpus"},
                                   {"MAX_JOBS", "jobs and memory_per_job"},
                                   {"PYTORCH_BUILD_VERSION", "pytorch"},
                                   {"CCACHE_DIR", "compile_cache"}};
constexpr Word argument_words[] = {{"cudaSupport", "kind"}, {"gpuTargets", "gpus"}, {"cudaPackages", "cuda"}};
constexpr Word config_words[] = {{"allowUnfree", "kind"},
                                 {"allowBroken", "cuda"},
                                 {"cudaSupport", "kind"},
                                 {"cudaCapabilities", "narrow"}};
constexpr Word nixpkgs_words[] = {
    {"system", "isas"}, {"config", "extra.config"}, {"overlays", "extra.packages"}};
constexpr Word package_words[] = {{"cudaPackages", "cuda, and extra.cuda"},
                                  {"pythonPackagesExtensions", "extra.python"}};
constexpr Word python_words[] = {{"torch", "extra.override and extra.nix"}};

std::string_view word_among(std::span<const Word> words, std::string_view name) {
  const auto found = std::ranges::find(words, name, &Word::first);
  return found == words.end() ? "" : found->second;
}

bool starts_variable(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool in_variable(char c) { return starts_variable(c) || (c >= '0' && c <= '9'); }

bool is_variable(std::string_view text) {
  return !text.empty() && starts_variable(text.front()) && std::ranges::all_of(text, in_variable);
}

// "NAME", "NAME:-text", "NAME:+:$NAME": what stands in ${}.
bool is_expansion(std::string_view text) {
  const std::size_t end = std::min(
      static_cast<std::size_t>(std::ranges::find_if_not(text, in_variable) - text.begin()), text.size());
  if (!is_variable(text.substr(0, end))) return false;
  const std::string_view rest = text.substr(end);
  if (rest.empty()) return true;
  if (!rest.starts_with(":-") && !rest.starts_with(":+") && !rest.starts_with('-') && !rest.starts_with('+'))
    return false;
  return rest.find_first_of("{}`\"'\\()") == std::string_view::npos;
}

// One pair of ${ and } from `at` on; "" when there is none.
std::string_view braced(std::string_view text, std::size_t at) {
  const std::size_t end = text.find('}', at);
  return text.substr(at).starts_with("${") && end != std::string_view::npos
             ? text.substr(at + 2, end - at - 2)
             : "";
}

void check_name(const Toml::Member& member, bool good, std::string_view kind, std::string_view word) {
  if (!good)
    throw Error({.what = fmt::format("\"{}\" is not a name of {}", printable(member.key), kind),
                 .where = member.where,
                 .next = {}});
  if (!word.empty()) {
    throw Error({.what = fmt::format("{} has a word of its own in a matrix", member.key),
                 .where = member.where,
                 .next = fmt::format("say it by: {}", word)});
  }
}

std::string scalar_of(const Toml& value, std::string_view yes, std::string_view no) {
  if (value.is_flag()) return std::string(value.flag() ? yes : no);
  if (value.is_integer()) return std::to_string(value.integer());
  return value.text();
}

std::map<std::string, std::string> read_environment(const Toml& table) {
  std::map<std::string, std::string> result;
  for (const Toml::Member& member : table.table()) {
    check_name(member, is_variable(member.key), "a shell variable", word_for_variable(member.key));
    const std::string value = scalar_of(member.value, "1", "0");
    if (const std::string why = why_no_shell_text(value); !why.empty()) {
      member.value.fail(fmt::format("the value of {} {}", member.key, why),
                        "what needs more than a value is Nix: nix = '''...''' under [extra]");
    }
    result[member.key] = value;
  }
  return result;
}

std::map<std::string, std::string> read_expressions(const Toml& table, std::string_view kind,
                                                    std::string_view (*word)(std::string_view)) {
  std::map<std::string, std::string> result;
  for (const Toml::Member& member : table.table()) {
    check_name(member, is_nix_name(member.key), kind, word(member.key));
    const std::string value = scalar_of(member.value, "true", "false");
    if (const std::string why = why_no_nix_expression(value); !why.empty()) {
      member.value.fail(fmt::format("the value of {} {}", member.key, why),
                        "one expression of Nix, as in \"pkgs.gcc13Stdenv\"");
    }
    result[member.key] = value;
  }
  return result;
}

std::string_view word_for_package(std::string_view name) { return word_among(package_words, name); }
std::string_view word_for_python(std::string_view name) { return word_among(python_words, name); }
std::string_view no_word(std::string_view) { return ""; }

// The tables of Nix expressions.
struct ExpressionTable {
  std::string_view key, kind;
  std::map<std::string, std::string> Extra::*values;
  std::string_view (*word)(std::string_view);
};
constexpr ExpressionTable expression_tables[] = {
    {"override", "an argument", &Extra::override_arguments, word_for_argument},
    {"config", "a setting of nixpkgs", &Extra::config, word_for_config},
    {"nixpkgs", "an argument of nixpkgs", &Extra::nixpkgs, word_for_nixpkgs},
    {"packages", "a package", &Extra::packages, word_for_package},
    {"python", "a Python package", &Extra::python, word_for_python},
    {"cuda", "a package of CUDA", &Extra::cuda, no_word}};

}  // namespace

void Extra::add(const Extra& more) {
  for (const auto& [name, value] : more.environment) environment[name] = value;
  for (const ExpressionTable& table : expression_tables) {
    for (const auto& [name, value] : more.*table.values) (this->*table.values)[name] = value;
  }
  attributes.insert(attributes.end(), more.attributes.begin(), more.attributes.end());
}

Extra read_extra(const Toml& table) {
  table.allow_only({"environment", "override", "config", "nixpkgs", "packages", "python", "cuda", "nix"});
  Extra extra;
  if (const Toml* part = table.find("environment")) extra.environment = read_environment(*part);
  for (const ExpressionTable& each : expression_tables) {
    if (const Toml* part = table.find(each.key))
      extra.*each.values = read_expressions(*part, each.kind, each.word);
  }
  if (const Toml* part = table.find("nix")) {
    std::string text = part->text();
    if (const std::string why = why_no_nix_bindings(text); !why.empty()) {
      part->fail(fmt::format("this Nix {}", why), "bindings for overrideAttrs, as in \"doCheck = true;\"");
    }
    extra.attributes.push_back(std::string(trim(text)));
  }
  if (extra.empty())
    table.fail("this asks for nothing",
               "it can hold environment, override, config, nixpkgs, packages, python, cuda and nix");
  return extra;
}

std::string why_no_shell_text(std::string_view value) {
  constexpr std::size_t longest = 4096;
  if (value.size() > longest) return "is longer than 4 KiB";
  for (std::size_t at = 0; at < value.size(); ++at) {
    const char c = value[at];
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "holds a control character";
    if (c == '"' || c == '\'' || c == '\\' || c == '`')
      return fmt::format("holds {}, which ends or runs something in a shell", c);
    if (c != '$') continue;
    if (at + 1 < value.size() && starts_variable(value[at + 1])) continue;
    const std::string_view inside = braced(value, at);
    if (!is_expansion(inside) && !is_package_path(inside))
      return "holds a $ that is neither $NAME nor ${NAME} nor ${pkgs.NAME}";
    at += inside.size() + 2;
  }
  return "";
}

std::string shell_text_as_nix(std::string_view value) {
  std::string result;
  for (std::size_t at = 0; at < value.size(); ++at) {
    const std::string_view inside = braced(value, at);
    if (value[at] == '$' && !inside.empty() && !is_package_path(inside)) result += "''";
    result += value[at];
  }
  return result;
}

std::string_view word_for_variable(std::string_view name) { return word_among(variable_words, name); }
std::string_view word_for_argument(std::string_view name) { return word_among(argument_words, name); }
std::string_view word_for_config(std::string_view name) { return word_among(config_words, name); }
std::string_view word_for_nixpkgs(std::string_view name) { return word_among(nixpkgs_words, name); }

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "cli/options/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <span>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/text.h"
#include "base/wrap.h"

namespace lathe {

std::string or_environment(const std::string& option, const char* name) {
  const char* value = std::getenv(name);
  return option.empty() && value ? value : option;
}

namespace {

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string synopsis_of(const Declared& option) {
  std::string word = option.positional ? upper(option.names) : option.names;
  if (option.many && option.positional) word += "...";
  return option.required ? word : "[" + word + "]";
}

std::string left_column(const Declared& option) {
  std::string left = option.positional ? upper(option.names) : replace_all(option.names, ",", ", ");
  if (!option.value.empty()) left += " " + option.value;
  return left;
}

constexpr std::size_t help_width = 80, widest_left = 30;

std::string heading_of(const Declared& option) {
  if (!option.group.empty()) return option.group;
  return option.positional ? "Arguments" : "Options";
}

// Arguments and a command's own options first, those of all commands last.
std::vector<std::string> headings(const std::vector<Declared>& declared) {
  std::vector<std::string> headings;
  for (const char* first : {"Arguments", "Options"}) {
    if (std::ranges::any_of(declared, [&](const Declared& option) { return heading_of(option) == first; }))
      headings.emplace_back(first);
  }
  for (const Declared& option : declared) {
    if (std::ranges::find(headings, heading_of(option)) == headings.end())
      headings.push_back(heading_of(option));
  }
  return headings;
}

std::string help_text(const Declared& option) {
  const bool told = option.kind == ValueKind::choice && !option.positional;  // they stand behind the name
  if (option.choices.empty() || told) return option.help;
  return fmt::format("{}; {}: {}", option.help, option.kind == ValueKind::choice ? "one of" : "values",
                     fmt::join(option.choices, ", "));
}

std::string help_row(const std::string& left, const std::string& right, std::size_t width) {
  const std::size_t indent = width + 4;
  const std::string start = left.size() > width ? fmt::format("  {}\n{:{}}", left, "", indent)
                                                : fmt::format("  {:{}}  ", left, width);
  return start + wrapped(right, indent, help_width) + "\n";
}

std::vector<std::string> names_of(const Declared& option) {
  const std::string all = option.names + "," + option.former;  // outlives its parts
  std::vector<std::string> names;
  for (const std::string_view name : split(all, ','))
    if (!name.empty()) names.emplace_back(name);
  return names;
}

// The option that CLI11 speaks of; nullptr where it names none.
const Declared* named_in(std::string_view message, const std::vector<Declared>& declared) {
  const Declared* longest = nullptr;  // --gpu is part of --gpu-index
  std::size_t length = 0;
  for (const Declared& option : declared) {
    for (const std::string& name : names_of(option)) {
      if (option.positional || name.size() <= length || message.find(name) == std::string_view::npos)
        continue;
      longest = &option;
      length = name.size();
    }
  }
  return longest;
}

struct Complaint {
  std::string what, next;
};

// What CLI11 found wrong with the value of an option, in our words.
Complaint complaint_about(const Declared& option, const std::vector<std::string>& words) {
  const std::vector<std::string> names = names_of(option);
  const std::string& name = names.back().starts_with("--") ? names.back() : names.front();
  std::vector<std::string> values;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view head = split(words[i], '=').front();
    if (std::ranges::find(names, head) == names.end()) continue;
    if (head.size() < words[i].size()) values.push_back(words[i].substr(head.size() + 1));
    else if (i + 1 < words.size() && !words[i + 1].starts_with("-")) values.push_back(words[i + 1]);
  }
  if (option.value.empty()) return {fmt::format("{} takes no value", name), "give it alone: " + name};
  const std::string form = fmt::format("{} {}", name, option.value);
  if (values.empty()) return {fmt::format("{} needs a value", name), "give one: " + form};
  if (values.size() > 1 && !option.many)
    return {fmt::format("{} is given {} times", name, values.size()), "give it once: " + form};
  return {fmt::format("{} takes a whole number, not \"{}\"", name, printable(values.back())),
          "write it as in: " + name + " 8"};
}

}  // namespace

void OptionSet::declare(Declared declared, Binding binding) {
  declared.group = group_;
  declared_.push_back(std::move(declared));
  bindings_.push_back(binding);
}

void OptionSet::flag(std::string names, bool& target, std::string help) {
  declare({.names = std::move(names),
           .value = "",
           .help = std::move(help),
           .kind = ValueKind::none,
           .choices = {}},
          {.flag = &target});
}

void OptionSet::text(std::string names, std::string& target, std::string value, std::string help,
                     ValueKind kind) {
  declare({.names = std::move(names),
           .value = std::move(value),
           .help = std::move(help),
           .kind = kind,
           .choices = {}},
          {.text = &target});
}

void OptionSet::texts(std::string names, std::vector<std::string>& target, std::string value,
                      std::string help, ValueKind kind) {
  declare({.names = std::move(names),
           .value = std::move(value),
           .help = std::move(help),
           .kind = kind,
           .choices = {},
           .many = true},
          {.texts = &target});
}

void OptionSet::number(std::string names, std::uint64_t& target, std::string value, std::string help) {
  declare({.names = std::move(names),
           .value = std::move(value),
           .help = std::move(help),
           .kind = ValueKind::text,
           .choices = {}},
          {.number = &target});
}

void OptionSet::choice(std::string names, std::string& target, std::vector<std::string> choices,
                       std::string help) {
  std::string value;
  for (const std::string& choice : choices) value += (value.empty() ? "" : "|") + choice;
  declare({.names = std::move(names),
           .value = std::move(value),
           .help = std::move(help),
           .kind = ValueKind::choice,
           .choices = std::move(choices)},
          {.text = &target});
}

void OptionSet::positional(std::string name, std::string& target, std::string help, ValueKind kind,
                           bool required) {
  declare({.names = std::move(name),
           .value = "",
           .help = std::move(help),
           .kind = kind,
           .choices = {},
           .positional = true,
           .required = required},
          {.text = &target});
}

void OptionSet::positional_choice(std::string name, std::string& target, std::vector<std::string> choices,
                                  std::string help) {
  positional(std::move(name), target, std::move(help), ValueKind::choice);
  declared_.back().choices = std::move(choices);
}

void OptionSet::positionals(std::string name, std::vector<std::string>& target, std::string help,
                            ValueKind kind, bool required) {
  declare({.names = std::move(name),
           .value = "",
           .help = std::move(help),
           .kind = kind,
           .choices = {},
           .positional = true,
           .required = required,
           .many = true},
          {.texts = &target});
}

std::vector<std::string> OptionSet::option_names() const {
  std::vector<std::string> names = {"--help"};
  for (const Declared& option : declared_) {
    if (option.positional) continue;
    for (const std::string_view name : split(option.names, ',')) names.emplace_back(name);
  }
  return names;
}

bool OptionSet::prints_text() const {
  const auto format = std::ranges::find(declared_, "-f,--format", &Declared::names);
  if (format == declared_.end()) return true;
  return *bindings_[static_cast<std::size_t>(format - declared_.begin())].text == "text";
}

bool OptionSet::parse(std::string_view command, const std::vector<std::string>& words) const {
  CLI::App app;
  app.set_help_flag();
  bool help_wanted = false;
  app.add_flag("-h,--help", help_wanted);
  for (std::size_t i = 0; i < declared_.size(); ++i) {
    const Declared& declared = declared_[i];
    const Binding& binding = bindings_[i];
    CLI::Option* option = nullptr;
    const std::string names = declared.names + (declared.former.empty() ? "" : "," + declared.former);
    if (binding.flag) option = app.add_flag(names, *binding.flag);
    else if (binding.number) option = app.add_option(names, *binding.number);
    else if (binding.texts) option = app.add_option(names, *binding.texts);
    else option = app.add_option(names, *binding.text);
    // A list takes one word each time it is given, so that it can't swallow the positionals behind it.
    if (binding.texts && !declared.positional) option->expected(1)->take_all()->allow_extra_args(false);
  }
  const std::string next = fmt::format("see torchlathe {} --help", command);
  const auto fail = [&](std::string what, std::string hint) {
    throw Error(
        {.what = fmt::format("{}: {}", command, what), .where = {}, .next = hint.empty() ? next : hint});
  };
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 takes them last first
  } catch (const CLI::ExtrasError&) {
    const auto names = option_names();
    const std::string bad = app.remaining().empty() ? "" : app.remaining().front();
    fail(fmt::format("\"{}\" is not an option or argument of this command", printable(bad)),
         did_you_mean_text(split(bad, '=').front(), names));
  } catch (const CLI::ParseError& error) {
    const Declared* option = named_in(error.what(), declared_);
    if (!option) fail(printable(error.what()), "");
    const Complaint complaint = complaint_about(*option, words);
    fail(complaint.what, complaint.next);
  }
  if (help_wanted) return false;
  for (std::size_t i = 0; i < declared_.size(); ++i) {
    const Declared& declared = declared_[i];
    const Binding& binding = bindings_[i];
    const bool missing = (binding.text && binding.text->empty()) || (binding.texts && binding.texts->empty());
    if (declared.required && missing) fail(fmt::format("{} is missing", upper(declared.names)), "");
    if (declared.kind != ValueKind::choice) continue;
    if (std::ranges::find(declared.choices, *binding.text) != declared.choices.end()) continue;
    fail(fmt::format("{} cannot be \"{}\"; it is one of {}", declared.names, printable(*binding.text),
                     fmt::join(declared.choices, ", ")),
         did_you_mean_text(*binding.text, declared.choices));
  }
  return true;
}

std::string OptionSet::help(std::string_view command, std::string_view summary,
                            std::span<const std::string_view> examples) const {
  std::string text = fmt::format("usage: torchlathe {} [OPTIONS]", command);
  std::size_t left = std::string_view("-h, --help").size();
  for (const Declared& option : declared_) {
    if (option.positional) text += " " + synopsis_of(option);
    if (left_column(option).size() <= widest_left) left = std::max(left, left_column(option).size());
  }
  text += fmt::format("\n\n{}\n", summary);
  for (const std::string& heading : headings(declared_)) {
    text += fmt::format("\n{}:\n", heading);
    for (const Declared& option : declared_) {
      if (heading_of(option) == heading) text += help_row(left_column(option), help_text(option), left);
    }
    if (heading == global_group) text += help_row("-h, --help", "print this text", left);
  }
  text += "\nExamples:\n";
  for (const std::string_view example : examples) text += fmt::format("  {}\n", example);
  return text + fmt::format("\nMore, with examples: torchlathe help {}\n", command);
}

}  // namespace lathe

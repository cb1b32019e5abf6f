// SPDX-License-Identifier: MIT
// How a command declares its options, once: parsing, --help, completion and the check that its page names
// them all come from the same declarations. Wraps CLI11, which only options.cpp includes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lathe {

// What a value is, for completion.
enum class ValueKind { none, text, file, folder, variant, topic, choice };

// The headings of --help behind "Arguments" and "Options".
constexpr const char* filter_group = "Filters";
constexpr const char* machine_group = "The machine";
constexpr const char* global_group = "Global options";

struct Declared {
  std::string names;  // "-m,--matrix"; a positional has a bare name: "path"
  std::string value;  // how --help calls the value: "FILE"; "" for a flag
  std::string help;
  ValueKind kind = ValueKind::none;
  std::vector<std::string> choices;  // of kind `choice` the only values, else some that --help tells
  bool positional = false;
  bool required = false;
  bool many = false;
  std::string group = "";   // heading in --help; "": Arguments or Options
  std::string former = "";  // names that it had before: taken on the command line, told nowhere
};

// What was given on the command line, else what the environment has under `name`, else "".
std::string or_environment(const std::string& option, const char* name);

class OptionSet {
 public:
  OptionSet() = default;
  OptionSet(const OptionSet&) = delete;

  void flag(std::string names, bool& target, std::string help);
  void text(std::string names, std::string& target, std::string value, std::string help,
            ValueKind kind = ValueKind::text);
  void texts(std::string names, std::vector<std::string>& target, std::string value, std::string help,
             ValueKind kind = ValueKind::text);
  void number(std::string names, std::uint64_t& target, std::string value, std::string help);
  void choice(std::string names, std::string& target, std::vector<std::string> choices, std::string help);
  void positional(std::string name, std::string& target, std::string help, ValueKind kind = ValueKind::text,
                  bool required = true);
  void positional_choice(std::string name, std::string& target, std::vector<std::string> choices,
                         std::string help);
  void positionals(std::string name, std::vector<std::string>& target, std::string help,
                   ValueKind kind = ValueKind::text, bool required = true);

  // The heading in --help of what is declared from here on; "" is that of a command's own options.
  void group(std::string heading) { group_ = std::move(heading); }
  // Values that the option declared last may have, beside others: for --help and completion.
  void values(std::vector<std::string> values) { declared_.back().choices = std::move(values); }
  // The option declared last goes by these names too, as it did in earlier releases.
  void formerly(std::string names) { declared_.back().former = std::move(names); }

  const std::vector<Declared>& declared() const { return declared_; }

  // After parse(): is what is printed for people? Not where --format asks for something else.
  bool prints_text() const;

  // Fills the targets. An Error (usage) that names the bad word, with a guess. Returns false when --help was
  // asked for.
  bool parse(std::string_view command, const std::vector<std::string>& words) const;

  // The text of --help: synopsis, summary, options by group, examples, where to read more. 80 columns wide.
  std::string help(std::string_view command, std::string_view summary,
                   std::span<const std::string_view> examples) const;

 private:
  struct Binding {
    bool* flag = nullptr;
    std::string* text = nullptr;
    std::vector<std::string>* texts = nullptr;
    std::uint64_t* number = nullptr;
  };
  void declare(Declared declared, Binding binding);
  std::vector<std::string> option_names() const;

  std::string group_;
  std::vector<Declared> declared_;
  std::vector<Binding> bindings_;  // one per declared
};

}  // namespace lathe

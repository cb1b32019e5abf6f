// SPDX-License-Identifier: MIT
// `torchlathe completion SHELL`: a completion script, made from the same declarations as --help.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/options/options.h"
#include "os/terminal.h"

namespace lathe {
namespace completion_command {

struct Options {
  std::string shell;
};

void declare(OptionSet& set, Options& options) {
  set.positional_choice("shell", options.shell, {"bash", "zsh", "fish"}, "the shell to make it for");
}

// Values of an option or argument that are words of a shell.
std::string known_words(const Declared& option) { return fmt::format("{}", fmt::join(option.choices, " ")); }

std::string bash_case(const Command& command) {
  const auto bound = command.bind();
  std::vector<std::string> options = {"--help"};
  std::string values, arguments;
  bool variants = false, topics = false;
  for (const Declared& option : bound->set.declared()) {
    if (option.kind == ValueKind::variant) variants = true;
    if (option.kind == ValueKind::topic) topics = true;
    if (option.positional && !option.choices.empty()) arguments += " " + known_words(option);
    if (option.positional) continue;
    std::vector<std::string> names;
    for (const auto name : split(option.names, ',')) names.emplace_back(name);
    options.insert(options.end(), names.begin(), names.end());
    const std::string patterns = fmt::format("{}", fmt::join(names, "|"));
    if (!option.choices.empty()) {
      const bool file = option.kind == ValueKind::file;
      values += fmt::format("        {}) COMPREPLY=($(compgen{} -W '{}' -- \"$word\")); return ;;\n",
                            patterns, file ? " -f" : "", known_words(option));
    } else if (option.kind == ValueKind::file) {
      values += fmt::format("        {}) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", patterns);
    } else if (option.kind == ValueKind::folder) {
      values += fmt::format("        {}) COMPREPLY=($(compgen -d -- \"$word\")); return ;;\n", patterns);
    }
  }
  std::string names;
  if (!arguments.empty()) names = fmt::format("compgen -W '{}' -- \"$word\"; ", trim(arguments));
  else if (variants) names = "compgen -W \"$(_torchlathe_variants)\" -- \"$word\"; ";
  else if (topics) names = "compgen -W \"$(torchlathe explain --names)\" -- \"$word\"; ";
  return fmt::format(
      "    {})\n      case \"$before\" in\n{}      esac\n"
      "      if [[ $word == -* ]]; then COMPREPLY=($(compgen -W '{}' -- \"$word\"))\n"
      "      else COMPREPLY=($({}compgen -f -- \"$word\")); fi ;;\n",
      command.name, values.empty() ? "        '') ;;\n" : values, fmt::join(options, " "), names);
}

std::string names_of_commands() {
  std::vector<std::string_view> names;
  for (const Command& command : commands()) names.push_back(command.name);
  return fmt::format("{}", fmt::join(names, " "));
}

std::string bash_script() {
  std::string cases;
  for (const Command& command : commands()) cases += bash_case(command);
  return fmt::format(R"(# bash completion for torchlathe: source <(torchlathe completion bash)
_torchlathe_variants() {{
  local i matrix=()
  for ((i = 1; i < ${{#COMP_WORDS[@]}}; i++)); do
    [[ ${{COMP_WORDS[i]}} == -m || ${{COMP_WORDS[i]}} == --matrix ]] && matrix=(-m "${{COMP_WORDS[i + 1]}}")
  done
  torchlathe list -q "${{matrix[@]}}" 2>/dev/null
}}
_torchlathe() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
  if ((COMP_CWORD == 1)); then COMPREPLY=($(compgen -W '{}' -- "$word")); return; fi
  case "${{COMP_WORDS[1]}}" in
{}  esac
}}
complete -F _torchlathe torchlathe
)",
                     names_of_commands(), cases);
}

// zsh runs bash's completions, options, values, variants and all.
std::string zsh_script() {
  return "#compdef torchlathe\n# zsh completion for torchlathe: source <(torchlathe completion zsh)\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_script();
}

std::string fish_quote(std::string_view text) {
  return "'" + replace_all(std::string(text), "'", "\\'") + "'";
}

std::string fish_script() {
  std::string text =
      "# fish completion for torchlathe: torchlathe completion fish | source\ncomplete -c torchlathe -f\n";
  for (const Command& command : commands()) {
    text += fmt::format("complete -c torchlathe -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        fish_quote(command.summary));
    const std::string when =
        fmt::format("complete -c torchlathe -n '__fish_seen_subcommand_from {}'", command.name);
    const auto bound = command.bind();
    for (const Declared& option : bound->set.declared()) {
      if (option.positional) {
        if (option.kind == ValueKind::variant) text += when + " -a '(torchlathe list -q 2>/dev/null)'\n";
        if (option.kind == ValueKind::topic)
          text += when + " -a '(torchlathe explain --names 2>/dev/null)'\n";
        if (option.kind == ValueKind::file || option.kind == ValueKind::folder) text += when + " -F\n";
        if (!option.choices.empty()) text += fmt::format("{} -a {}\n", when, fish_quote(known_words(option)));
        continue;
      }
      text += when;
      for (const auto name : split(option.names, ',')) {
        text += name.starts_with("--") ? fmt::format(" -l {}", name.substr(2))
                                       : fmt::format(" -s {}", name.substr(1));
      }
      if (option.kind != ValueKind::none) text += option.kind == ValueKind::choice ? " -x" : " -r";
      if (!option.choices.empty()) text += fmt::format(" -a {}", fish_quote(known_words(option)));
      if (option.kind == ValueKind::file || option.kind == ValueKind::folder) text += " -F";
      text += fmt::format(" -d {}\n", fish_quote(option.help));
    }
  }
  return text;
}

std::string script_for(const std::string& shell) {
  if (shell == "bash") return bash_script();
  return shell == "zsh" ? zsh_script() : fish_script();
}

int run(const Options& options, Terminal& terminal) {
  terminal.data(script_for(options.shell));
  return 0;
}

}  // namespace completion_command

std::unique_ptr<BoundCommand> command_completion() {
  return bind_command(completion_command::declare, completion_command::run);
}

}  // namespace lathe

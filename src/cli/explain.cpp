// SPDX-License-Identifier: MIT
// `torchlathe explain [QUESTION]`: what a rule, a word of the output, an error line, a GPU or a processor
// means, and questions that recipe keepers got wrong. The texts are topics.h; finding the one that is meant:
// answer.h.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "base/wrap.h"
#include "cli/commands.h"
#include "cli/explain/answer.h"
#include "cli/explain/topic_search.h"
#include "cli/explain/topics.h"
#include "cli/options/options.h"
#include "os/terminal.h"

namespace lathe {
namespace explain_command {

constexpr std::size_t longest_question = std::size_t{64} << 10;

struct Options {
  std::vector<std::string> question;
  std::string format = "text";
  bool names = false;
};

void declare(OptionSet& set, Options& options) {
  set.positionals("question", options.question,
                  "a rule, words, an error line, a GPU or CPU [list all topics]", ValueKind::topic, false);
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
  set.flag("--names", options.names, "the names of all topics, one a line");
}

std::string_view kind_text(Topic::Kind kind) {
  switch (kind) {
    case Topic::Kind::variable: return "an environment variable, read by";
    case Topic::Kind::word: return "a word of";
    default: return "a finding of";
  }
}

std::string heading(const Topic& topic) {
  if (topic.kind == Topic::Kind::question || topic.kind == Topic::Kind::hardware) return topic.title;
  std::string text = fmt::format("{}: {} {}", topic.name, kind_text(topic.kind), fmt::join(topic.of, ", "));
  if (!topic.severity.empty()) text += fmt::format(" ({})", topic.severity);
  return text;
}

std::size_t width_of(const Terminal& terminal) {
  constexpr unsigned widest = 110;
  return terminal.fold() == 0 ? widest : std::min(widest, terminal.fold());
}

void print_part(std::string_view label, std::string_view text, Terminal& terminal) {
  constexpr std::size_t indent = 8;
  if (text.empty()) return;
  std::string line = fmt::format("{:<{}}", label, indent);
  line += wrapped(text, indent, width_of(terminal)) + "\n";
  terminal.out(line);
}

void print(const Topic& topic, Terminal& terminal) {
  const std::size_t width = width_of(terminal);
  terminal.print("{}\n\n", terminal.styled(Style::bold, heading(topic)));
  const bool finding = topic.kind == Topic::Kind::rule && !topic.title.empty();
  if (finding) terminal.out(wrapped(topic.title, 0, width) + "\n");
  terminal.out(topic.kind == Topic::Kind::question ? topic.text : wrapped(topic.text, 0, width));
  terminal.out("\n\n");
  if (topic.kind == Topic::Kind::variable && !topic.also.empty())
    print_part("like:", fmt::format("{}", fmt::join(topic.also, " ")), terminal);
  print_part("why:", topic.why, terminal);
  print_part("fix:", topic.repair, terminal);
  if (!topic.believed.empty()) terminal.print("common misconception: {}\n", topic.believed);
  if (!topic.source.empty()) terminal.print("source: {}\n", topic.source);
  for (const std::string& command : topic.see) terminal.print("see: {}\n", command);
}

void write(JsonWriter& json, const Topic& topic) {
  json.begin_object().member("name", topic.name).member("kind", to_string(topic.kind)).member("of", topic.of);
  json.member("severity", topic.severity).member("question", topic.title).member("believed", topic.believed);
  json.member("answer", topic.text).member("why", topic.why).member("repair", topic.repair);
  json.member("source", topic.source).member("see", topic.see).end_object();
}

void print_json(const Answer& answer, Terminal& terminal) {
  JsonWriter json;
  begin_report(json).key("explanations").begin_array();
  for (const Topic& topic : answer.topics) write(json, topic);
  json.end_array().member("nearest", answer.nearest).end_object();
  terminal.out(json.take());
}

std::string title_of(const std::string& name) {
  const Topic topic = topics_named(name).front();
  return topic.title.empty() ? topic.text.substr(0, topic.text.find(". ")) : topic.title;
}

void print_nearest(const std::vector<std::string>& names, Terminal& terminal) {
  std::size_t widest = 0;
  for (const std::string& name : names) widest = std::max(widest, name.size());
  for (const std::string& name : names)
    terminal.print("  {} {}\n", terminal.styled(Style::bold, fmt::format("{:{}}", name, widest)),
                   title_of(name));
}

void print_answer(const Answer& answer, Terminal& terminal) {
  for (std::size_t i = 0; i < answer.topics.size(); ++i) {
    if (i > 0) terminal.out("\n");
    print(answer.topics[i], terminal);
  }
  if (answer.nearest.empty()) return;
  terminal.out("\nor do you mean:\n");
  print_nearest(answer.nearest, terminal);
}

// Questions with their text, the rest by command.
void print_list(Terminal& terminal) {
  const auto group_of = [](const Topic& topic) {
    return topic.kind == Topic::Kind::variable ? "environment" : topic.of.front();
  };
  std::vector<std::string> commands;
  for (const Topic& topic : topics()) {
    if (topic.of.empty())
      terminal.print("{} {}\n", terminal.styled(Style::bold, fmt::format("{:19}", topic.name)), topic.title);
    else if (std::ranges::find(commands, group_of(topic)) == commands.end())
      commands.push_back(group_of(topic));
  }
  for (const std::string& command : commands) {
    std::string names;
    for (const Topic& topic : topics()) {
      if (!topic.of.empty() && group_of(topic) == command) names += (names.empty() ? "" : " ") + topic.name;
    }
    terminal.out("\n" + terminal.styled(Style::bold, command + ":") + " " + wrapped(names, 2, 110) + "\n");
  }
}

Answer everything() { return {topics(), {}}; }

// "what does carve do": a command, where no topic has its name.
std::optional<Topic> command_asked(const std::string& question) {
  std::vector<std::string_view> named = words(question);
  std::erase_if(named, [](std::string_view word) { return is_common_word(word) || word == "command"; });
  if (named.size() != 1 || !topics_named(named.front()).empty()) return std::nullopt;
  std::string name;
  for (const char c : named.front()) {
    if ((c >= 'a' && c <= 'z') || c == '-') name += c;
  }
  for (const Command& command : commands()) {
    if (command.name != name) continue;
    return Topic{.kind = Topic::Kind::question,
                 .name = name,
                 .title = fmt::format("torchlathe {}", name),
                 .text = std::string(command.summary),
                 .see = {fmt::format("torchlathe help {}", name)}};
  }
  return std::nullopt;
}

Answer answered(const std::string& question) {
  Answer answer = answer_to(question);
  auto command = command_asked(question);
  if (!command) return answer;
  for (const Topic& topic : answer.topics) answer.nearest.insert(answer.nearest.begin(), topic.name);
  return {{std::move(*command)}, std::move(answer.nearest)};
}

int run(const Options& options, Terminal& terminal) {
  const std::string question = fmt::format("{}", fmt::join(options.question, " "));
  if (question.size() > longest_question) {
    throw Error({.what = fmt::format("the question is longer than {} kB", longest_question >> 10),
                 .where = {},
                 .next = "put it into a file: torchlathe diagnose FILE"});
  }
  if (options.names) {
    std::vector<std::string> names;
    for (const Topic& topic : topics()) {
      if (std::ranges::find(names, topic.name) == names.end()) names.push_back(topic.name);
    }
    for (const std::string& name : names) terminal.print("{}\n", name);
    return 0;
  }
  if (trim(question).empty()) {
    if (options.format == "json") print_json(everything(), terminal);
    else print_list(terminal);
    return 0;
  }
  const Answer answer = answered(question);
  if (options.format == "json") {
    print_json(answer, terminal);
  } else if (!answer.topics.empty()) {
    print_answer(answer, terminal);
  } else {
    constexpr std::size_t shown = 60;
    terminal.print("nothing found about \"{}\"; the nearest topics:\n", printable(question).substr(0, shown));
    print_nearest(answer.nearest, terminal);
  }
  return answer.topics.empty() ? 1 : 0;
}

}  // namespace explain_command

std::unique_ptr<BoundCommand> command_explain() {
  return bind_command(explain_command::declare, explain_command::run);
}

}  // namespace lathe

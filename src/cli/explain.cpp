// SPDX-License-Identifier: MIT
// `torchlathe explain [QUESTION]`: what a rule, a word of the output, an error line, a GPU or a processor means, and
// questions that recipe keepers got wrong. The texts are topics.h; finding them by words is topic_search.h.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/edit_distance.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/hardware_topic.h"
#include "cli/topic_search.h"
#include "cli/topics.h"
#include "diagnose/diagnose.h"

namespace lathe {
namespace {

constexpr std::size_t longest_question = std::size_t{64} << 10;
constexpr double enough = 0.5;      // of a question's weight that a topic must have to be its answer
constexpr double as_good = 0.8;     // of the best one's score: shown beside it
constexpr std::size_t most_nearest = 3;

struct Options {
  std::vector<std::string> question;
  std::string format = "text";
  bool names = false;
};

void declare(OptionSet& set, Options& options) {
  set.positionals("question", options.question, "a rule, words, an error line, a GPU or CPU; without it all are listed",
                  ValueKind::topic, false);
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
  set.flag("--names", options.names, "the names of all topics, one a line");
}

struct Answer {
  std::vector<Topic> topics;         // {}: nothing fits
  std::vector<std::string> nearest;  // names of others
};

// "No-Kernel Image" -> "nokernelimage"
std::string squeezed(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += upper ? static_cast<char>(c | 0x20) : c;
  }
  return out;
}

std::vector<Topic> named(std::string_view name) {
  std::vector<Topic> found;
  const std::string wanted = squeezed(name);
  for (const Topic& topic : topics()) {
    if (squeezed(topic.name) == wanted) found.push_back(topic);
  }
  return found;
}

// What diagnose makes of a pasted line, with what the line itself names.
std::vector<Topic> of_error_line(const std::string& text) {
  for (const Diagnosis& diagnosis : diagnose(text)) {
    if (!is_understood(diagnosis)) continue;
    std::vector<Topic> found = named(diagnosis.finding.rule);
    std::erase_if(found, [](const Topic& topic) { return topic.of != std::vector<std::string>{"diagnose"}; });
    if (found.empty()) continue;
    found.front().title = diagnosis.finding.what;
    found.front().text = diagnosis.cause;
    found.front().repair = diagnosis.finding.fix;
    return {found.front()};
  }
  return {};
}

std::vector<SearchField> fields_of(const Topic& topic) {
  return {{topic.name, 1}, {topic.words, 0.95}, {topic.title, 0.9}, {topic.printed, 0.8}, {topic.text, 0.6}, {topic.why, 0.5}, {topic.repair, 0.4}, {topic.believed, 0.4}};
}

const TopicSearch& search() {
  static const TopicSearch index = [] {
    std::vector<std::vector<SearchField>> documents;
    for (const Topic& topic : topics()) documents.push_back(fields_of(topic));
    return TopicSearch(documents, same_words());
  }();
  return index;
}

Answer by_words(const std::string& question) {
  Answer answer;
  const std::vector<SearchHit> hits = search().find(question);
  const bool fits = !hits.empty() && hits.front().score >= enough;
  if (fits) answer.topics = {topics()[hits.front().document]};
  for (const SearchHit& hit : hits) {
    const std::string& name = topics()[hit.document].name;
    if (answer.nearest.size() >= most_nearest || (fits && hit.score < as_good * hits.front().score)) break;
    const bool shown = fits && name == answer.topics.front().name;
    if (!shown && std::ranges::find(answer.nearest, name) == answer.nearest.end()) answer.nearest.push_back(name);
  }
  return answer;
}

// Where no word is known: names that look alike.
std::vector<std::string> alike(const std::string& question) {
  const std::string begin = question.substr(0, 40);
  std::vector<std::pair<std::size_t, std::string>> all;
  for (const Topic& topic : topics()) all.emplace_back(edit_distance(topic.name, begin), topic.name);
  std::ranges::stable_sort(all, {}, &std::pair<std::size_t, std::string>::first);
  std::vector<std::string> names;
  for (const auto& [distance, name] : all) {
    if (names.size() < most_nearest && std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return names;
}

Answer answer_to(const std::string& question) {
  if (auto found = named(question); !found.empty()) return {found, {}};
  if (auto found = of_error_line(question); !found.empty()) return {found, {}};
  // Names are read with what stands around them: of a whole sentence the words come first.
  const bool name_alone = words(question).size() < 3 || by_words(question).topics.empty();
  if (auto found = name_alone ? hardware_topic(std::string(trim(question))) : std::nullopt) return {{*found}, {}};
  Answer answer = by_words(question);
  if (answer.topics.empty()) {
    if (auto found = hardware_named_in(question)) answer.topics = {*found};
  }
  if (answer.topics.empty()) {
    for (const std::string& name : alike(question)) {
      if (answer.nearest.size() < most_nearest && std::ranges::find(answer.nearest, name) == answer.nearest.end()) answer.nearest.push_back(name);
    }
  }
  return answer;
}

// Lines of at most `width` columns, the second and later ones indented; line ends of the text stay.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t column = indent;
  bool first = true;
  for (const std::string_view line : split(text, '\n')) {
    if (!first) out += '\n' + std::string(column = indent, ' ');
    first = false;
    bool start = true;
    for (const std::string_view word : words(line)) {
      const std::size_t taken = display_width(word);
      if (!start && column + 1 + taken > width) {
        out += '\n' + std::string(indent, ' ');
        column = indent;
        start = true;
      }
      if (!start) out += ' ', ++column;
      out += word;
      column += taken;
      start = false;
    }
  }
  return out;
}

std::string heading(const Topic& topic) {
  if (topic.kind == Topic::Kind::question || topic.kind == Topic::Kind::hardware) return topic.title;
  std::string text = fmt::format("{}: {} {}", topic.name, topic.kind == Topic::Kind::word ? "a word of" : "a finding of", fmt::join(topic.of, ", "));
  if (!topic.severity.empty()) text += fmt::format(" ({})", topic.severity);
  return text;
}

void print_part(std::string_view label, std::string_view text, Terminal& terminal) {
  constexpr std::size_t width = 110, indent = 8;
  if (text.empty()) return;
  std::string line = fmt::format("{:<{}}", label, indent);
  line += wrapped(text, indent, width) + "\n";
  terminal.out(line);
}

void print(const Topic& topic, Terminal& terminal) {
  constexpr std::size_t width = 110;
  terminal.print("{}\n\n", terminal.styled(Style::bold, heading(topic)));
  const bool finding = topic.kind == Topic::Kind::rule && !topic.title.empty();
  if (finding) terminal.out(wrapped(topic.title, 0, width) + "\n");
  terminal.out(topic.kind == Topic::Kind::question ? topic.text : wrapped(topic.text, 0, width));
  terminal.out("\n\n");
  print_part("why:", topic.why, terminal);
  print_part("repair:", topic.repair, terminal);
  if (!topic.believed.empty()) terminal.print("once written down, and wrong: {}\n", topic.believed);
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
  json.begin_object().key("explanations").begin_array();
  for (const Topic& topic : answer.topics) write(json, topic);
  json.end_array().member("nearest", answer.nearest).end_object();
  terminal.out(json.take());
}

std::string title_of(const std::string& name) {
  const Topic topic = named(name).front();
  return topic.title.empty() ? topic.text.substr(0, topic.text.find(". ")) : topic.title;
}

void print_nearest(const std::vector<std::string>& names, Terminal& terminal) {
  std::size_t widest = 0;
  for (const std::string& name : names) widest = std::max(widest, name.size());
  for (const std::string& name : names) terminal.print("  {} {}\n", terminal.styled(Style::bold, fmt::format("{:{}}", name, widest)), title_of(name));
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
  std::vector<std::string> commands;
  for (const Topic& topic : topics()) {
    if (topic.of.empty()) terminal.print("{} {}\n", terminal.styled(Style::bold, fmt::format("{:19}", topic.name)), topic.title);
    else if (std::ranges::find(commands, topic.of.front()) == commands.end()) commands.push_back(topic.of.front());
  }
  for (const std::string& command : commands) {
    std::string names;
    for (const Topic& topic : topics()) {
      if (!topic.of.empty() && topic.of.front() == command) names += (names.empty() ? "" : " ") + topic.name;
    }
    terminal.out("\n" + terminal.styled(Style::bold, command + ":") + " " + wrapped(names, 2, 110) + "\n");
  }
}

Answer everything() {
  return {topics(), {}};
}

int run(const Options& options, Terminal& terminal) {
  const std::string question = fmt::format("{}", fmt::join(options.question, " "));
  if (question.size() > longest_question) {
    throw Error({.what = fmt::format("the question is longer than {} kB", longest_question >> 10), .where = {},
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
  const Answer answer = answer_to(question);
  if (options.format == "json") {
    print_json(answer, terminal);
  } else if (!answer.topics.empty()) {
    print_answer(answer, terminal);
  } else {
    constexpr std::size_t shown = 60;
    terminal.print("nothing here is about \"{}\"; the nearest are:\n", printable(question).substr(0, shown));
    print_nearest(answer.nearest, terminal);
  }
  return answer.topics.empty() ? 1 : 0;
}

}  // namespace

std::unique_ptr<BoundCommand> command_explain() { return bind_command(declare, run); }

}  // namespace lathe

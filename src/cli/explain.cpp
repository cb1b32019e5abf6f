// SPDX-License-Identifier: MIT
// `torchlathe explain [NAME]`: questions that recipe keepers got wrong, answered with their sources. The texts are
// explanations.toml.
#include <fmt/format.h>

#include "base/embedded.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "base/toml.h"
#include "cli/commands.h"

namespace lathe {

namespace shipped {
std::span<const EmbeddedFile> explanations();
}

namespace {

struct Options {
  std::string name;
  std::string format = "text";
};

void declare(OptionSet& set, Options& options) {
  set.positional("name", options.name, "the word of a question; without it all questions are listed", ValueKind::text, false);
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

struct Explanation {
  std::string name, question, believed, answer, source;
  std::vector<std::string> see;
};

std::vector<Explanation> explanations() {
  std::vector<Explanation> all;
  const Toml root = Toml::parse(shipped::explanations().front().text, "explanations.toml");
  for (const Toml& row : root.at("explanation").array()) {
    row.allow_only({"name", "question", "believed", "answer", "source", "see"});
    all.push_back({.name = row.at("name").text(), .question = row.at("question").text(), .believed = row.at("believed").text(),
                   .answer = row.at("answer").text(), .source = row.at("source").text(), .see = row.at("see").texts()});
  }
  return all;
}

const Explanation& find(const std::vector<Explanation>& all, const std::string& name) {
  std::vector<std::string> names;
  for (const Explanation& each : all) {
    if (each.name == name) return each;
    names.push_back(each.name);
  }
  throw Error({.what = fmt::format("no question is called \"{}\"", printable(name)), .where = {},
               .next = did_you_mean_text(name, names, "torchlathe explain lists them")});
}

void print(const Explanation& each, Terminal& terminal) {
  terminal.out(terminal.styled(Style::bold, each.question) + fmt::format("\n\n{}\n\n", trim(each.answer)));
  terminal.print("once written down, and wrong: {}\nsource: {}\n", each.believed, each.source);
  for (const std::string& command : each.see) terminal.print("see: {}\n", command);
}

void write(JsonWriter& json, const Explanation& each) {
  json.begin_object().member("name", each.name).member("question", each.question).member("believed", each.believed);
  json.member("answer", trim(each.answer)).member("source", each.source).member("see", each.see).end_object();
}

void print_json(const std::vector<Explanation>& all, Terminal& terminal) {
  JsonWriter json;
  json.begin_object().key("explanations").begin_array();
  for (const Explanation& each : all) write(json, each);
  json.end_array().end_object();
  terminal.out(json.take());
}

int run(const Options& options, Terminal& terminal) {
  std::vector<Explanation> all = explanations();
  if (!options.name.empty()) all = {find(all, options.name)};
  if (options.format == "json") {
    print_json(all, terminal);
  } else if (!options.name.empty()) {
    print(all.front(), terminal);
  } else {
    for (const Explanation& each : all) terminal.print("{} {}\n", terminal.styled(Style::bold, fmt::format("{:19}", each.name)), each.question);
  }
  return 0;
}

}  // namespace

std::unique_ptr<BoundCommand> command_explain() { return bind_command(declare, run); }

}  // namespace lathe

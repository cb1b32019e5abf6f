// SPDX-License-Identifier: MIT
#include "cli/explain/topics.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "audit/rules/rule.h"
#include "base/embedded.h"
#include "base/text.h"
#include "base/toml.h"
#include "diagnose/diagnose.h"

namespace lathe {

namespace shipped {
// explanations.toml, rule_texts.toml, question_words.toml, variables.toml
std::span<const EmbeddedFile> explanations();
}  // namespace shipped

namespace {

Toml shipped_toml(std::string_view name) {
  for (const EmbeddedFile& file : shipped::explanations()) {
    if (file.name == name) return Toml::parse(file.text, std::string(name));
  }
  return Toml::parse("", std::string(name));
}

void add_questions(std::vector<Topic>& all) {
  const Toml root = shipped_toml("explanations.toml");
  for (const Toml& row : root.at("explanation").array()) {
    row.allow_only({"name", "question", "believed", "answer", "source", "see"});
    all.push_back({.name = row.at("name").text(),
                   .title = row.at("question").text(),
                   .text = std::string(trim(row.at("answer").text())),
                   .believed = row.at("believed").text(),
                   .source = row.at("source").text(),
                   .see = row.at("see").texts()});
  }
}

// "torchlathe verify": what to read more of.
std::string help_of(const std::string& command) { return "torchlathe help " + command; }

void add_written(std::vector<Topic>& all, std::string_view table, Topic::Kind kind) {
  const Toml root = shipped_toml("rule_texts.toml");
  for (const Toml& row : root.at(table).array()) {
    row.allow_only({"name", "also", "of", "means", "why", "repair", "words"});
    Topic topic{.kind = kind,
                .name = row.at("name").text(),
                .of = row.at("of").texts(),
                .text = row.at("means").text(),
                .why = row.at("why").text(),
                .repair = row.at("repair").text(),
                .words = row.at("words").text()};
    if (const Toml* also = row.find("also")) topic.also = also->texts();
    topic.see.push_back(help_of(topic.of.front()));
    all.push_back(std::move(topic));
  }
}

void add_audit(std::vector<Topic>& all) {
  for (const Rule& rule : rules()) {
    all.push_back({.kind = Topic::Kind::rule,
                   .name = std::string(rule.name),
                   .of = {"audit"},
                   .severity = std::string(to_string(rule.severity)),
                   .text = std::string(rule.explanation),
                   .repair = std::string(rule.repair),
                   .see = {help_of("audit")}});
  }
}

void add_diagnose(std::vector<Topic>& all) {
  for (const KnownFailure& failure : known_failures()) {
    all.push_back({.kind = Topic::Kind::rule,
                   .name = failure.name,
                   .of = {"diagnose"},
                   .severity = std::string(to_string(failure.severity)),
                   .title = failure.what,
                   .text = failure.cause,
                   .repair = failure.fix,
                   .source = failure.source,
                   .see = {help_of("diagnose")},
                   .printed = failure.literals});
  }
}

void add_words(std::vector<Topic>& all) {
  const Toml root = shipped_toml("question_words.toml");
  for (const Toml& row : root.at("topic").array()) {
    row.allow_only({"name", "words", "also"});
    bool known = false;
    for (Topic& topic : all) {
      if (topic.name != row.at("name").text()) continue;
      topic.words += ' ' + row.at("words").text();
      if (const Toml* also = row.find("also")) topic.also = also->texts();
      known = true;
    }
    if (!known) row.fail(fmt::format("there is no topic \"{}\"", row.at("name").text()));
  }
}

void add_variables(std::vector<Topic>& all) {
  const Toml root = shipped_toml("variables.toml");
  for (const Toml& row : root.at("variable").array()) {
    row.allow_only({"names", "read_by", "means", "repair", "source", "see", "words"});
    std::vector<std::string> names = row.at("names").texts();
    if (names.empty()) row.fail("a variable has a name");
    Topic topic{.kind = Topic::Kind::variable,
                .name = names.front(),
                .also = {names.begin() + 1, names.end()},
                .of = row.at("read_by").texts(),
                .text = row.at("means").text(),
                .repair = row.at("repair").text(),
                .source = row.at("source").text(),
                .see = row.at("see").texts(),
                .words = row.text_or("words", "")};
    all.push_back(std::move(topic));
  }
}

void add_other_rules(std::vector<Topic>& all) { add_written(all, "rule", Topic::Kind::rule); }

// The families of rules: a family's texts lie beside its rules, where it has a table of them. A new one is a
// row here; tests/explain_rules.py holds all of them against the sources.
using AddFamily = void (*)(std::vector<Topic>&);
constexpr AddFamily families[] = {
    add_audit,        // the rows of src/audit/rules/
    add_other_rules,  // src/cli/rule_texts.toml
    add_diagnose,     // src/diagnose/rules.toml
};

std::vector<Topic> read_topics() {
  std::vector<Topic> all;
  add_questions(all);
  for (const AddFamily add : families) add(all);
  add_written(all, "word", Topic::Kind::word);
  add_variables(all);
  add_words(all);
  return all;
}

}  // namespace

std::string_view to_string(Topic::Kind kind) {
  switch (kind) {
    case Topic::Kind::question: return "question";
    case Topic::Kind::rule: return "rule";
    case Topic::Kind::word: return "word";
    case Topic::Kind::variable: return "variable";
    case Topic::Kind::hardware: return "hardware";
  }
  return "question";
}

const std::vector<Topic>& topics() {
  static const std::vector<Topic> all = read_topics();
  return all;
}

const std::vector<std::vector<std::string>>& same_words() {
  static const std::vector<std::vector<std::string>> all = [] {
    std::vector<std::vector<std::string>> groups;
    const Toml root = shipped_toml("question_words.toml");
    for (const Toml& row : root.at("same").array()) {
      row.allow_only({"words"});
      groups.push_back(row.at("words").texts());
    }
    return groups;
  }();
  return all;
}

const std::vector<std::string>& hardware_fillers() {
  static const std::vector<std::string> all = shipped_toml("question_words.toml").at("hardware").texts();
  return all;
}

}  // namespace lathe

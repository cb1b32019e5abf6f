// SPDX-License-Identifier: MIT
#include "cli/answer.h"

#include <algorithm>

#include "base/edit_distance.h"
#include "base/text.h"
#include "cli/hardware_question.h"
#include "cli/hardware_topic.h"
#include "cli/topic_search.h"
#include "diagnose/diagnose.h"
#include "hardware/catalog.h"

namespace lathe {
namespace {

constexpr double enough = 0.5;   // of a question's weight that a topic must have to be its answer
constexpr double as_good = 0.8;  // of the best one's score: shown beside it
constexpr std::size_t most_nearest = 3;

// "No-Kernel Image" -> "nokernelimage"
std::string squeezed(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += upper ? static_cast<char>(c | 0x20) : c;
  }
  return out;
}

// "USE_CUDA=0", "export MAX_JOBS=4" -> "USE_CUDA", "MAX_JOBS"; else all of it.
std::string_view variable_in(std::string_view text) {
  std::string_view name = trim(text);
  if (name.starts_with("export ")) name.remove_prefix(7);
  if (name.starts_with('$')) name.remove_prefix(1);
  const std::size_t end = name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
  return end != std::string_view::npos && end > 0 && name[end] == '=' ? name.substr(0, end) : name;
}

// What diagnose makes of a pasted line, with what the line itself names.
std::vector<Topic> of_error_line(const std::string& text) {
  for (const Diagnosis& diagnosis : diagnose(text)) {
    if (!is_understood(diagnosis)) continue;
    std::vector<Topic> found = topics_named(diagnosis.finding.rule);
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
  // A variable is asked for by its name; what it is about has topics of its own, which come first.
  const bool variable = topic.kind == Topic::Kind::variable;
  std::vector<SearchField> fields = {{topic.name, variable ? 0.7 : 1}, {topic.words, variable ? 0.7 : 0.95}, {topic.title, 0.9}, {topic.printed, 0.8}, {topic.text, 0.6},
                                     {topic.why, 0.5}, {topic.repair, 0.4}, {topic.believed, 0.4}};
  for (const std::string& name : topic.also) fields.push_back({name, 0.55});
  return fields;
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

// "auto-adjusting MAX_JOBS": a word that is a topic's name, and in a shape that none is by chance.
std::vector<Topic> named_in(const std::string& question) {
  for (const std::string_view word : words(question)) {
    if (word.find_first_of("_-") == std::string_view::npos) continue;
    if (auto found = topics_named(word); !found.empty()) return found;
  }
  return {};
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

// What stands beside it: topics whose words the question has too.
Answer with_others(Topic topic, const std::string& question) {
  Answer answer{{std::move(topic)}, {}};
  const Answer others = by_words(question);
  for (const Topic& other : others.topics) answer.nearest.push_back(other.name);
  return answer;
}

// Names are read with what stands around them: of a whole sentence the words come first.
std::optional<Topic> name_alone(const std::string& question) {
  const std::string name(trim(question));
  if (words(question).size() >= 3 && !by_words(question).topics.empty()) return std::nullopt;
  if (auto found = hardware_topic(name)) return found;
  return vague_topic(name);
}

}  // namespace

std::vector<Topic> topics_named(std::string_view name) {
  std::vector<Topic> found;
  const std::string wanted = squeezed(variable_in(name));
  if (wanted.empty()) return found;
  for (const Topic& topic : topics()) {
    const auto is_wanted = [&](const std::string& each) { return squeezed(each) == wanted; };
    if (is_wanted(topic.name) || std::ranges::any_of(topic.also, is_wanted)) found.push_back(topic);
  }
  return found;
}

Answer answer_to(const std::string& question) {
  if (auto found = topics_named(question); !found.empty()) return {found, {}};
  if (auto found = of_error_line(question); !found.empty()) return {found, {}};
  if (catalog().find_gpu(trim(question))) return {{*hardware_topic(std::string(trim(question)))}, {}};
  if (auto found = hardware_question(question)) return with_others(std::move(*found), question);
  if (auto found = name_alone(question)) return {{std::move(*found)}, {}};
  Answer answer = by_words(question);
  if (answer.topics.empty()) answer.topics = named_in(question);
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

}  // namespace lathe

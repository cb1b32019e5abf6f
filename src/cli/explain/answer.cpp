// SPDX-License-Identifier: MIT
#include "cli/explain/answer.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/edit_distance.h"
#include "base/text.h"
#include "cli/explain/hardware_question.h"
#include "cli/explain/hardware_topic.h"
#include "cli/explain/topic_search.h"
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
    const char low = lower_case(c);
    if ((low >= 'a' && low <= 'z') || (low >= '0' && low <= '9')) out += low;
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
    found.front().text = diagnosis.finding.cause;
    found.front().repair = diagnosis.finding.fix;
    return {found.front()};
  }
  return {};
}

std::vector<SearchField> fields_of(const Topic& topic) {
  // A variable is asked for by its name; what it is about has topics of its own, which come first.
  const bool variable = topic.kind == Topic::Kind::variable;
  std::vector<SearchField> fields = {{topic.name, variable ? 0.7 : 1},
                                     {topic.words, variable ? 0.7 : 0.95},
                                     {topic.title, 0.9},
                                     {topic.printed, 0.8},
                                     {topic.text, 0.6},
                                     {topic.why, 0.5},
                                     {topic.repair, 0.4},
                                     {topic.believed, 0.4}};
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

// A failed build, or a question, is asked for more often than a finding of an audit: of two as good it comes
// first.
std::vector<SearchHit> ranked_hits(const std::string& question) {
  constexpr double often = 0.02;
  std::vector<SearchHit> hits = search().find(question);
  for (SearchHit& hit : hits) {
    const Topic& topic = topics()[hit.document];
    const bool failure = topic.kind == Topic::Kind::rule && topic.of == std::vector<std::string>{"diagnose"};
    if (failure || topic.kind == Topic::Kind::question || topic.kind == Topic::Kind::word) hit.score += often;
  }
  std::ranges::stable_sort(hits, std::ranges::greater(), &SearchHit::score);
  return hits;
}

Answer by_words(const std::string& question) {
  Answer answer;
  const std::vector<SearchHit> hits = ranked_hits(question);
  const bool fits = !hits.empty() && hits.front().score >= enough;
  if (fits) answer.topics = {topics()[hits.front().document]};
  for (const SearchHit& hit : hits) {
    const std::string& name = topics()[hit.document].name;
    if (answer.nearest.size() >= most_nearest || (fits && hit.score < as_good * hits.front().score)) break;
    const bool shown = fits && name == answer.topics.front().name;
    if (!shown && std::ranges::find(answer.nearest, name) == answer.nearest.end())
      answer.nearest.push_back(name);
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

// Where too few words are known: names that look alike fill up the nearest.
void add_alike(const std::string& question, std::vector<std::string>& nearest) {
  const std::string begin = question.substr(0, 40);
  std::vector<std::pair<std::size_t, std::string>> best;
  for (const Topic& topic : topics()) {
    const std::size_t most =
        best.size() < most_nearest ? begin.size() + topic.name.size() : best.back().first;
    const auto distance = edit_distance_within(topic.name, begin, most);
    const auto is_topic = [&](const auto& each) { return each.second == topic.name; };
    if (!distance || std::ranges::any_of(best, is_topic) ||
        std::ranges::find(nearest, topic.name) != nearest.end())
      continue;
    best.emplace_back(*distance, topic.name);
    std::ranges::stable_sort(best, {}, &std::pair<std::size_t, std::string>::first);
    if (best.size() > most_nearest) best.pop_back();
  }
  for (const auto& [distance, name] : best) {
    if (nearest.size() < most_nearest) nearest.push_back(name);
  }
}

// "ptx-mising": a name with a slip of the fingers in it, where one topic alone has a name so like it.
std::vector<Topic> almost_named(const std::string& question) {
  constexpr std::size_t shortest = 7, longest = 40;
  const std::string wanted = squeezed(question);
  if (question.find_first_of("-_") == std::string::npos || wanted.size() < shortest ||
      wanted.size() > longest)
    return {};
  const std::size_t slips = wanted.size() < 10 ? 1 : 2;
  std::set<std::string> alike;
  for (const Topic& topic : topics()) {
    if (edit_distance_within(squeezed(topic.name), wanted, slips)) alike.insert(topic.name);
  }
  return alike.size() == 1 ? topics_named(*alike.begin()) : std::vector<Topic>{};
}

// "what is an isa", "what does unguarded mean": a name, and words that stand in every sentence.
std::vector<Topic> asked_name(const std::string& question) {
  constexpr std::size_t most_words = 6;
  std::string name;
  const std::vector<std::string_view> all = words(question);
  if (all.size() > most_words) return {};
  for (const std::string_view word : all) {
    if (!is_common_word(word)) name.append(name.empty() ? "" : " ").append(word);
  }
  return topics_named(name);
}

// What stands beside it: topics whose words the question has too.
Answer with_others(Topic topic, const Answer& others) {
  Answer answer{{std::move(topic)}, {}};
  for (const Topic& other : others.topics) answer.nearest.push_back(other.name);
  return answer;
}

// Names are read with what stands around them: of a whole sentence the words come first.
std::optional<Topic> name_alone(const std::string& question, const Answer& by_its_words) {
  constexpr std::size_t most_words = 16;
  const std::string name(trim(question));
  const std::size_t count = words(question).size();
  if (count > most_words) return std::nullopt;
  if (count >= 3 && !by_its_words.topics.empty()) return std::nullopt;
  if (auto found = hardware_topic(name)) return found;
  return vague_topic(name);
}

}  // namespace

std::vector<Topic> topics_named(std::string_view name) {
  static const std::map<std::string, std::vector<const Topic*>, std::less<>> by_name = [] {
    std::map<std::string, std::vector<const Topic*>, std::less<>> all;
    for (const Topic& topic : topics()) {
      std::set<std::string> names = {squeezed(topic.name)};
      for (const std::string& other : topic.also) names.insert(squeezed(other));
      for (const std::string& each : names) all[each].push_back(&topic);
    }
    return all;
  }();
  const auto found = by_name.find(squeezed(variable_in(name)));
  std::vector<Topic> named;
  if (found == by_name.end()) return named;
  for (const Topic* topic : found->second) named.push_back(*topic);
  return named;
}

Answer answer_to(const std::string& question) {
  if (auto found = topics_named(question); !found.empty()) return {found, {}};
  if (auto found = asked_name(question); !found.empty()) return {found, {}};
  if (auto found = almost_named(question); !found.empty()) return {found, {}};
  if (auto found = of_error_line(question); !found.empty()) return {found, {}};
  if (catalog().find_gpu(trim(question))) return {{*hardware_topic(std::string(trim(question)))}, {}};
  HardwareAnswers hardware = hardware_question(question);
  Answer answer = by_words(question);
  if (hardware.whole) return with_others(std::move(*hardware.whole), answer);
  if (auto found = name_alone(question, answer)) return {{std::move(*found)}, {}};
  if (answer.topics.empty()) answer.topics = named_in(question);
  if (answer.topics.empty()) {
    if (hardware.named) answer.topics = {*hardware.named};
  }
  if (answer.topics.empty()) add_alike(question, answer.nearest);
  return answer;
}

}  // namespace lathe

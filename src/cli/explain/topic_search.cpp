// SPDX-License-Identifier: MIT
#include "cli/explain/topic_search.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <set>
#include <utility>

#include "base/text.h"
#include "base/edit_distance.h"

namespace lathe {
namespace {

constexpr std::size_t most_bytes = 2000, most_words = 40, longest_word = 40;  // of a question that count

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

void undouble(std::string& word) {
  const std::size_t n = word.size();
  if (n > 3 && word[n - 1] == word[n - 2] && word[n - 1] != 'l' && word[n - 1] != 's') word.pop_back();
}

// Enough of a stemmer: plurals, -ing, -ed, a silent e. What it makes of a word need not be one.
std::string stem(std::string word) {
  const auto ends = [&](std::string_view end, std::size_t left) {
    return word.ends_with(end) && word.size() >= end.size() + left;
  };
  const auto cut = [&](std::size_t count) { word.resize(word.size() - count); };
  if (ends("ies", 2)) cut(3), word += 'y';
  else if (ends("sses", 2) || ends("shes", 2) || ends("ches", 2) || ends("xes", 2)) cut(2);
  else if (ends("s", 3) && !word.ends_with("ss") && !word.ends_with("us") && !word.ends_with("is")) cut(1);
  if (ends("ing", 3)) cut(3), undouble(word);
  else if (ends("ed", 3)) cut(2), undouble(word);
  if (ends("e", 4)) cut(1);
  return word;
}

// Of a stem.
bool is_common(std::string_view word) {
  static const std::set<std::string, std::less<>> common = [] {
    std::set<std::string, std::less<>> stems;
    for (const char* each :
         {"a",      "an",    "the",     "is",         "are",     "was",    "be",      "been",  "am",
          "do",     "does",  "did",     "how",        "what",    "why",    "which",   "when",  "where",
          "who",    "can",   "could",   "should",     "would",   "will",   "i",       "my",    "me",
          "we",     "our",   "you",     "your",       "it",      "its",    "to",      "of",    "in",
          "on",     "for",   "with",    "and",        "or",      "by",     "from",    "at",    "as",
          "this",   "that",  "there",   "has",        "have",    "had",    "get",     "gets",  "if",
          "so",     "mean",  "means",   "about",      "into",    "then",   "than",    "too",   "s",
          "t",      "any",   "some",    "please",     "help",    "error",  "problem", "issue", "fail",
          "failed", "fails", "failure", "torchlathe", "explain", "say",    "says",    "said",  "use",
          "uses",   "using", "used",    "much",       "many",    "giving", "give",    "still", "during",
          "while",  "after", "before",  "need",       "needs",   "make",   "makes",   "own",   "now"})
      stems.insert(stem(each));
    return stems;
  }();
  return common.contains(word);
}

// One word as it is typed, "gpuTargets", "sm_90", "libcudart.so.13", "12.0+PTX", in its pieces: at every
// sign, and where a capital follows a small letter. A dot between digits belongs to the number.
std::vector<std::string> pieces_of(std::string_view typed) {
  std::vector<std::string> pieces(1);
  for (std::size_t i = 0; i < typed.size(); ++i) {
    const char c = typed[i];
    const bool number_dot =
        c == '.' && i > 0 && i + 1 < typed.size() && is_digit(typed[i - 1]) && is_digit(typed[i + 1]);
    const bool hump = is_upper(c) && i > 0 && typed[i - 1] >= 'a' && typed[i - 1] <= 'z';
    if ((!is_letter(c) && !is_digit(c) && !number_dot) || hump) {
      if (!pieces.back().empty()) pieces.emplace_back();
    }
    if (is_letter(c) || is_digit(c) || number_dot) pieces.back() += lower_case(c);
  }
  if (pieces.back().empty()) pieces.pop_back();
  return pieces;
}

std::vector<std::string> typed_words(std::string_view text) {
  std::vector<std::string> typed(1);
  for (const char c : text) {
    const bool blank =
        c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '/' || c == ',' || c == '(' || c == ')';
    if (blank && !typed.back().empty()) typed.emplace_back();
    if (!blank && typed.back().size() < longest_word) typed.back() += c;
  }
  return typed;
}

// The pieces of each typed word, and what they make written together.
struct Typed {
  std::vector<std::string> pieces;  // stems
  std::string joined;               // "" for one piece
};

std::vector<Typed> typed_of(std::string_view text) {
  std::vector<Typed> all;
  for (const std::string& word : typed_words(text)) {
    Typed typed;
    for (std::string& piece : pieces_of(word)) {
      typed.joined += piece;
      typed.pieces.push_back(stem(std::move(piece)));
    }
    if (typed.pieces.size() < 2) typed.joined.clear();
    if (!typed.pieces.empty()) all.push_back(std::move(typed));
  }
  return all;
}

std::vector<std::string> phrase_of(std::string_view text) {
  std::vector<std::string> words;
  for (const Typed& typed : typed_of(text))
    words.insert(words.end(), typed.pieces.begin(), typed.pieces.end());
  return words;
}

bool has_digit(std::string_view word) { return std::ranges::any_of(word, is_digit); }

// A bit for each letter that it has, one for all else; a slip changes two at most.
std::uint32_t letters_of(std::string_view word) {
  std::uint32_t letters = 0;
  for (const char c : word) letters |= std::uint32_t{1} << (c >= 'a' && c <= 'z' ? c - 'a' : 26);
  return letters;
}

}  // namespace

bool is_common_word(std::string_view word) {
  const std::vector<std::string> pieces = pieces_of(word);
  return std::ranges::all_of(pieces, [](const std::string& piece) { return is_common(stem(piece)); });
}

std::vector<std::string> search_words(std::string_view text) {
  std::vector<std::string> words;
  for (const Typed& typed : typed_of(text)) {
    for (const std::string& piece : typed.pieces) {
      if (!is_common(piece)) words.push_back(piece);
    }
    if (!typed.joined.empty()) words.push_back(stem(typed.joined));
  }
  return words;
}

TopicSearch::TopicSearch(const std::vector<std::vector<SearchField>>& documents,
                         const std::vector<std::vector<std::string>>& same) {
  for (const std::vector<SearchField>& fields : documents) add(fields);
  for (const auto& [word, places] : places_) known_.push_back({word, letters_of(word)});
  for (const std::vector<std::string>& group : same) {
    auto& phrases = same_.emplace_back();
    for (const std::string& text : group) phrases.push_back(phrase_of(text));
  }
}

void TopicSearch::add(const std::vector<SearchField>& fields) {
  const std::size_t document = names_.size();
  for (const SearchField& field : fields) {
    for (const std::string& word : search_words(field.text)) {
      std::vector<Place>& places = places_[word];
      if (places.empty() || places.back().document != document) places.push_back({document, 0});
      places.back().weight = std::max(places.back().weight, field.weight);
    }
  }
  names_.push_back(phrase_of(fields.front().text));
  std::erase_if(names_.back(), [](const std::string& word) { return is_common(word); });
}

double TopicSearch::weight_of(const Form& form) const {
  double weight = 0;
  for (const std::string& word : form.words) {
    const auto found = places_.find(word);
    const double with = found == places_.end() ? 0.5 : static_cast<double>(found->second.size());
    weight = std::max(weight, std::log(1 + static_cast<double>(names_.size()) / with));
  }
  return weight;
}

// Words of the texts that a typing slip, or a word cut short, may stand for.
void TopicSearch::add_likely(const std::string& word, std::vector<Form>& forms) const {
  constexpr std::size_t shortest = 4;
  if (word.size() < shortest || has_digit(word)) return;
  const std::size_t slips = word.size() < 8 ? 1 : 2;
  const double likeness = word.size() < 6 ? 0.5 : 0.8;  // one letter of five makes another word: bread, read
  const std::uint32_t letters = letters_of(word);
  for (const auto& [known, known_letters] : known_) {
    if (known.size() > word.size() && known.starts_with(word)) {
      forms.push_back({{known}, 0.75});
    } else if (known.size() >= shortest &&
               std::popcount(letters ^ known_letters) <= static_cast<int>(2 * slips) &&
               edit_distance_within(known, word, slips)) {
      forms.push_back({{known}, likeness});
    }
  }
}

TopicSearch::Part TopicSearch::part_of(const std::vector<std::string>& words) const {
  Part part;
  part.forms.push_back({words, 1});
  for (const auto& group : same_) {
    if (std::ranges::find(group, words) == group.end()) continue;
    for (const auto& phrase : group) {
      if (phrase != words) part.forms.push_back({phrase, 0.85});
    }
  }
  const bool known =
      std::ranges::all_of(words, [&](const std::string& word) { return places_.contains(word); });
  part.weight = weight_of(part.forms.front());
  if (!known && words.size() == 1) {
    const std::size_t before = part.forms.size();
    add_likely(words.front(), part.forms);
    constexpr double unknown = 0.4;  // a word that no text has says little against those that have the others
    part.weight = part.forms.size() > before ? weight_of(part.forms[before]) : unknown * part.weight;
  }
  return part;
}

std::vector<TopicSearch::Part> TopicSearch::parts_of(std::string_view question) const {
  std::vector<std::string> words;
  std::vector<Part> parts;
  for (const Typed& typed : typed_of(question.substr(0, most_bytes))) {
    const std::string joined = typed.joined.empty() ? "" : stem(typed.joined);
    if (!joined.empty() && places_.contains(joined)) {
      parts.push_back(part_of({joined}));
      Form apart{{}, 0.9};
      for (const std::string& piece : typed.pieces) {
        if (!is_common(piece)) apart.words.push_back(piece);
      }
      parts.back().forms.push_back(std::move(apart));
    } else {
      words.insert(words.end(), typed.pieces.begin(), typed.pieces.end());
    }
  }
  for (std::size_t at = 0; at < words.size() && parts.size() < most_words;) {
    std::size_t length = 0;  // of the longest phrase that starts here
    for (const auto& group : same_) {
      for (const auto& phrase : group) {
        const bool here =
            at + phrase.size() <= words.size() &&
            std::equal(phrase.begin(), phrase.end(), words.begin() + static_cast<std::ptrdiff_t>(at));
        if (here) length = std::max(length, phrase.size());
      }
    }
    const std::size_t taken = std::max<std::size_t>(length, 1);
    const auto begin = words.begin() + static_cast<std::ptrdiff_t>(at);
    std::vector<std::string> phrase(begin, begin + static_cast<std::ptrdiff_t>(taken));
    at += taken;
    if (phrase.size() == 1 && is_common(phrase.front())) continue;
    parts.push_back(part_of(phrase));
  }
  return parts;
}

// Raises what each document has of a part: where all words of the form stand, the least of their weights.
void TopicSearch::add_matches(const Form& form, std::vector<double>& best) const {
  std::map<std::size_t, double> matches;
  bool first = true;
  for (const std::string& word : form.words) {
    if (is_common(word)) continue;
    const auto found = places_.find(word);
    if (found == places_.end()) return;
    std::map<std::size_t, double> both;
    for (const Place& place : found->second) {
      const auto before = matches.find(place.document);
      if (first) both.emplace(place.document, place.weight);
      else if (before != matches.end()) both.emplace(place.document, std::min(before->second, place.weight));
    }
    matches = std::move(both);
    first = false;
  }
  for (const auto& [document, weight] : matches)
    best[document] = std::max(best[document], weight * form.likeness);
}

std::vector<SearchHit> TopicSearch::find(std::string_view question) const {
  const std::vector<Part> parts = parts_of(question);
  double all = 0;
  for (const Part& part : parts) all += part.weight;
  std::vector<SearchHit> hits;
  std::vector<double> scores(names_.size()), best;
  std::set<std::string_view> said;
  for (const Part& part : parts) {
    best.assign(names_.size(), 0);
    for (const Form& form : part.forms) {
      said.insert(form.words.begin(), form.words.end());
      add_matches(form, best);
    }
    for (std::size_t document = 0; document < best.size(); ++document)
      scores[document] += part.weight * best[document];
  }
  for (std::size_t document = 0; document < scores.size(); ++document) {
    if (scores[document] == 0) continue;
    double score = scores[document] / all;
    // Of two that have the words, the one whose name is made of them.
    const std::vector<std::string>& name = names_[document];
    const auto named = static_cast<double>(
        std::ranges::count_if(name, [&](const std::string& word) { return said.contains(word); }));
    if (!name.empty()) score += 0.15 * named / static_cast<double>(name.size());
    hits.push_back({document, score});
  }
  std::ranges::stable_sort(hits, std::ranges::greater(), &SearchHit::score);
  return hits;
}

}  // namespace lathe

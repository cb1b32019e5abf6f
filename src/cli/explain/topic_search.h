// SPDX-License-Identifier: MIT
// Finds the topic that a person means: by words, in any order, spelling and form. Knows no topic: it is
// handed texts with weights. Of a question only its first words count, so that no input makes it slow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

// "gpuTargets of sm_90" -> gpu, targets, gputargets, sm, 90, sm90: what is written together is found both
// ways. Words are cut to their stems (killed, kills: kill); those that stand in every sentence are left out.
std::vector<std::string> search_words(std::string_view text);

// "which", "does", "error": it stands in every sentence, or is nothing but signs.
bool is_common_word(std::string_view word);

struct SearchField {
  std::string_view text;
  double weight;  // of a word that stands here: 1 in a name, less in a long text
};

struct SearchHit {
  std::size_t document;
  double score;  // 0 to 1 and a little above: how much of the question stands in it, and where
};

class TopicSearch {
 public:
  // `same`: groups of words or phrases of which one finds the others.
  TopicSearch(const std::vector<std::vector<SearchField>>& documents,
              const std::vector<std::vector<std::string>>& same);

  // Best first; none without a word in common.
  std::vector<SearchHit> find(std::string_view question) const;

 private:
  struct Form {  // one way to say a part of the question
    std::vector<std::string> words;
    double likeness;  // 1: as it was typed
  };
  struct Part {
    std::vector<Form> forms;
    double weight;  // a rare word says more
  };
  void add(const std::vector<SearchField>& fields);
  std::vector<Part> parts_of(std::string_view question) const;
  Part part_of(const std::vector<std::string>& words) const;
  void add_likely(const std::string& word, std::vector<Form>& forms) const;
  double weight_of(const Form& form) const;
  void add_matches(const Form& form, std::vector<double>& best) const;

  // Words of the texts with the letters that they are made of: two that differ in many are not alike.
  struct Known {
    std::string word;
    std::uint32_t letters;
  };
  struct Place {
    std::size_t document;
    double weight;  // of the best field of the document that the word stands in
  };
  std::vector<std::vector<std::string>> names_;  // of each document: words of its first field
  std::map<std::string, std::vector<Place>, std::less<>> places_;  // of each word, by document
  std::vector<Known> known_;                                       // the words of places_, in order
  std::vector<std::vector<std::vector<std::string>>> same_;        // groups of phrases
};

}  // namespace lathe

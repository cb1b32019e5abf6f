// SPDX-License-Identifier: MIT
#include "cli/explain/topic_search.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

using Words = std::vector<std::string>;

TEST(TopicSearch, WhatIsWrittenTogetherIsFoundApartAndTogether) {
  EXPECT_EQ(search_words("gpuTargets"), (Words{"gpu", "target", "gputarget"}));
  EXPECT_EQ(search_words("sm_90"), (Words{"sm", "90", "sm90"}));
  EXPECT_EQ(search_words("MAX_JOBS"), (Words{"max", "job", "maxjob"}));
  // "so" stands in every sentence
  EXPECT_EQ(search_words("libcudart.so.13"), (Words{"libcudart", "13", "libcudartso13"}));
  EXPECT_EQ(search_words("12.0+PTX"), (Words{"12.0", "ptx", "12.0ptx"}));
}

TEST(TopicSearch, WordsAreCutToTheirStemsAndCommonOnesLeftOut) {
  EXPECT_EQ(search_words("why was the build killed"), (Words{"build", "kill"}));
  EXPECT_EQ(search_words("compiles compiled compiling"), (Words{"compil", "compil", "compil"}));
  EXPECT_EQ(search_words("mismatches; mismatched"), (Words{"mismatch", "mismatch"}));
  EXPECT_EQ(search_words("libraries library"), (Words{"library", "library"}));
  EXPECT_EQ(search_words("what is the"), Words{});
  EXPECT_EQ(search_words(""), Words{});
}

std::size_t first(const TopicSearch& search, std::string_view question) {
  const auto hits = search.find(question);
  return hits.empty() ? 99 : hits.front().document;
}

TopicSearch three_topics() {
  return TopicSearch({{{"driver-too-old", 1}, {"the driver is older than CUDA needs", 0.6}},
                      {{"out-of-memory", 1}, {"the machine had no memory left for the compiler", 0.6}},
                      {{"hash-mismatch", 1}, {"the download has another hash", 0.6}}},
                     {{"oom", "out of memory"}});
}

TEST(TopicSearch, TheOrderOfWordsDoesNotCount) {
  const TopicSearch search = three_topics();
  EXPECT_EQ(first(search, "driver too old"), 0U);
  EXPECT_EQ(first(search, "Old Driver"), 0U);
  EXPECT_EQ(first(search, "memory: out of"), 1U);
}

TEST(TopicSearch, OneOfSeveralWordsForTheSameFindsTheOthers) { EXPECT_EQ(first(three_topics(), "OOM"), 1U); }

TEST(TopicSearch, ASlipOfTheFingersAndAWordCutShortAreForgiven) {
  const TopicSearch search = three_topics();
  EXPECT_EQ(first(search, "hash missmatch"), 2U);
  EXPECT_EQ(first(search, "memroy"), 1U);
  EXPECT_EQ(first(search, "mism"), 2U);
}

TEST(TopicSearch, NothingInCommonFindsNothing) {
  EXPECT_TRUE(three_topics().find("kubernetes ingress").empty());
  EXPECT_TRUE(three_topics().find("").empty());
  EXPECT_TRUE(three_topics().find("why is it so").empty());
}

TEST(TopicSearch, AQuestionOfAnyLengthAndAnyBytesIsAnsweredAtOnce) {
  const TopicSearch search = three_topics();
  EXPECT_EQ(first(search, "driver " + std::string(10'000'000, 'x')), 0U);
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(i * 7919);
  search.find(bytes);
  EXPECT_EQ(first(search, std::string("\x1b[31mdriver\x00 old", 17)), 0U);
}

}  // namespace
}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "diagnose/literal_scanner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>

#include "base/error.h"

namespace lathe {
namespace {

std::vector<std::pair<std::size_t, std::uint32_t>> hits(const LiteralScanner& scanner, std::string_view text,
                                                        std::size_t from, std::size_t to) {
  std::vector<std::pair<std::size_t, std::uint32_t>> found;
  LiteralScanner::Candidates room;
  scanner.scan(text, from, to, room,
               [&](const LiteralScanner::Hit& hit) { found.emplace_back(hit.position, hit.literal); });
  std::ranges::sort(found);
  return found;
}

std::vector<std::pair<std::size_t, std::uint32_t>> hits_by_looking_everywhere(
    const std::vector<std::string>& literals, std::string_view text, std::size_t from, std::size_t to) {
  std::vector<std::pair<std::size_t, std::uint32_t>> found;
  for (std::size_t at = from; at < to; ++at) {
    for (std::uint32_t i = 0; i < literals.size(); ++i) {
      if (text.substr(at).starts_with(literals[i])) found.emplace_back(at, i);
    }
  }
  return found;
}

TEST(LiteralScanner, FindsWhatASearchAtEveryByteFindsInRandomTextsOfFewLetters) {
  std::mt19937 random(7);
  const auto word = [&](std::size_t length) {
    std::string text;
    while (text.size() < length) text += static_cast<char>('a' + random() % 2);
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> literals;
    for (int i = 0; i < 5; ++i) literals.push_back(word(8 + random() % 5));
    const std::string text = word(random() % 400);
    const std::size_t from = text.empty() ? 0 : random() % text.size();
    const std::size_t to = from + (text.size() - from) / 2;
    for (const std::string& usual : {std::string(), word(100), text}) {
      const LiteralScanner scanner(literals, usual);
      EXPECT_EQ(hits(scanner, text, 0, text.size()),
                hits_by_looking_everywhere(literals, text, 0, text.size()));
      EXPECT_EQ(hits(scanner, text, from, to), hits_by_looking_everywhere(literals, text, from, to));
    }
  }
}

TEST(LiteralScanner, FindsALiteralThatIsTheWholeTextOrItsEnd) {
  const LiteralScanner scanner({"no space left", "was killed"});
  EXPECT_EQ(hits(scanner, "was killed", 0, 10).size(), 1U);
  EXPECT_EQ(hits(scanner, "was killed", 0, 10).size(), 1U);
  EXPECT_EQ(hits(scanner, "it was kille", 0, 12).size(), 0U);
  EXPECT_EQ(hits(scanner, "", 0, 0).size(), 0U);
}

TEST(LiteralScanner, FindsALiteralInAnyCaseOfAsciiLetters) {
  const LiteralScanner scanner({"No Space left", "killed\n"});
  EXPECT_EQ(hits(scanner, "NO SPACE LEFT, no space left; KILLED\n", 0, 37).size(), 3U);
  EXPECT_EQ(hits(scanner, "no_space left", 0, 13).size(), 0U);
}

TEST(LiteralScanner, RefusesLiteralsThatWouldMakeItSlow) { EXPECT_THROW(LiteralScanner({"error"}), Error); }

}  // namespace
}  // namespace lathe

// SPDX-License-Identifier: MIT
// What people would type (tests/explain/*.txt: "question -> names of topics, any of which may come first"),
// held against the first answer. Of hardware: "gpu:" or "cpu:". Of nonsense: "none". A file says how many
// must be right.
#include "cli/explain/answer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/text.h"
#include "os/file.h"
#include "testing/test_paths.h"

namespace lathe {
namespace {

bool about_cpu(const Topic& topic) {
  constexpr std::string_view words[] = {"x86_64", "aarch64", "instruction", "/proc/cpuinfo", "Compiled with"};
  const std::string text = topic.title + topic.text;
  return std::ranges::any_of(words,
                             [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

std::string first_answer(const std::string& question) {
  const Answer answer = answer_to(question);
  if (answer.topics.empty()) {
    EXPECT_EQ(answer.nearest.size(), 3U) << question;
    return "none";
  }
  const Topic& topic = answer.topics.front();
  if (topic.kind == Topic::Kind::hardware) return about_cpu(topic) ? "cpu:" : "gpu:";
  return topic.name;
}

std::size_t least_right(std::string_view text) {
  constexpr std::string_view before = "# at least ";
  const std::size_t at = text.find(before);
  return at == std::string_view::npos ? 0 : std::stoul(std::string(text.substr(at + before.size(), 8)));
}

void expect_right(const char* file) {
  const std::string text = read_file(std::filesystem::path(testing::source_folder) / "tests/explain" / file);
  std::size_t right = 0;
  std::string wrong;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t arrow = line.rfind(" -> ");
    if (line.starts_with('#') || arrow == std::string_view::npos) continue;
    const std::string question(line.substr(0, arrow)), got = first_answer(question);
    const auto wanted = words(line.substr(arrow + 4));
    if (std::ranges::find(wanted, std::string_view(got)) != wanted.end()) {
      ++right;
    } else {
      wrong += "  " + std::string(line) + ", and not " + got + "\n";
    }
  }
  EXPECT_GT(least_right(text), 0U);
  EXPECT_GE(right, least_right(text)) << wrong;
}

TEST(Answers, ToQuestionsThatPeopleAsk) { expect_right("questions.txt"); }
TEST(Answers, ToLinesOfReports) { expect_right("reports.txt"); }
TEST(Answers, ToWhatIsTyped) { expect_right("typed.txt"); }

}  // namespace
}  // namespace lathe

// SPDX-License-Identifier: MIT
// Whatever is asked: there is an answer, or three other topics are named; the same twice, in texts that a
// terminal can show.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "cli/explain/answer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t longest = 4096;
  const std::string question(reinterpret_cast<const char*>(data), std::min(size, longest));
  const lathe::Answer answer = lathe::answer_to(question);
  if (answer.topics.empty() && answer.nearest.size() != 3) std::abort();
  for (const std::string& name : answer.nearest) {
    if (lathe::topics_named(name).empty()) std::abort();
  }
  for (const lathe::Topic& topic : answer.topics) {
    if (topic.title.empty() && topic.text.empty()) std::abort();
    if (lathe::printable(topic.title) != topic.title) std::abort();
  }
  const lathe::Answer again = lathe::answer_to(question);
  if (again.nearest != answer.nearest || again.topics.size() != answer.topics.size()) std::abort();
  return 0;
}

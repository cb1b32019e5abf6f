// SPDX-License-Identifier: MIT
#include "cli/parts/log_lines.h"

#include <algorithm>
#include <cstddef>

#include "diagnose/log_text.h"

namespace lathe {
namespace {

constexpr std::size_t longest_line = std::size_t{1} << 20;  // a line may be endless

}  // namespace

void LogLines::take(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    line_.append(text.substr(0, end));
    if (end < text.size() || line_.size() > longest_line) end_line(end < text.size() && text[end] == '\r');
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void LogLines::finish() {
  if (!line_.empty()) end_line(false);
}

void LogLines::end_line(bool by_return) {
  if (!line_.empty() || !returned_) put_(plain_text(line_));  // "\r\n" is one end
  returned_ = by_return;
  line_.clear();
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
// Myers' greedy algorithm (An O(ND) Difference Algorithm and Its Variations, 1986) over lines, after common
// ends are cut off. Above `most_edits` differences the middle is given as all out, all in.
#include "audit/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace lathe {
namespace {

constexpr int most_edits = 4000;
constexpr std::size_t context = 3;

using Lines = std::vector<std::string_view>;

// With their line ends.
Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

// ' ' kept, '-' out, '+' in, in the order of the new text.
std::string script_of(const Lines& a, const Lines& b) {
  const int n = static_cast<int>(a.size()), m = static_cast<int>(b.size());
  const int most = std::min(n + m, most_edits);
  std::vector<int> v(static_cast<std::size_t>(2 * most + 3), 0);
  std::vector<std::vector<int>> trace;
  const auto at = [&](std::vector<int>& row, int k) -> int& {
    return row[static_cast<std::size_t>(k + most + 1)];
  };
  const auto same = [&](int x, int y) {
    return a[static_cast<std::size_t>(x)] == b[static_cast<std::size_t>(y)];
  };
  bool done = false;
  for (int d = 0; d <= most && !done; ++d) {
    trace.push_back(v);
    for (int k = -d; k <= d && !done; k += 2) {
      int x = k == -d || (k != d && at(v, k - 1) < at(v, k + 1)) ? at(v, k + 1) : at(v, k - 1) + 1;
      while (x < n && x - k < m && same(x, x - k)) ++x;
      at(v, k) = x;
      done = x >= n && x - k >= m;
    }
  }
  if (!done) return std::string(a.size(), '-') + std::string(b.size(), '+');
  std::string script;
  int x = n, y = m;
  for (int d = static_cast<int>(trace.size()) - 1; d >= 0; --d) {
    std::vector<int>& row = trace[static_cast<std::size_t>(d)];
    const int k = x - y;
    const int previous = k == -d || (k != d && at(row, k - 1) < at(row, k + 1)) ? k + 1 : k - 1;
    const int from_x = d == 0 ? 0 : at(row, previous), from_y = d == 0 ? 0 : from_x - previous;
    while (x > from_x && y > from_y) script += ' ', --x, --y;
    if (d == 0) break;
    script += x == from_x ? '+' : '-';
    x = from_x;
    y = from_y;
  }
  std::ranges::reverse(script);
  return script;
}

std::string range(std::size_t start, std::size_t count) {
  if (count == 0) return fmt::format("{},0", start);
  return count == 1 ? fmt::format("{}", start + 1) : fmt::format("{},{}", start + 1, count);
}

void add_line(std::string& out, char kind, std::string_view line) {
  out += kind;
  out += line;
  if (!line.ends_with('\n')) out += "\n\\ No newline at end of file\n";
}

// One hunk: script[begin, end), which starts at lines i of a and j of b.
void add_hunk(std::string& out, const std::string& script, std::size_t begin, std::size_t end, std::size_t i,
              std::size_t j, const Lines& a, const Lines& b) {
  const std::string_view part = std::string_view(script).substr(begin, end - begin);
  const auto plus = static_cast<std::size_t>(std::ranges::count(part, '+')),
             minus = static_cast<std::size_t>(std::ranges::count(part, '-'));
  out += fmt::format("@@ -{} +{} @@\n", range(i, part.size() - plus), range(j, part.size() - minus));
  for (const char kind : part) {
    add_line(out, kind, kind == '+' ? b[j] : a[i]);
    if (kind != '+') ++i;
    if (kind != '-') ++j;
  }
}

}  // namespace

std::string unified_diff(std::string_view old_text, std::string_view new_text, const std::string& old_name,
                         const std::string& new_name) {
  if (old_text == new_text) return "";
  const Lines a = lines_of(old_text), b = lines_of(new_text);
  const auto shorter = std::min(a.size(), b.size());
  std::size_t head = 0, tail = 0;
  while (head < shorter && a[head] == b[head]) ++head;
  while (tail < shorter - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  const auto middle = [&](const Lines& all) {
    return Lines(all.begin() + static_cast<std::ptrdiff_t>(head),
                 all.end() - static_cast<std::ptrdiff_t>(tail));
  };
  const std::string script =
      std::string(head, ' ') + script_of(middle(a), middle(b)) + std::string(tail, ' ');
  std::string out = fmt::format("--- {}\n+++ {}\n", old_name.empty() ? "/dev/null" : old_name,
                                new_name.empty() ? "/dev/null" : new_name);
  std::size_t i = 0, j = 0;  // lines of a and b before script[at]
  for (std::size_t at = 0; at < script.size();) {
    const std::size_t change = script.find_first_not_of(' ', at);
    if (change == std::string::npos) break;
    const std::size_t begin = change - std::min(context, change - at);
    i += begin - at;
    j += begin - at;
    std::size_t end = change;
    for (std::size_t k = change; k < script.size() && k <= end + 2 * context; ++k) {
      if (script[k] != ' ') end = k + 1;
    }
    end = std::min(script.size(), end + context);
    add_hunk(out, script, begin, end, i, j, a, b);
    for (std::size_t k = begin; k < end; ++k) {
      if (script[k] != '+') ++i;
      if (script[k] != '-') ++j;
    }
    at = end;
  }
  return out;
}

}  // namespace lathe

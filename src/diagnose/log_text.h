// SPDX-License-Identifier: MIT
// Lines of a log as a person would read them: without escape codes, without the JSON that Nix may wrap around them,
// and never longer than a few kilobytes, however long the line is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lathe {

// Bytes that are looked at on either side of a hit; a line may be endless.
inline constexpr std::size_t line_reach = 2000;
// Bytes within which neighbouring lines are looked for.
inline constexpr std::size_t context_reach = std::size_t{64} << 10;

struct LineSpan {
  std::size_t begin = 0, end = 0;  // in the buffer, without the line's end
  bool operator==(const LineSpan&) const = default;
};

// The line around `position`, cut to `line_reach` on either side. A carriage return ends a line too (progress bars).
LineSpan line_around(std::string_view buffer, std::size_t position);

// Where the neighbouring line starts or ends, counting line feeds only; npos: there is none near.
std::size_t end_of_previous_line(std::string_view buffer, std::size_t position);
std::size_t start_of_next_line(std::string_view buffer, std::size_t position);

// The text of a raw line: escape codes gone; of a line of Nix's internal JSON ("@nix {...") the message alone.
std::string plain_text(std::string_view raw);

// Runs of blanks and line ends as one blank, none at either end.
std::string collapsed(std::string_view text);

}  // namespace lathe

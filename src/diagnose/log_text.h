// SPDX-License-Identifier: MIT
// Lines of a log as a person would read them: without escape codes, without the JSON that Nix may wrap
// around them, and never longer than a few kilobytes, however long the line is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

// Bytes that are looked at on either side of a hit; a line may be endless.
inline constexpr std::size_t line_reach = 2000;
// Bytes within which neighbouring lines are looked for.
inline constexpr std::size_t context_reach = std::size_t{64} << 10;

struct LineSpan {
  std::size_t begin = 0, end = 0;  // in the buffer, without the line's end
  bool operator==(const LineSpan&) const = default;
};

// The line around `position`, cut to `line_reach` on either side. A carriage return ends a line too
// (progress bars).
LineSpan line_around(std::string_view buffer, std::size_t position);

// Where the neighbouring line starts or ends, counting line feeds only; npos: there is none near.
std::size_t end_of_previous_line(std::string_view buffer, std::size_t position);
std::size_t start_of_next_line(std::string_view buffer, std::size_t position);

// Is `position` between the begin and the end of a test of GoogleTest that passed? A death test prints how
// its program dies.
bool in_passed_test(std::string_view buffer, std::size_t position);

// The text of a raw line: escape codes gone; of a line of JSON (Nix's internal "@nix {...", Docker's, a
// logger's) the message alone; without what CI systems, BuildKit, Nix, nom, torchrun and others write before
// each line.
std::string plain_text(std::string_view raw);

// UTF-16 as PowerShell writes it, made UTF-8 as it comes; a byte order mark is dropped. Without a mark the
// first four bytes decide. All else passes unchanged.
class LogDecoder {
 public:
  // What can be read of `bytes`; valid until the next call.
  std::string_view decode(std::string_view bytes);
  std::string_view finish();  // what was held back: a log of fewer than four bytes, half a character

 private:
  enum class Encoding { unknown, bytes, utf16_le, utf16_be };
  void find_encoding();
  void take_units(std::string_view bytes);

  Encoding encoding_ = Encoding::unknown;
  std::string held_, out_;
  unsigned high_surrogate_ = 0;
};

// A log that a mail, a terminal or a web form has wrapped, with its lines joined again. Two guesses: lines
// were cut at exactly the widest line's width, or between words where the next word did not fit.
struct Unwrapped {
  std::string text;
  std::vector<std::uint64_t> first_line;  // of each line of `text` in the log, from 1
};
std::vector<Unwrapped> unwrapped(std::string_view log);

// Runs of blanks and line ends as one blank, none at either end.
std::string collapsed(std::string_view text);

}  // namespace lathe

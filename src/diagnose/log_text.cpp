// SPDX-License-Identifier: MIT
#include "diagnose/log_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "base/text.h"
#include "diagnose/pattern.h"

namespace lathe {
namespace {

constexpr char escape = '\x1b';

// The end of the escape sequence that starts at `at`: CSI up to its final byte, OSC up to BEL or ST, else
// two bytes.
std::size_t after_escape(std::string_view text, std::size_t at) {
  const std::size_t start = at + 1;
  if (start >= text.size()) return text.size();
  if (text[start] == '[') {
    const auto* final =
        std::find_if(text.begin() + start + 1, text.end(), [](char c) { return c >= 0x40 && c <= 0x7e; });
    return std::min(text.size(), static_cast<std::size_t>(final - text.begin()) + 1);
  }
  if (text[start] != ']') return start + 1;
  const std::size_t end = text.find_first_of("\a\x1b", start);
  if (end == std::string_view::npos) return text.size();
  return text[end] == escape ? std::min(end + 2, text.size()) : end + 1;
}

std::string without_escapes(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == escape) {
      at = after_escape(text, at);
    } else {
      out += text[at++];
    }
  }
  return out;
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// What stands for a letter behind a backslash, on one line.
char escaped(char letter) {
  switch (letter) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return ' ';
    default: return letter;
  }
}

// The JSON string that starts behind its quote, up to the closing one or to the end: a cut line is read as
// far as it goes.
std::string json_string(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] != '\\' || at + 1 >= text.size()) {
      out += text[at];
      continue;
    }
    const char kind = text[++at];
    if (kind == 'u' && at + 4 < text.size()) {
      std::uint32_t code = 0;
      std::from_chars(text.data() + at + 1, text.data() + at + 5, code, 16);
      append_utf8(out, code);
      at += 4;
    } else {
      out += escaped(kind);
    }
  }
  return out;
}

}  // namespace

LineSpan line_around(std::string_view buffer, std::size_t position) {
  const std::size_t floor = position - std::min(position, line_reach);
  const std::size_t ceiling = std::min(buffer.size(), position + line_reach);
  std::size_t begin = position;
  while (begin > floor && buffer[begin - 1] != '\n' && buffer[begin - 1] != '\r') --begin;
  std::size_t end = position;
  while (end < ceiling && buffer[end] != '\n' && buffer[end] != '\r') ++end;
  return {begin, end};
}

std::size_t end_of_previous_line(std::string_view buffer, std::size_t position) {
  const std::size_t floor = position - std::min(position, context_reach);
  const std::size_t end = buffer.substr(floor, position - floor).rfind('\n');
  return end == std::string_view::npos ? end : floor + end;
}

std::size_t start_of_next_line(std::string_view buffer, std::size_t position) {
  const std::size_t end = buffer.substr(position, context_reach).find('\n');
  return end == std::string_view::npos || position + end + 1 >= buffer.size() ? std::string_view::npos
                                                                              : position + end + 1;
}

namespace {

// The value of the first of `keys` that the JSON line has as a text.
std::string json_message(std::string_view raw, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    for (const std::string_view colon : {":", ": "}) {
      const std::string opening =
          '"' + std::string(key) + '"' + std::string(colon) + (key == "fields" ? "[\"" : "\"");
      if (const std::size_t at = raw.find(opening); at != std::string_view::npos)
        return json_string(raw.substr(at + opening.size()));
    }
  }
  return "";
}

// What others write before a line, most of it several deep: a CI system's time before BuildKit's step before
// Nix' package.
const TextPattern& line_prefix() {
  static const TextPattern pattern(
      R"(^\s*(?:)"
      R"(\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?:?\s)"
      R"((?:\s*\d\d[OE]\+?\s|std(?:out|err) [FP] )?)"  // GitHub, GitLab, Kubernetes
      R"(|\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]?(?:[A-Za-z]?:)?\s(?:\s*\[Step \d+/\d+\] )?)"  // Jenkins, TeamCity
      R"(|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ \S+?(?:\[\d+\])?: )"                 // syslog, journalctl
      R"(|\[ *\d+\.\d{6}\] )"                                                           // dmesg
      R"(|#\d+ (?:\d+\.\d+ )?|\d+\.\d{1,3} )"                                           // BuildKit
      R"(|##\[[a-z]+\]|::(?:error|warning|notice)(?: [^:]*)?::)"                        // Azure, GitHub
      R"(|\x{feff}|(?:[\x{2500}-\x{257f}\x{25b6}\x{d7}]+\s*)+(?:> ?)?)"                 // nom, pip, uv
      R"(|> |[A-Za-z][A-Za-z0-9._+-]*> )"                                               // Nix
      R"(|[A-Za-z][A-Za-z0-9._-]* +\| )"                                                // docker compose
      R"(|E {2,})"                                                                      // pytest
      R"(|\[rank\d+\]:\s?|\[\d+,\d+\]<std(?:err|out)>:\s?)"                             // torchrun, mpirun
      R"(|\([A-Za-z][^()]* pid=\d+[^()]*\) )"
      R"((?:(?:ERROR|WARNING|INFO) \d\d-\d\d \d\d:\d\d:\d\d \[[^\]]*\] )?)"  // Ray, vLLM
      R"()+)");
  return pattern;
}

std::string without_prefix(std::string text) {
  if (const auto match = line_prefix().match(text)) return text.substr(match->end);
  return text;
}

}  // namespace

std::string plain_text(std::string_view raw) {
  std::string text = without_prefix(without_escapes(raw));
  if (text.starts_with("@nix {")) {
    const std::string message = json_message(text, {"msg", "fields", "text"});
    return message.empty() ? text : without_prefix(without_escapes(message));
  }
  if (!text.starts_with("{\"") && !text.starts_with("{ \"")) return text;
  const std::string message = json_message(
      text, {"log", "msg", "message", "raw_msg", "text", "line", "data", "output", "content", "body"});
  return message.empty() ? text : without_prefix(without_escapes(message));
}

void LogDecoder::find_encoding() {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(held_[i]); };
  const bool text = at(0) + at(1) != 0 && at(2) + at(3) != 0;
  encoding_ = Encoding::bytes;
  if (at(0) == 0xff && at(1) == 0xfe) {
    encoding_ = Encoding::utf16_le;
    held_.erase(0, 2);
  } else if (at(0) == 0xfe && at(1) == 0xff) {
    encoding_ = Encoding::utf16_be;
    held_.erase(0, 2);
  } else if (text && at(1) == 0 && at(3) == 0) {
    encoding_ = Encoding::utf16_le;
  } else if (text && at(0) == 0 && at(2) == 0) {
    encoding_ = Encoding::utf16_be;
  } else if (held_.starts_with("\xef\xbb\xbf")) {
    held_.erase(0, 3);
  }
}

void LogDecoder::take_units(std::string_view bytes) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(bytes[i]));
  };
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const unsigned unit =
        encoding_ == Encoding::utf16_le ? byte(i) | byte(i + 1) << 8 : byte(i + 1) | byte(i) << 8;
    const bool high = unit >= 0xd800 && unit < 0xdc00, low = unit >= 0xdc00 && unit < 0xe000;
    if (low && high_surrogate_ != 0) {
      append_utf8(out_, 0x10000 + ((high_surrogate_ - 0xd800) << 10) + (unit - 0xdc00));
    } else if (!high) {
      append_utf8(out_, low ? 0xfffd : unit);
    }
    high_surrogate_ = high ? unit : 0;
  }
}

std::string_view LogDecoder::decode(std::string_view bytes) {
  if (encoding_ == Encoding::bytes) return bytes;
  held_ += bytes;
  out_.clear();
  if (encoding_ == Encoding::unknown) {
    if (held_.size() < 4) return out_;
    find_encoding();
  }
  if (encoding_ == Encoding::bytes) {
    out_.swap(held_);
    held_.clear();
    return out_;
  }
  const std::size_t whole = held_.size() / 2 * 2;
  take_units(std::string_view(held_).substr(0, whole));
  held_.erase(0, whole);
  return out_;
}

std::string_view LogDecoder::finish() {
  out_.swap(held_);
  held_.clear();
  return out_;
}

namespace {

constexpr std::size_t narrowest = 60, widest = 160;  // columns of a wrapped log

std::size_t columns(std::string_view line) {
  return static_cast<std::size_t>(
      std::ranges::count_if(line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::size_t first_word(std::string_view line) { return columns(line.substr(0, line.find_first_of(" \t"))); }

Unwrapped joined(const std::vector<std::string_view>& lines, std::size_t width, bool between_words) {
  Unwrapped out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t before = i == 0 ? 0 : columns(lines[i - 1]);
    const bool cut = i > 0 && !lines[i].empty() &&
                     (between_words ? before + 1 + first_word(lines[i]) > width : before == width);
    if (cut) {
      out.text.pop_back();
      if (between_words) out.text += ' ';
    } else {
      out.first_line.push_back(i + 1);
    }
    out.text += lines[i];
    out.text += '\n';
  }
  return out;
}

}  // namespace

std::vector<Unwrapped> unwrapped(std::string_view log) {
  std::vector<std::string_view> lines = split(log, '\n');
  std::size_t width = 0;
  for (std::string_view& line : lines) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    width = std::max(width, columns(line));
  }
  if (width < narrowest || width > widest) return {};
  std::vector<Unwrapped> out;
  for (const bool between_words : {false, true}) out.push_back(joined(lines, width, between_words));
  return out;
}

std::string collapsed(std::string_view text) {
  std::string out;
  bool blank = false;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      blank = !out.empty();
      continue;
    }
    if (blank) out += ' ';
    blank = false;
    out += c;
  }
  return out;
}

namespace {

// The nearest line above or below that tells where a test of GoogleTest begins or ends: "RUN", "OK",
// "FAILED"; "": none is near.
std::string_view test_mark(std::string_view buffer, std::size_t at, bool above) {
  constexpr unsigned most_lines = 200;
  for (unsigned i = 0; i < most_lines && at != std::string::npos; ++i) {
    at = above ? end_of_previous_line(buffer, at) : start_of_next_line(buffer, at);
    if (at == std::string::npos) break;
    const LineSpan span = line_around(buffer, at);
    const std::string_view raw = buffer.substr(span.begin, span.end - span.begin);
    if (raw.find("[ ") == std::string_view::npos) continue;
    const std::string line = plain_text(raw);
    for (const auto& [start, mark] :
         {std::pair{"[ RUN ", "RUN"}, std::pair{"[       OK ]", "OK"}, std::pair{"[  FAILED ", "FAILED"}}) {
      if (std::string_view(line).starts_with(start)) return mark;
    }
  }
  return "";
}

}  // namespace

bool in_passed_test(std::string_view buffer, std::size_t position) {
  return test_mark(buffer, position, true) == "RUN" && test_mark(buffer, position, false) == "OK";
}

}  // namespace lathe

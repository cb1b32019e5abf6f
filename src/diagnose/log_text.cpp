// SPDX-License-Identifier: MIT
#include "diagnose/log_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace lathe {
namespace {

constexpr char escape = '\x1b';

// The end of the escape sequence that starts at `at`: CSI up to its final byte, OSC up to BEL or ST, else two bytes.
std::size_t after_escape(std::string_view text, std::size_t at) {
  const std::size_t start = at + 1;
  if (start >= text.size()) return text.size();
  if (text[start] == '[') {
    const auto* final = std::find_if(text.begin() + start + 1, text.end(), [](char c) { return c >= 0x40 && c <= 0x7e; });
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
  } else {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// The JSON string that starts behind its quote, up to the closing one or to the end: a cut line is read as far as it goes.
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
      out += kind == 'n' ? '\n' : kind == 't' ? '\t' : kind == 'r' ? ' ' : kind;
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
  return end == std::string_view::npos || position + end + 1 >= buffer.size() ? std::string_view::npos : position + end + 1;
}

std::string plain_text(std::string_view raw) {
  if (raw.starts_with("@nix {")) {
    for (const std::string_view key : {"\"msg\":\"", "\"fields\":[\"", "\"text\":\""}) {
      if (const std::size_t at = raw.find(key); at != std::string_view::npos) {
        return without_escapes(json_string(raw.substr(at + key.size())));
      }
    }
  }
  return without_escapes(raw);
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

}  // namespace lathe

// SPDX-License-Identifier: MIT
// Whatever bytes a name holds: what is shown of it is UTF-8 without anything that a terminal obeys, and JSON
// gives it back.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/outside_text.h"
#include "base/text.h"
#include "report/table.h"

namespace {

void require(bool good) {
  if (!good) std::abort();
}

void check_shown(std::string_view shown, std::string_view allowed) {
  require(!lathe::first_bad_utf8(shown));
  while (!shown.empty()) {
    const lathe::Character character = lathe::first_character(shown);
    const bool line = character.length == 1 && allowed.find(shown[0]) != std::string_view::npos;
    require(line || !lathe::is_obeyed(character.code));
    shown.remove_prefix(character.length);
  }
}

void check_json(const std::string& text) {
  lathe::JsonWriter json(lathe::JsonWriter::Layout::compact);
  const std::string written = json.begin_object().member(text, text).end_object().take();
  check_shown(written, "\n");
  const lathe::Json read = lathe::parse_json(written, "fuzz.json");
  if (!lathe::first_bad_utf8(text)) require(*read.object()->front().second.text() == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  // drawn anew by each run: only the fuzzer can see it
  if (text.find(lathe::style_mark()) != std::string::npos) return 0;
  const std::string line = lathe::printable(text);
  check_shown(line, "");
  require(lathe::printable(line) == line);
  check_shown(lathe::printable_lines(text), "\r\n\t");
  require(lathe::display_width(line) <= 2 * line.size());
  check_json(text);
  const std::string csv = lathe::Table::csv_line({text});
  check_shown(csv, "\r\n");
  require(text == "-" || std::string_view("=+-@").find(csv[0]) == std::string_view::npos);
  return 0;
}

// SPDX-License-Identifier: MIT
#include "audit/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

namespace lathe {
namespace {

constexpr std::size_t most_digits = 9;

[[noreturn]] void refuse_journal(const std::string& file, std::string what) {
  throw Error({.what = std::move(what),
               .where = {.file = file},
               .next = "nothing was done: look at this journal, and delete its folder if it is not from an "
                       "apply of yours"});
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Each part is a plain name, and the first is not the journals' own folder.
void check_name(const std::string& name, const std::string& file) {
  if (std::ranges::any_of(name, is_control)) {
    refuse_journal(file,
                   fmt::format("the journal names a file with a control character: \"{}\"", printable(name)));
  }
  const auto parts = split(name, '/');
  const bool leaves = std::ranges::any_of(
      parts, [](std::string_view part) { return part.empty() || part == "." || part == ".."; });
  if (leaves)
    refuse_journal(file, fmt::format("the journal names a file outside the folder: \"{}\"", printable(name)));
  if (parts.front() == journal_folder)
    refuse_journal(file, fmt::format("the journal names one of its own files: \"{}\"", printable(name)));
}

std::vector<std::string> names_in(const Json& json, std::string_view key, const std::string& file) {
  const Json* list = json.find(key);
  if (list == nullptr || list->array() == nullptr)
    refuse_journal(file, fmt::format("the journal has no list \"{}\"", key));
  std::vector<std::string> names;
  for (const Json& item : *list->array()) {
    if (item.text() == nullptr)
      refuse_journal(file, fmt::format("the journal's list \"{}\" holds something that is not a name", key));
    check_name(*item.text(), file);
    names.push_back(*item.text());
  }
  return names;
}

}  // namespace

JournalSteps parse_journal(std::string_view text, const std::string& file) {
  const Json json = parse_json(text, file);
  const Json* version = json.find("version");
  const std::int64_t* number = version == nullptr ? nullptr : version->get<std::int64_t>();
  if (number == nullptr || *number != 1)
    refuse_journal(file, "this is not a journal that this version of torchlathe knows");
  return {.put = names_in(json, "put", file), .remove = names_in(json, "remove", file)};
}

std::string journal_text(const JournalSteps& steps) {
  JsonWriter json;
  return json.begin_object()
      .member("version", 1)
      .member("put", steps.put)
      .member("remove", steps.remove)
      .end_object()
      .take();
}

bool is_digits(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

std::uint32_t journal_number(std::string_view name, const std::string& where) {
  std::uint32_t number = 0;
  const bool fits = is_digits(name) && name.size() <= most_digits;
  if (fits) std::from_chars(name.data(), name.data() + name.size(), number);
  if (!fits || fmt::format("{:04}", number) != name) {
    refuse_journal(where, fmt::format("no apply gives its journal the number {}", printable(name)));
  }
  return number;
}

std::string journal_name(std::uint32_t number, const std::string& where) {
  std::string name = fmt::format("{:04}", number);
  if (name.size() <= most_digits) return name;
  throw Error({.what = "there are no more numbers for journals",
               .where = {.file = where},
               .next = "run apply --forget first"});
}

}  // namespace lathe

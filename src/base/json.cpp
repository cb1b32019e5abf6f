// SPDX-License-Identifier: MIT
#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/error.h"
#include "base/outside_text.h"
#include "base/text.h"

namespace lathe {
namespace {

constexpr std::size_t flush_at = std::size_t{64} << 10;

bool plain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7F && c != '"' &&
         c != '\\';
}

// What a terminal would obey is spelled \u202e, in JSON as everywhere; a byte that is not UTF-8 is \ufffd.
void append_character(std::string& out, std::string_view text, const Character& character) {
  switch (character.length == 0 ? char32_t{0xFFFD} : character.code) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\n': out += "\\n"; break;
    case '\t': out += "\\t"; break;
    case '\r': out += "\\r"; break;
    default:
      if (character.length == 0) out += "\\ufffd";
      else if (is_obeyed(character.code))
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(character.code));
      else out.append(text.substr(0, character.length));
  }
}

void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    std::size_t run = 0;
    while (run < text.size() && plain(text[run])) ++run;
    out.append(text.substr(0, run));
    text.remove_prefix(run);
    if (text.empty()) return;
    const Character character = first_character(text);
    append_character(out, text, character);
    text.remove_prefix(std::max<std::size_t>(character.length, 1));
  }
}

Place place_in_json(std::string_view text, std::size_t offset, const std::string& file) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {.file = file,
          .line = static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n') + 1),
          .column = static_cast<std::uint32_t>(before.size() - line_start + 1)};
}

}  // namespace

void JsonWriter::new_line() {
  if (layout_ == Layout::compact) return;
  out_ += '\n';
  out_.append(2 * has_items_.size(), ' ');
}

void JsonWriter::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (has_items_.empty()) return;
  if (has_items_.back()) out_ += ',';
  has_items_.back() = true;
  new_line();
}

void JsonWriter::spill() {
  if (!flush_ || out_.size() < flush_at) return;
  flush_(out_);
  out_.clear();
}

JsonWriter& JsonWriter::begin_object() {
  before_value();
  out_ += '{';
  has_items_.push_back(false);
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  const bool had_items = has_items_.back();
  has_items_.pop_back();
  if (had_items) new_line();
  out_ += '}';
  spill();
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  before_value();
  out_ += '[';
  has_items_.push_back(false);
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  const bool had_items = has_items_.back();
  has_items_.pop_back();
  if (had_items) new_line();
  out_ += ']';
  spill();
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  before_value();
  out_ += '"';
  append_escaped(out_, name);
  out_ += layout_ == Layout::compact ? "\":" : "\": ";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  before_value();
  out_.append(json);
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  before_value();
  out_ += '"';
  append_escaped(out_, text);
  out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::value(bool flag) { return raw(flag ? "true" : "false"); }
JsonWriter& JsonWriter::value(double number) {
  return std::isfinite(number) ? raw(fmt::format("{}", number)) : null();
}
JsonWriter& JsonWriter::null() { return raw("null"); }

std::string JsonWriter::take() {
  if (has_items_.empty()) out_ += '\n';
  return std::exchange(out_, {});
}

// Receives the parser's events and builds the tree; false stops the parser.
class JsonBuilder {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  explicit JsonBuilder(const JsonLimits& limits) : limits_(limits) {}

  bool null() { return add(nullptr); }
  bool boolean(bool flag) { return add(flag); }
  bool number_integer(number_integer_t number) { return add(std::int64_t{number}); }
  bool number_unsigned(number_unsigned_t number) {
    return std::in_range<std::int64_t>(number) ? add(static_cast<std::int64_t>(number))
                                               : add(static_cast<double>(number));
  }
  bool number_float(number_float_t number, const string_t&) { return add(number); }
  bool string(string_t& text) { return add(std::move(text)); }
  bool binary(binary_t&) { return false; }
  bool start_object(std::size_t) { return open(Json::Object{}); }
  bool start_array(std::size_t) { return open(Json::Array{}); }
  bool end_object() {
    keys_.pop_back();
    return close();
  }
  bool end_array() { return close(); }
  bool key(string_t& name) {
    if (!keys_.back().insert(name).second) {
      problem_ = fmt::format("key \"{}\" appears twice in one object", printable(name));
      return false;
    }
    pending_keys_.back() = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& error) {
    offset_ = position > 0 ? position - 1 : 0;
    problem_ = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ...": keep what
    // follows.
    if (const auto colon = problem_.find(": "); colon != std::string::npos) problem_.erase(0, colon + 2);
    return false;
  }

  Json take() { return std::move(root_); }
  const std::string& problem() const { return problem_; }
  std::size_t offset() const { return offset_; }

 private:
  bool add(Json::Value value) {
    place(Json(std::move(value)));
    return true;
  }

  Json* place(Json json) {
    if (open_.empty()) {
      root_ = std::move(json);
      return &root_;
    }
    Json& parent = *open_.back();
    if (auto* array = std::get_if<Json::Array>(&parent.value_)) return &array->emplace_back(std::move(json));
    auto& object = std::get<Json::Object>(parent.value_);
    return &object.emplace_back(std::move(pending_keys_.back()), std::move(json)).second;
  }

  bool open(Json::Value value) {
    if (open_.size() >= limits_.depth) {
      problem_ = fmt::format("nested more than {} levels deep", limits_.depth);
      return false;
    }
    if (std::holds_alternative<Json::Object>(value)) keys_.emplace_back();
    open_.push_back(place(Json(std::move(value))));
    pending_keys_.emplace_back();
    return true;
  }

  bool close() {
    open_.pop_back();
    pending_keys_.pop_back();
    return true;
  }

  const JsonLimits& limits_;
  Json root_;
  std::vector<Json*> open_;  // a child is placed only in the innermost, so these stay put
  std::vector<std::string> pending_keys_;
  std::vector<std::unordered_set<std::string>> keys_;
  std::string problem_;
  std::size_t offset_ = 0;
};

Json parse_json(std::string_view text, const std::string& file, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    throw Error({.what = fmt::format("JSON of {} bytes; at most {} are read", text.size(), limits.bytes),
                 .where = {.file = file}});
  }
  JsonBuilder builder(limits);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
    throw Error({.what = fmt::format("not the JSON expected: {}", printable(builder.problem())),
                 .where = place_in_json(text, builder.offset(), file)});
  }
  return builder.take();
}

const Json* Json::find(std::string_view name) const {
  const Object* members = object();
  if (!members) return nullptr;
  const auto found = std::ranges::find(*members, name, &std::pair<std::string, Json>::first);
  return found == members->end() ? nullptr : &found->second;
}

std::string Json::text_of(std::string_view name) const {
  const Json* member = find(name);
  return member && member->text() ? *member->text() : std::string();
}

}  // namespace lathe

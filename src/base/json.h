// SPDX-License-Identifier: MIT
// JSON out (a writer that streams, stable key order, safe for any bytes) and in (a tree, with limits on size
// and depth because what comes in may have been chosen by somebody hostile).
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lathe {

// Writes JSON into a buffer, or through `flush` whenever 64 KiB have gathered. Calls must nest properly;
// text that is not UTF-8 is written with its bad bytes as \ufffd.
class JsonWriter {
 public:
  using Flush = std::function<void(std::string_view)>;
  enum class Layout { indented, compact };

  explicit JsonWriter(Layout layout = Layout::indented, Flush flush = {})
      : layout_(layout), flush_(std::move(flush)) {}

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool flag);
  JsonWriter& value(double number);
  JsonWriter& null();
  template <std::integral T>
  requires(!std::same_as<T, bool>) JsonWriter& value(T number) { return raw(std::to_string(number)); }
  template <typename T>
  JsonWriter& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : null();
  }
  template <typename T>
  JsonWriter& value(const std::vector<T>& items) {
    begin_array();
    for (const T& item : items) value(item);
    return end_array();
  }
  template <typename T>
  JsonWriter& member(std::string_view name, const T& item) {
    key(name);
    return value(item);
  }
  JsonWriter& raw(std::string_view json);  // one whole JSON value, already spelled

  // The text so far (since the last flush), with a line end after the root value.
  std::string take();

 private:
  void before_value();
  void new_line();
  void spill();

  Layout layout_;
  Flush flush_;
  std::string out_;
  std::vector<bool> has_items_;  // one per open object or array: does it hold something yet?
  bool after_key_ = false;
};

// A JSON value as read. Objects keep their order; a key that appears twice is an error.
class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;
  using Value = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object>;

  Json() = default;
  explicit Json(Value value) : value_(std::move(value)) {}

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  template <typename T>
  const T* get() const {
    return std::get_if<T>(&value_);
  }
  const std::string* text() const { return get<std::string>(); }
  const Array* array() const { return get<Array>(); }
  const Object* object() const { return get<Object>(); }
  // The member `name` of an object; nullptr when it is none or has no such member.
  const Json* find(std::string_view name) const;
  // The text of member `name`, or "" when there is none or it is not text.
  std::string text_of(std::string_view name) const;

 private:
  friend class JsonBuilder;
  Value value_ = nullptr;
};

struct JsonLimits {
  std::size_t bytes = std::size_t{256} << 20;
  std::size_t depth = 200;
};

// An Error (with `file`, line and column) on anything but one well-formed JSON value within the limits.
Json parse_json(std::string_view text, const std::string& file, const JsonLimits& limits = {});

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "package/archives/json_edit.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace lathe {
namespace {

void write(JsonWriter& out, const Json& json) {
  if (const auto* object = json.object()) {
    out.begin_object();
    for (const auto& [name, value] : *object) {
      out.key(name);
      write(out, value);
    }
    out.end_object();
  } else if (const auto* array = json.array()) {
    out.begin_array();
    for (const Json& value : *array) write(out, value);
    out.end_array();
  } else if (const auto* text = json.text()) {
    out.value(*text);
  } else if (const auto* flag = json.get<bool>()) {
    out.value(*flag);
  } else if (const auto* number = json.get<std::int64_t>()) {
    out.value(*number);
  } else if (const auto* fraction = json.get<double>()) {
    out.value(*fraction);
  } else {
    out.null();
  }
}

}  // namespace

Json json_text(std::string_view text) { return Json(Json::Value(std::string(text))); }

Json json_number(std::uint64_t number) { return Json(Json::Value(static_cast<std::int64_t>(number))); }

Json json_with(const Json& object, std::string_view name, Json value) {
  Json::Object members = object.object() ? *object.object() : Json::Object();
  const auto known =
      std::ranges::find(members, name, [](const auto& member) { return std::string_view(member.first); });
  if (known == members.end()) members.emplace_back(std::string(name), std::move(value));
  else known->second = std::move(value);
  return Json(Json::Value(std::move(members)));
}

Json json_without(const Json& object, std::string_view name) {
  Json::Object members = object.object() ? *object.object() : Json::Object();
  std::erase_if(members, [&](const auto& member) { return member.first == name; });
  return Json(Json::Value(std::move(members)));
}

std::string json_line(const Json& json) {
  JsonWriter out(JsonWriter::Layout::compact);
  write(out, json);
  std::string text = out.take();
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace lathe

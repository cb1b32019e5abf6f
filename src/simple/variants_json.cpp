// SPDX-License-Identifier: MIT
#include "simple/variants_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "package/wheel_names.h"

namespace lathe {
namespace {

[[noreturn]] void refuse_variants(const std::string& what) {
  throw Error(
      {.what = "a wheel's variant.json " + what,
       .where = {.file = std::string(variant_file_name)},
       .next = "take the wheel out of the folder, or carve it again from the one that is not a variant"});
}

void write_again(JsonWriter& json, const Json& value) {
  if (value.object() != nullptr) {
    json.begin_object();
    for (const auto& [name, member] : *value.object()) {
      json.key(name);
      write_again(json, member);
    }
    json.end_object();
  } else if (value.array() != nullptr) {
    json.begin_array();
    for (const Json& item : *value.array()) write_again(json, item);
    json.end_array();
  } else if (value.text() != nullptr) {
    json.value(*value.text());
  } else if (const bool* flag = value.get<bool>()) {
    json.value(*flag);
  } else {
    json.null();  // the format has no numbers
  }
}

std::string spelled(const Json& value) {
  JsonWriter json(JsonWriter::Layout::compact);
  write_again(json, value);
  return json.take();
}

// The members of `from`'s object `name` into `all`; the same name means the same, or it is refused.
void gather(const Json& from, std::string_view name, std::map<std::string, Json>& all) {
  const Json* object = from.find(name);
  if (object == nullptr) return;
  if (object->object() == nullptr) refuse_variants(fmt::format("has \"{}\" that is not an object", name));
  for (const auto& [key, value] : *object->object()) {
    const auto [place, is_new] = all.emplace(key, value);
    if (!is_new && spelled(place->second) != spelled(value))
      refuse_variants(
          fmt::format("says otherwise of \"{}\" than another wheel's of the same version", printable(key)));
  }
}

void gather_order(const Json& from, std::vector<std::string>& order) {
  const Json* priorities = from.find("default-priorities");
  const Json* spaces = priorities == nullptr ? nullptr : priorities->find("namespace");
  if (spaces == nullptr || spaces->array() == nullptr) refuse_variants("names no order of namespaces");
  for (const Json& space : *spaces->array()) {
    if (space.text() == nullptr) refuse_variants("has a namespace that is not text");
    if (std::ranges::find(order, *space.text()) == order.end()) order.push_back(*space.text());
  }
}

void write_all(JsonWriter& json, std::string_view name, const std::map<std::string, Json>& all) {
  json.key(name).begin_object();
  for (const auto& [key, value] : all) {
    json.key(key);
    write_again(json, value);
  }
  json.end_object();
}

}  // namespace

std::string joined_variants_json(const std::vector<std::string>& texts) {
  std::vector<std::string> order;
  std::map<std::string, Json> providers, variants;
  std::string schema;
  for (const std::string& text : texts) {
    const Json json = parse_json(text, std::string(variant_file_name));
    schema = std::max(schema, json.text_of("$schema"));
    gather_order(json, order);
    gather(json, "providers", providers);
    gather(json, "variants", variants);
  }
  if (variants.empty()) return "";
  JsonWriter json;
  json.begin_object().member("$schema", schema);
  json.key("default-priorities").begin_object().member("namespace", order).end_object();
  write_all(json, "providers", providers);
  write_all(json, "variants", variants);
  json.end_object();
  return json.take();
}

}  // namespace lathe

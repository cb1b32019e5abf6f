// SPDX-License-Identifier: MIT
#include "nix/events.h"

#include "base/error.h"
#include "base/json.h"

namespace lathe {
namespace {

enum Activity { copy_path = 100, file_transfer = 101, build = 105, substitute = 108 };
enum Result { build_log_line = 101, set_phase = 104, post_build_log_line = 107 };

std::int64_t number_of(const Json& json, std::string_view name) {
  const Json* member = json.find(name);
  const auto* number = member ? member->get<std::int64_t>() : nullptr;
  return number ? *number : -1;
}

std::string first_field(const Json& json) {
  const Json* fields = json.find("fields");
  const Json::Array* array = fields ? fields->array() : nullptr;
  return array && !array->empty() && array->front().text() ? *array->front().text() : "";
}

NixEvent::Kind kind_of_start(std::int64_t type) {
  if (type == build) return NixEvent::Kind::build_start;
  const bool copies = type == copy_path || type == file_transfer || type == substitute;
  return copies ? NixEvent::Kind::copy_start : NixEvent::Kind::other;
}

NixEvent::Kind kind_of_result(std::int64_t type) {
  if (type == build_log_line || type == post_build_log_line) return NixEvent::Kind::log_line;
  return type == set_phase ? NixEvent::Kind::phase : NixEvent::Kind::other;
}

NixEvent read_event(const Json& json) {
  const std::string action = json.text_of("action");
  const std::int64_t type = number_of(json, "type");
  NixEvent event{.id = static_cast<std::uint64_t>(number_of(json, "id"))};
  if (action == "msg") {
    event.kind = NixEvent::Kind::message;
    event.level = static_cast<int>(number_of(json, "level"));
    event.text = json.text_of("msg");
  } else if (action == "start") {
    event.kind = kind_of_start(type);
    event.text = first_field(json);
  } else if (action == "stop") {
    event.kind = NixEvent::Kind::stop;
  } else if (action == "result") {
    event.kind = kind_of_result(type);
    event.text = first_field(json);
  }
  return event;
}

}  // namespace

NixEvent parse_nix_event(std::string_view line) {
  constexpr std::string_view mark = "@nix ";
  if (line.starts_with(mark)) {
    try {
      return read_event(
          parse_json(line.substr(mark.size()), "Nix event", {.bytes = std::size_t{1} << 20, .depth = 20}));
    } catch (const Error&) {
    }
  }
  return {.kind = NixEvent::Kind::message, .level = 3, .text = std::string(line)};
}

}  // namespace lathe

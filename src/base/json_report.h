// SPDX-License-Identifier: MIT
// How what a command prints with --format json begins: schemas/COMMAND.schema.json describes the rest, and
// docs/formats/json.md says when the number changes.
#pragma once

#include "base/json.h"

namespace lathe {

constexpr int json_schema_version = 1;

// Of an object, or of an event in a line of its own.
inline JsonWriter& begin_report(JsonWriter& json) {
  return json.begin_object().member("schema_version", json_schema_version);
}

}  // namespace lathe

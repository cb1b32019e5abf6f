// SPDX-License-Identifier: MIT
#include "cli/exit/report_exception.h"

#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <new>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "os/file.h"

namespace lathe {
namespace {

// Inside a catch. What no code of ours foresaw is a fault like any other.
Error thrown() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error({.what = "out of memory", .kind = ErrorKind::fault});
  } catch (const std::filesystem::filesystem_error& error) {
    return file_error(error);
  } catch (const std::exception& error) {
    return Error({.what = fmt::format("unexpected failure: {}", error.what()), .kind = ErrorKind::fault});
  } catch (...) {
    return Error({.what = "unexpected failure", .kind = ErrorKind::fault});
  }
}

std::string error_json(const Error& error) {
  const Error::Parts& parts = error.parts();
  JsonWriter json;
  begin_report(json).key("error").begin_object().member("what", parts.what).key("where").begin_object();
  json.member("file", parts.where.file).member("line", parts.where.line).member("column", parts.where.column);
  json.end_object().member("fix", parts.next).member("exit", error.exit_code());
  return json.end_object().end_object().take();
}

}  // namespace

int report_exception(Terminal& terminal, bool as_json) {
  const Error error = thrown();
  terminal.say(Tone::error, as_json ? error_json(error) : "torchlathe: " + error.text() + "\n");
  return error.exit_code();
}

}  // namespace lathe

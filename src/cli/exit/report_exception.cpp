// SPDX-License-Identifier: MIT
#include "cli/exit/report_exception.h"

#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <new>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "os/file.h"

namespace lathe {
namespace {

int report(Terminal& terminal, const std::string& text, int code) {
  terminal.err("torchlathe: " + text + "\n");
  return code;
}

}  // namespace

int report_exception(Terminal& terminal) {
  try {
    throw;
  } catch (const Error& error) {
    return report(terminal, error.text(), error.exit_code());
  } catch (const std::bad_alloc&) {
    return report(terminal, "out of memory", 3);
  } catch (const std::filesystem::filesystem_error& error) {
    return report(terminal, file_error(error).text(), 3);
  } catch (const std::exception& error) {
    return report(terminal, printable(fmt::format("a fault that was not foreseen: {}", error.what())), 3);
  } catch (...) {
    return report(terminal, "a fault that was not foreseen", 3);
  }
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "shrink/python_environment.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <system_error>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "inspect/user_python.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// -I: without what the user's variables and the working directory add.
constexpr const char* question =
    "import json, platform, sys, sysconfig\n"
    "print(json.dumps({'version': platform.python_version(), 'prefix': sys.prefix, 'base': sys.base_prefix,\n"
    "                  'pure': sysconfig.get_path('purelib'), 'plat': sysconfig.get_path('platlib')}))\n";
constexpr std::chrono::seconds patience{30};

Error no_answer(const std::string& python, const std::string& why) {
  return Error({.what = fmt::format("{} does not say where its packages are: {}", python, why),
                .where = {},
                .next = "name the folder: torchlathe shrink venv --gpu 9.0"});
}

Json ask(const std::string& python, const RunProcess& run) {
  const ProcessResult result = run({.arguments = {python, "-I", "-c", question}, .time_limit = patience});
  if (!result.ok()) throw no_answer(python, result.ending());
  try {
    return parse_json(result.out, "python3");
  } catch (const Error&) {
    throw no_answer(python, "its answer is not JSON");
  }
}

}  // namespace

PythonEnvironment environment_of_python(const RunProcess& run) {
  const auto python = user_python();
  if (!python) {
    throw Error({.what = "no python3 found in VIRTUAL_ENV or PATH whose environment could be shrunk",
                 .where = {},
                 .next = "name the folder: torchlathe shrink venv --gpu 9.0"});
  }
  const Json answer = ask(python->string(), run);
  PythonEnvironment found{.python = *python, .version = answer.text_of("version")};
  const fs::path prefix = answer.text_of("prefix"), pure = answer.text_of("pure"),
                 plat = answer.text_of("plat");
  found.is_virtual = prefix != answer.text_of("base");
  found.folder = found.is_virtual ? prefix : pure;
  if (found.folder.empty()) throw no_answer(python->string(), "its answer names no folder");
  std::error_code ignored;
  if (!found.is_virtual && pure != plat && !fs::equivalent(pure, plat, ignored)) {
    throw Error({.what = fmt::format("the packages of {} are in {} and in {}", python->string(),
                                     pure.string(), plat.string()),
                 .where = {},
                 .next = "name one of them: torchlathe shrink FOLDER --gpu 9.0"});
  }
  return found;
}

}  // namespace lathe

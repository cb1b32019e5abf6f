// SPDX-License-Identifier: MIT
// The environment of the python3 in PATH: where its packages are, as that program tells.
#pragma once

#include <filesystem>
#include <string>

#include "os/process.h"

namespace lathe {

struct PythonEnvironment {
  std::filesystem::path python = {};  // the program
  std::string version = {};           // "3.12.4"
  bool is_virtual = false;
  // Of a virtual environment all of it, else the folder that pip installs into.
  std::filesystem::path folder = {};
};

// Runs that python3. Error when there is none, or when its packages are in two folders.
PythonEnvironment environment_of_python(const RunProcess& run = run_process);

}  // namespace lathe

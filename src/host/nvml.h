// SPDX-License-Identifier: MIT
// Asks NVIDIA's management library (NVML) about the GPUs. The library is loaded in a child process, because
// it may hang in the driver, crash, or print: the child is cut off after a time limit. No header of NVIDIA's
// is used; nvml_api.h declares the few functions.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "hardware/catalog.h"
#include "host/host_info.h"

namespace lathe {

struct NvmlOptions {
  // Tried in turn. Names without a slash are looked up by the loader.
  std::vector<std::string> libraries = {};
  // the same for libcuda, which is only looked for, never called
  std::vector<std::string> cuda_libraries = {};
  std::chrono::milliseconds time_limit{10'000};
};

// The usual places of libnvidia-ml.so.1; TORCHLATHE_NVML in the environment names the one instead.
NvmlOptions default_nvml_options();

struct NvmlReport {
  enum class Outcome {
    answered,
    no_library,  // nothing of that name: no driver is installed, or not for this kind of machine
    failed,      // it is there and said why it could not answer
    hung,        // it did not come back within the time limit
    crashed,
  };
  Outcome outcome = Outcome::no_library;
  std::string what = {};                // of the last three: one sentence
  std::optional<Version> driver = {};   // as the library says
  std::optional<Version> library = {};  // the library's own; its first part is CUDA's major
  std::optional<Version> cuda = {};
  bool libcuda = false;  // CUDA's driver library can be loaded
  std::vector<HostGpu> gpus = {};
  Findings notes = {};
};

// Takes a child process's time: some milliseconds for the library, a second where the driver must first wake
// up the GPUs. Not for processes in which other threads run: the child is forked and goes on in this
// program.
NvmlReport ask_nvml(const NvmlOptions& options);

// What the child wrote: JSON. For the fuzzer and for tests.
NvmlReport read_nvml_answer(std::string_view text);

}  // namespace lathe

// SPDX-License-Identifier: MIT
// Runs a build of PyTorch, for what cannot be read out of its files: does it import, see the GPU, and
// compute what the CPU computes? The checks are smoke.py, run in the build's own Python, apart from the
// user's packages and environment. What they report is judged here, device code by the resolver
// (hardware/compat.h).
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "hardware/capability.h"
#include "inspect/installed.h"
#include "matrix/variant.h"
#include "os/process.h"
#include "os/temporary_folder.h"

namespace lathe {

struct SmokeCheck {
  enum class Outcome { passed, failed, skipped };
  std::string name = {};  // "gpu matmul"
  Outcome outcome = Outcome::passed;
  std::string detail = {};  // what it measured, why it failed, why it could not be done
};

struct SmokeDevice {
  std::string name = {};
  std::optional<Capability> capability = {};
};

// What smoke.py said.
struct SmokeReport {
  std::vector<SmokeCheck> checks = {};
  std::string version = {}, python = {}, cuda = {}, cpu_capability = {}, cudnn = {};
  bool cuda_available = false;
  std::vector<std::string> arch_list = {};
  std::vector<std::string> parts = {};  // "cuDNN 9.13.1", "distributed": what is built in
  // "CPU", "CUDA": what torch.profiler can watch; empty where it was not said
  std::vector<std::string> profiler = {};
  std::vector<SmokeDevice> devices = {};
  bool done = false;            // it came to its end
  std::string unfinished = {};  // else: the check during which it ended
  std::string ending = {};      // else: how: "signal 4 (Illegal instruction)"
  std::string err = {};         // the last of what it printed to standard error
};

struct SmokeOptions {
  std::string python = {};  // the program; "" finds the build's own
  std::chrono::milliseconds time_limit{300'000};
};

// A build of PyTorch as a folder in which Python finds it: an environment, a store path, site-packages; a
// package of another kind (a wheel) is unpacked below $TMPDIR, and goes again with this object.
class RunnableBuild {
 public:
  explicit RunnableBuild(const std::filesystem::path& path);  // an Error when there is no PyTorch

  const std::filesystem::path& folder() const { return folder_; }
  const InstalledTorch& torch() const { return torch_; }

 private:
  std::unique_ptr<TemporaryFolder> unpacked_;
  std::filesystem::path folder_;
  InstalledTorch torch_;
};

// The Python that a build is for: of its environment or store path, else one of its version in PATH. An
// Error when there is none.
std::string python_for(const std::filesystem::path& path, const InstalledTorch& torch);

// `torch`: the package in `path`. Errors only when the program could not be started.
SmokeReport run_smoke(const std::filesystem::path& path, const InstalledTorch& torch,
                      const SmokeOptions& options, const RunProcess& run = run_process);

// Reads what smoke.py printed; lines that are no record (of libraries that print) are passed over.
SmokeReport read_smoke(std::string_view out);

// Holds a report against what the variant's name promises. Every failed check and every mismatch is an
// error; what could not be checked for want of a GPU is a warning of the rule "not-checked".
Findings judge_smoke(const VariantName& variant, const SmokeReport& report);

}  // namespace lathe

// SPDX-License-Identifier: MIT
// Recorded machines, what NVML's child writes, and catalogues of published variants: any bytes are read or
// refused with an Error; a machine that is read can be asked everything and comes back the same from its own
// JSON.
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "select/candidate.h"
#include "host/host_json.h"
#include "host/host_properties.h"
#include "host/nvml.h"
#include "select/select.h"

namespace {

const std::vector<lathe::Candidate>& candidates() {
  static const auto all = lathe::read_published(
      "pytorch-python313-cuda13_0-sm120-avx2\npytorch-python313-cuda12_8-sm86-avx512\npytorch-python313-"
      "cuda13_0-sm121-armv9\n"
      "pytorch-python313-cpu-avx2\n",
      "fuzz");
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const lathe::HostInfo host = lathe::read_host(text, "fuzz");
    const std::string again = lathe::host_json(host);
    if (lathe::host_json(lathe::read_host(again, "fuzz")) != again) std::abort();
    lathe::properties_of_host(host);
    const lathe::Selection selection = lathe::select_variant(host, candidates());
    if (selection.starting.empty() && selection.changes.empty()) std::abort();
  } catch (const lathe::Error&) {
  }
  try {
    for (const lathe::HostInfo& host : lathe::read_hosts(text, "fuzz"))
      lathe::read_host(lathe::host_json(host), "fuzz");
  } catch (const lathe::Error&) {
  }
  try {
    lathe::read_nvml_answer(text);
  } catch (const lathe::Error&) {
  }
  try {
    lathe::read_published(text, "fuzz");
  } catch (const lathe::Error&) {
  }
  return 0;
}

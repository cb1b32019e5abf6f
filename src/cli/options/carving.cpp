// SPDX-License-Identifier: MIT
#include "cli/options/carving.h"
#include "carve/plan/no_gpu.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/error.h"
#include "base/text.h"
#include "cli/options/native_gpus.h"
#include "device/contents.h"
#include "device/driver_need.h"
#include "device/vendor.h"
#include "hardware/catalog.h"
#include "os/terminal.h"

namespace lathe {
namespace {

Version driver_of(const std::string& text, Compression codec) {
  const auto driver = Version::parse(text);
  if (!driver) {
    throw Error({.what = fmt::format("{} is not a version of a driver", printable(text)),
                 .next = "write it as nvidia-smi does: --driver 550.54.14"});
  }
  const auto need = driver_need(codec == Compression::zstd, {}, {});
  if (need && *driver < need->version) {
    throw Error({.what = fmt::format("zstd needs driver {} or newer", need->version.text()),
                 .next = "--compress lz4 works with older ones"});
  }
  return *driver;
}

}  // namespace

std::vector<CarveTarget> carve_targets(const std::string& gpu) {
  return parse_carve_targets(gpu == "native" ? native_gpu_list() : gpu);
}

void set_packing(const std::string& compress, const std::string& driver, CarveOptions& options) {
  if (compress == "zstd") options.compress = Compression::zstd;
  if (compress == "lz4") options.compress = Compression::lz4;
  if (!driver.empty()) options.driver = driver_of(driver, options.compress);
}

void set_embedded(const std::string& embedded, CarveOptions& options) {
  if (embedded == "all") options.embedded = CarveOptions::Embedded::all;
  if (embedded == "keep") options.embedded = CarveOptions::Embedded::keep;
}

void check_destination(bool in_place, const std::string& output, bool dry_run) {
  if (in_place && !output.empty())
    throw Error({.what = "--in-place and --output exclude each other", .next = "give one of them"});
  if (!in_place && output.empty() && !dry_run)
    throw Error({.what = "where to?", .next = "say --output PATH, or --in-place to replace what is there"});
}

void say_what_is_unknown(const std::vector<CarveTarget>& targets, Terminal& terminal) {
  if (is_no_gpu(targets)) {
    return terminal.say(Tone::note,
                        "torchlathe: without device code every kernel of these libraries fails at launch; "
                        "what computes on a CPU stays\n");
  }
  for (const CarveTarget& target : targets) {
    if (std::ranges::binary_search(target.device.vendor->devices(), target.device)) continue;
    terminal.say(
        Tone::note,
        safe_format("torchlathe: no GPU of compute capability {} is known (torchlathe catalog gpus): "
                    "the result has what the driver would pick for one\n",
                    to_string(CarveTarget{.device = target.device})));
  }
}

void say_whose_licence(Terminal& terminal) {
  terminal.say(Tone::note,
               "torchlathe: NVIDIA's licences restrict changing its libraries and passing on the result\n");
}

std::string change_text(std::uint64_t before, std::uint64_t after) {
  const double part = before == 0 ? 1 : static_cast<double>(after) / static_cast<double>(before);
  return part <= 1 ? fmt::format("{:.0f}% less", 100 * (1 - part))
                   : fmt::format("{:.0f}% more", 100 * (part - 1));
}

}  // namespace lathe

// SPDX-License-Identifier: MIT
#include "cli/options/carving.h"
#include "carve/plan/no_gpu.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "cli/options/native_gpus.h"
#include "cli/options/driver_option.h"
#include "cli/options/options.h"
#include "matrix/axis_table.h"
#include "device/contents.h"
#include "device/driver_need.h"
#include "device/vendor.h"
#include "hardware/catalog.h"
#include "os/terminal.h"

namespace lathe {
namespace {

Version driver_for(const std::string& text, Compression codec) {
  const Version driver = driver_named(text);
  const auto need = driver_need(codec == Compression::zstd, {}, {});
  if (need && driver < need->version) {
    throw Error({.what = fmt::format("zstd needs driver {} or newer", need->version.text()),
                 .next = "--compress lz4 works with older ones"});
  }
  return driver;
}

std::string_view yes_or_no(bool set) { return set ? "yes" : "no"; }

}  // namespace

void declare_gpus(OptionSet& set, CarvingOptions& options) {
  set.text("-g,--gpu", options.gpu, "CC[,CC...]",
           "the GPUs to keep code for: 9.0, 8.6,8.9, 9.0+PTX, \"RTX 5090\", gfx90a, MI300X, native");
  set.values(known_gpus());
}

void declare_carving(OptionSet& set, CarvingOptions& options) {
  set.flag("--minimal", options.carve.minimal, "keep the driver's one pick and nothing else");
  set.flag("--keep-special", options.carve.keep_special,
           "where nothing fits keep the smallest image; without it such containers are emptied");
  set.flag("--strip-symbols", options.carve.strip_symbols, "drop symbol and debug tables, as strip does");
  set.choice("--compress", options.compress, {"keep", "zstd", "lz4", "none"},
             "compress images, or unpack them (none); without --gpu no code is dropped [keep]");
  set.text("--driver", options.driver, "VERSION",
           "the oldest driver that the result is for, or native: what needs a newer one is a finding");
  set.choice("--embedded", options.embedded, {"known", "all", "keep"},
             "code that is data: drop what no GPU runs where known to be safe, everywhere, nowhere [known]");
  set.flag("--include-vendor", options.include_vendor,
           "carve NVIDIA's own libraries too: mind their licence");
}

CarveOptions carve_options(const CarvingOptions& options) {
  CarveOptions carve = options.carve;
  set_packing(options.compress, options.driver, carve);
  set_embedded(options.embedded, carve);
  if (!options.gpu.empty()) carve.targets = carve_targets(options.gpu);
  return carve;
}

std::map<std::string, std::string> told_again(const CarvingOptions& options, const CarveOptions& how) {
  const auto flag = [](bool set) { return std::string(yes_or_no(set)); };
  return {{"gpu", how.targets.empty() ? "" : to_string(how.targets)},
          {"compress", options.compress},
          {"driver", how.driver ? how.driver->text() : ""},
          {"embedded", options.embedded},
          {"minimal", flag(how.minimal)},
          {"keep_special", flag(how.keep_special)},
          {"strip_symbols", flag(how.strip_symbols)},
          {"include_vendor", flag(options.include_vendor)}};
}

std::vector<CarveTarget> carve_targets(const std::string& gpu) {
  return parse_carve_targets(gpu == "native" ? native_gpu_list() : gpu);
}

void set_packing(const std::string& compress, const std::string& driver, CarveOptions& options) {
  if (compress == "zstd") options.compress = Compression::zstd;
  if (compress == "lz4") options.compress = Compression::lz4;
  options.unpack = compress == "none";
  if (!driver.empty()) options.driver = driver_for(driver, options.compress);
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
    const Target gpu = target.device.vendor->device_of(target.device);
    if (std::ranges::binary_search(target.device.vendor->devices(), gpu)) continue;
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

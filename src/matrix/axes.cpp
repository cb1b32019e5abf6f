// SPDX-License-Identifier: MIT
#include "matrix/axes.h"

#include <fmt/format.h>

#include <cstdint>

#include "base/error.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/gpu_name.h"

namespace lathe {

namespace {

// A matrix says what is compiled, which outlives products; whoever wrote one is told what it has. "": it is
// no product either.
std::string capability_of_product(const std::string& text) {
  try {
    const GpuReading gpu = read_gpu_name(text);
    return fmt::format("write \"{}\": the compute capability of {}",
                       spell(gpu.capability.portable(), Dialect::dotted), printable(gpu.name));
  } catch (const Error&) {
    return "";
  }
}

Capability read_capability(const Toml& value) {
  try {
    const SpelledCapability spelled = parse_capability_as(value.text(), Dialect::dotted);
    if (spelled.ptx) value.fail("PTX is a setting, not part of an axis", "write ptx = true under [settings]");
    return spelled.capability;
  } catch (const Error& error) {
    if (!error.parts().where.file.empty()) throw;
    const std::string product = parse_capability(value.text()) ? "" : capability_of_product(value.text());
    value.fail(error.parts().what, product.empty() ? error.parts().next : product);
  }
}

}  // namespace

std::vector<Capability> read_gpus(const Toml& value) {
  std::vector<Capability> gpus;
  if (value.is_array()) {
    for (const Toml& item : value.array()) gpus.push_back(read_capability(item));
    if (gpus.empty()) value.fail("a build for no GPU", "CPU builds have kind = \"cpu\"");
    std::ranges::sort(gpus);
    if (std::ranges::adjacent_find(gpus) != gpus.end()) value.fail("a build names one GPU twice", "");
  } else {
    gpus.push_back(read_capability(value));
  }
  for (const Capability gpu : gpus) {
    if (catalog().find(gpu)) continue;
    value.fail(fmt::format("compute capability {} is not in the catalogue", spell(gpu, Dialect::dotted)),
               "see torchlathe catalog gpus");
  }
  return gpus;
}

const Isa* read_isa(const Toml& value) {
  const std::string& name = value.text();
  const Isa* isa = catalog().find_isa(name);
  if (!isa || isa->name != name) {
    value.fail(
        fmt::format("\"{}\" is not an instruction set of the catalogue", printable(name)),
        did_you_mean_text(replace_all(name, ".", "_"), catalog().isa_names(), "see torchlathe catalog isas"));
  }
  return isa;
}

Version read_cuda(const Toml& value) {
  const auto version = Version::parse(value.text());
  if (version && version->parts.size() == 2 && catalog().find_toolkit(*version)) return *version;
  std::vector<std::string> known;
  for (const Toolkit& toolkit : catalog().toolkits) known.push_back(toolkit.version.text());
  value.fail(fmt::format("CUDA \"{}\" is not in the catalogue", printable(value.text())),
             fmt::format("use one of {}", fmt::join(known, ", ")));
}

// "3.13": two numbers, as in every name of this field.
std::string read_python(const Toml& value) {
  const auto version = Version::parse(value.text());
  if (!version || version->parts.size() != 2 || version->text() != value.text()) {
    value.fail(fmt::format("\"{}\" is not a Python release", printable(value.text())),
               "written as in \"3.13\"");
  }
  return value.text();
}

bool is_release(std::string_view text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto version = Version::parse(text.substr(0, end));
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '+';
  };
  return version && version->parts.size() == 3 && version->text() == text.substr(0, end) &&
         std::ranges::all_of(text, fits);
}

void check_pytorch(const std::string& release, const Toml& at) {
  if (!is_release(release)) {
    at.fail(fmt::format("\"{}\" is not a PyTorch release", printable(release)),
            "written as in \"2.10.0\", or \"2.11.0a0+git0123456\"");
  }
}

std::string read_pytorch(const Toml& value) {
  check_pytorch(value.text(), value);
  return value.text();
}

unsigned read_count(const Toml& value, std::int64_t most) {
  const std::int64_t number = value.integer();
  if (number < 0 || number > most)
    value.fail(fmt::format("{} is out of range", number), fmt::format("0 to {}", most));
  return static_cast<unsigned>(number);
}

}  // namespace lathe

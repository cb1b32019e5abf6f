// SPDX-License-Identifier: MIT
#include "recipe/description.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "matrix/axis_table.h"
#include "recipe/nix_words.h"

namespace lathe {
namespace {

std::string name_some(const std::vector<std::string>& names, std::size_t most) {
  if (names.size() <= most) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more",
                     fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(most), ", "),
                     names.size() - most);
}

// "PyTorch 2.10.0", "torchvision 0.25.0 for PyTorch 2.10.0"
std::string software(const Variant& variant) {
  if (!variant.companion) return fmt::format("PyTorch {}", variant.pytorch->version);
  return fmt::format("{} {}for PyTorch {}", variant.package,
                     variant.companion->version.empty() ? "" : variant.companion->version + " ",
                     variant.pytorch->version);
}

}  // namespace

std::string title(const Variant& variant) {
  const Cell& cell = *variant.cell;
  const std::string cpu = fmt::format("{} CPUs ({})", to_string(cell.isa->machine), cell.isa->title);
  const std::string with = words_title(cell);
  if (!variant.is_gpu())
    return fmt::format("{} {} {}{}", software(variant), variant.companion ? "and" : "for", cpu, with);
  const CapabilityRow* row = catalog().find(cell.gpus.front());
  const std::string group =
      cell.gpus.size() == 1 && row && !row->group.empty() ? fmt::format(" ({})", row->group) : "";
  return fmt::format("{} with CUDA {} for compute capability {}{} and {}{}", software(variant),
                     cell.cuda->text(), dotted_list(cell.gpus), group, cpu, with);
}

std::vector<std::string> facts(const Variant& variant) {
  const Cell& cell = *variant.cell;
  std::vector<std::string> lines = {title(variant) + "."};
  if (cell.status != PairStatus::valid)
    lines.push_back(fmt::format("Note ({}): {}.", to_string(cell.status), cell.reason));
  if (!cell.runs_on.empty()) lines.push_back(fmt::format("Runs on: {}.", name_some(cell.runs_on, 8)));
  if (cell.min_driver) {
    lines.push_back(fmt::format("NVIDIA driver: {} or newer.", cell.min_driver->text()));
  }
  lines.push_back(fmt::format("CPU flags needed: {}.", fmt::join(cell.isa->cpuinfo, " ")));
  return lines;
}

std::string wrapped(const std::vector<std::string>& paragraphs, std::string_view prefix) {
  constexpr std::size_t width = 112;
  std::string text;
  for (const std::string& paragraph : paragraphs) {
    std::string line;
    for (const std::string_view word : split(paragraph, ' ')) {
      if (!line.empty() && line.size() + 1 + word.size() > width) {
        text.append(prefix).append(line) += '\n';
        line.clear();
      }
      if (!line.empty()) line += ' ';
      line += word;
    }
    text.append(prefix).append(line) += '\n';
  }
  return text;
}

}  // namespace lathe

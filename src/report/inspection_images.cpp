// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/safe_format.h"
#include "base/text.h"
#include "device/driver_need.h"
#include "inspect/needed_driver.h"
#include "inspect/image_report.h"
#include "report/inspection_images.h"
#include "report/table.h"

namespace lathe {
namespace {

constexpr std::size_t most_packages = 15, most_duplicates = 5, longest_command = 60;

std::string bytes_or_dash(std::uint64_t bytes) { return bytes == 0 ? "-" : size_text(bytes); }

// "RUN pip install torch" without what a builder puts before it.
std::string command_of(const ImageReport::Layer& layer) {
  std::string text = printable(replace_all(layer.what.made_by, "\n", " "));
  for (const std::string_view shell : {"/bin/sh -c #(nop) ", "/bin/sh -c ", "RUN /bin/sh -c "}) {
    if (text.starts_with(shell)) text.erase(0, shell.size());
  }
  text = trim(text);
  if (text.size() <= longest_command) return text;
  std::size_t end = longest_command;
  while (end > 0 && (text[end] & '\xc0') == '\x80') --end;  // inside of a character
  return text.substr(0, end) + "...";
}

std::string head_of(const ImageReport& image) {
  std::uint64_t stored = 0, unpacked = 0;
  for (const ImageReport::Layer& layer : image.layers) {
    stored += layer.what.stored;
    unpacked += layer.what.unpacked;
  }
  std::string text = safe_format("image {}: {}", printable(image.name), fmt::join(image.chosen, ", "));
  if (image.platforms.size() > image.chosen.size())
    text += safe_format(" of {} (--platform)", fmt::join(image.platforms, ", "));
  return text + safe_format("; {} layer{}, {} as stored, {} unpacked\n", image.layers.size(),
                            image.layers.size() == 1 ? "" : "s", size_text(stored), size_text(unpacked));
}

std::string layer_table(const ImageReport& image, const Terminal& terminal) {
  Table table({"layer", "stored", "unpacked", "GPU code", "libraries", "hidden", "made by"});
  for (std::size_t i = 0; i < 6; ++i) table.align_right(i);
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const ImageReport::Layer& layer = image.layers[i];
    table.add({std::to_string(i + 1), safe_format("{} {}", size_text(layer.what.stored), layer.what.packing),
               size_text(layer.what.unpacked), bytes_or_dash(layer.gpu_bytes),
               std::to_string(layer.libraries), bytes_or_dash(layer.hidden_bytes), command_of(layer)});
  }
  return table.text(terminal);
}

std::string package_table(const ImageReport& image, const Terminal& terminal) {
  if (image.packages.empty()) return "";
  Table table({"package", "layers", "libraries", "size", "GPU code"});
  for (std::size_t i = 2; i < 5; ++i) table.align_right(i);
  for (std::size_t i = 0; i < image.packages.size() && i < most_packages; ++i) {
    const ImageReport::PythonPackage& package = image.packages[i];
    table.add({package.name.empty() ? "of no Python package" : package.name,
               fmt::format("{}", fmt::join(package.layers, ", ")), std::to_string(package.libraries),
               size_text(package.bytes), bytes_or_dash(package.gpu_bytes)});
  }
  std::string text = "\n" + table.text(terminal);
  if (image.packages.size() > most_packages)
    text +=
        safe_format("and {} more packages; --format json has all\n", image.packages.size() - most_packages);
  return text;
}

std::string times(std::size_t count) { return count == 2 ? "twice" : fmt::format("{} times", count); }

std::string duplicate_lines(const ImageReport& image) {
  std::string text;
  for (std::size_t i = 0; i < image.duplicates.size() && i < most_duplicates; ++i) {
    const ImageReport::Duplicate& twice = image.duplicates[i];
    text += safe_format("{} lie {}, in layers {}: {}{}\n", size_text(twice.bytes), times(twice.layers.size()),
                        fmt::join(twice.layers, " and "), printable(twice.example),
                        twice.files == 1 ? "" : safe_format(" and {} more", twice.files - 1));
  }
  if (image.duplicates.size() > most_duplicates)
    text += safe_format("and in {} other sets of layers\n", image.duplicates.size() - most_duplicates);
  return text;
}

std::string carve_line(const ImageReport& image) {
  const auto gpus = image.labels.find(std::string(carve_label) + "gpus");
  const auto tool = image.labels.find(std::string(carve_label) + "tool");
  if (tool == image.labels.end()) return "";
  return safe_format("carved{} by {}, as its labels say\n",
                     gpus == image.labels.end() ? "" : " for " + printable(gpus->second),
                     printable(tool->second));
}

// What the code in it asks of a driver: also where that is what every build with its toolkit asks.
std::string needed_driver_line(const Inspection& inspection) {
  const std::optional<DriverNeed> most = needed_driver(inspection);
  if (!most || !most->because.starts_with("CUDA")) return "";  // else the text has it
  return safe_format("needs driver {} or newer because of {}\n", most->version.text(), most->because);
}

}  // namespace

std::string image_lines(const Inspection& inspection, const Terminal& terminal) {
  std::string text;
  for (const ImageReport& image : inspection.images) {
    text += head_of(image) + layer_table(image, terminal) + package_table(image, terminal);
    const std::string rest = duplicate_lines(image) + carve_line(image);
    if (!rest.empty()) text += "\n" + rest;
    if (image.spooled > 0)
      text += safe_format("its libraries took {} of temporary files meanwhile\n", size_text(image.spooled));
  }
  if (!text.empty()) text += needed_driver_line(inspection) + "\n";
  return text;
}

void write_images(JsonWriter& json, const std::vector<ImageReport>& images) {
  if (images.empty()) return;
  json.key("images").begin_array();
  for (const ImageReport& image : images) {
    json.begin_object().member("name", image.name).member("platforms_read", image.chosen);
    json.member("platforms", image.platforms).member("temporary_bytes", image.spooled);
    json.key("layers").begin_array();
    for (const ImageReport::Layer& layer : image.layers) {
      json.begin_object()
          .member("digest", "sha256:" + layer.what.digest)
          .member("packing", layer.what.packing);
      json.member("size", layer.what.stored).member("unpacked_size", layer.what.unpacked);
      json.member("gpu_bytes", layer.gpu_bytes).member("libraries", layer.libraries);
      json.member("hidden_bytes", layer.hidden_bytes).member("made_by", layer.what.made_by).end_object();
    }
    json.end_array().key("packages").begin_array();
    for (const ImageReport::PythonPackage& package : image.packages) {
      json.begin_object().member("name", package.name).member("layers", package.layers);
      json.member("libraries", package.libraries).member("size", package.bytes);
      json.member("gpu_bytes", package.gpu_bytes).end_object();
    }
    json.end_array().key("duplicates").begin_array();
    for (const ImageReport::Duplicate& twice : image.duplicates) {
      json.begin_object().member("layers", twice.layers).member("files", twice.files);
      json.member("bytes", twice.bytes).member("example", twice.example).end_object();
    }
    json.end_array().key("labels").begin_object();
    for (const auto& [label, value] : image.labels) json.member(label, value);
    json.end_object().end_object();
  }
  json.end_array();
}

}  // namespace lathe

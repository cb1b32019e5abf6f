// SPDX-License-Identifier: MIT
#include "inspect/image_report.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "inspect/byte_shares.h"
#include "inspect/inspect.h"
#include "package/installed_record.h"
#include "package/wheel_names.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_record = std::uint64_t{64} << 20;

std::uint64_t gpu_bytes_of(const FileInspection& file) {
  std::uint64_t bytes = 0;
  for (const ByteUse use : {ByteUse::gpu_code, ByteUse::gpu_relocatable, ByteUse::gpu_embedded})
    bytes += file.shares.bytes[static_cast<std::size_t>(use)];
  return bytes;
}

// "torch 2.11.0" for ".../torch-2.11.0.dist-info/RECORD"
std::string package_name(const fs::path& record) {
  const std::string stem(dist_info_stem((record.parent_path().filename() / record.filename()).string()));
  const std::size_t dash = stem.rfind('-');
  return printable(dash == std::string::npos ? stem : stem.substr(0, dash) + " " + stem.substr(dash + 1));
}

}  // namespace

ImageReporter::ImageReporter(const Package& package)
    : package_(package), image_(*package.image()), code_(package.members().size()) {
  out_.name = package.name();
  out_.chosen = image_.chosen;
  out_.platforms = image_.platforms;
  out_.spooled = image_.spooled;
  out_.labels = image_.labels;
  for (const ImageContents::Layer& layer : image_.layers) out_.layers.push_back({.what = layer});
  for (std::size_t i = 0; i < image_.members.size(); ++i) {
    if (image_.members[i].hidden)
      out_.layers[image_.members[i].layer].hidden_bytes += package.members()[i].size;
  }
}

void ImageReporter::add(std::size_t member, const std::vector<FileInspection>& files) {
  if (files.empty()) return;
  ImageReport::Layer& layer = out_.layers[image_.members[member].layer];
  code_[member].library = true;
  layer.libraries += files.size();
  for (const FileInspection& file : files) code_[member].gpu_bytes += gpu_bytes_of(file);
  layer.gpu_bytes += code_[member].gpu_bytes;
}

ImageReport ImageReporter::finish() {
  find_packages();
  find_duplicates();
  return std::move(out_);
}

std::string ImageReporter::path_of(std::size_t member) const {
  return image_.path_of(member, package_.members()[member].path());
}

// By what installers wrote down: of each visible file that holds code.
void ImageReporter::find_packages() {
  std::unordered_map<std::string, std::size_t> by_path;
  for (std::size_t i = 0; i < code_.size(); ++i) {
    if (code_[i].library && !image_.members[i].hidden) by_path.emplace(path_of(i), i);
  }
  std::map<std::string, std::vector<std::size_t>> found;
  std::set<std::size_t> owned;
  for (std::size_t i = 0; i < code_.size(); ++i) {
    if (image_.members[i].hidden || !package_.members()[i].path().ends_with("/RECORD")) continue;
    const fs::path record = path_of(i);
    if (!is_installed_record(record)) continue;
    const fs::path base = record.parent_path().parent_path();
    for (const std::string& name : recorded_paths(package_.part(i, 0, largest_record))) {
      const std::string path = (base / name).lexically_normal().generic_string();
      const auto known = by_path.find(path);
      if (known != by_path.end() && owned.insert(known->second).second)
        found[package_name(record)].push_back(known->second);
    }
  }
  for (const auto& [path, i] : by_path) {
    if (!owned.contains(i)) found[""].push_back(i);
  }
  for (const auto& [name, members] : found) {
    ImageReport::PythonPackage& package = out_.packages.emplace_back();
    package.name = name;
    std::set<std::size_t> layers;
    for (const std::size_t i : members) {
      layers.insert(image_.members[i].layer + 1);
      ++package.libraries;
      package.bytes += package_.members()[i].size;
      package.gpu_bytes += code_[i].gpu_bytes;
    }
    package.layers.assign(layers.begin(), layers.end());
  }
  std::ranges::stable_sort(
      out_.packages, std::ranges::greater{},
      [](const ImageReport::PythonPackage& package) { return std::pair(package.gpu_bytes, package.bytes); });
}

void ImageReporter::find_duplicates() {
  std::map<Sha256, std::vector<std::size_t>> same;
  std::set<std::size_t> others;
  for (const auto& [other, first] : other_names(package_)) others.insert(other);
  for (const auto& [i, hash] : image_.hashes) {
    if (!others.contains(i)) same[hash].push_back(i);
  }
  std::map<std::vector<std::size_t>, ImageReport::Duplicate> by_layers;
  std::map<std::vector<std::size_t>, std::uint64_t> largest;
  for (const auto& [hash, members] : same) {
    if (members.size() < 2) continue;
    std::vector<std::size_t> layers;
    for (const std::size_t i : members) layers.push_back(image_.members[i].layer + 1);
    ImageReport::Duplicate& all = by_layers[layers];
    const std::uint64_t size = package_.members()[members[0]].size;
    ++all.files;
    all.bytes += size;
    if (size <= largest[layers]) continue;
    largest[layers] = size;
    all.example = path_of(members[0]);
  }
  for (auto& [layers, duplicate] : by_layers) {
    duplicate.layers = layers;
    out_.duplicates.push_back(std::move(duplicate));
  }
  std::ranges::stable_sort(out_.duplicates, std::ranges::greater{}, &ImageReport::Duplicate::bytes);
}

}  // namespace lathe

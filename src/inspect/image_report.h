// SPDX-License-Identifier: MIT
// What is told of a container image beyond its files: in which layers and Python packages its bytes lie, what
// lies there twice, what later layers hide.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "package/image_contents.h"
#include "package/package.h"

namespace lathe {

struct FileInspection;

struct ImageReport {
  struct Layer {
    ImageContents::Layer what = {};
    std::size_t libraries = 0;  // files with machine code
    std::uint64_t gpu_bytes = 0;
    std::uint64_t hidden_bytes = 0;  // of all files that later layers delete or replace
  };
  struct PythonPackage {
    std::string name = {};                 // "torch 2.11.0"; "" for what no installer wrote down
    std::vector<std::size_t> layers = {};  // from 1
    std::size_t libraries = 0;
    std::uint64_t bytes = 0, gpu_bytes = 0;
  };
  // Files of the same content, all those of the same layers together.
  struct Duplicate {
    std::vector<std::size_t> layers = {};  // from 1; one that holds it twice stands there twice
    std::size_t files = 0;
    std::uint64_t bytes = 0;  // of one of each
    std::string example = {};
  };

  std::string name = {};
  std::vector<std::string> chosen = {}, platforms = {};
  std::vector<Layer> layers = {};
  std::vector<PythonPackage> packages = {};  // with machine code; the most device code first
  std::vector<Duplicate> duplicates = {};    // of large files; the most bytes first
  std::uint64_t spooled = 0;
  std::map<std::string, std::string> labels = {};
};

// Gathers it while files are inspected.
class ImageReporter {
 public:
  explicit ImageReporter(const Package& package);  // outlives it; its image() is not null
  void add(std::size_t member, const std::vector<FileInspection>& files);
  ImageReport finish();

 private:
  std::string path_of(std::size_t member) const;  // inside of the image
  void find_packages();
  void find_duplicates();

  struct Code {
    std::uint64_t gpu_bytes = 0;
    bool library = false;
  };
  const Package& package_;
  const ImageContents& image_;
  std::vector<Code> code_;  // by member
  ImageReport out_;
};

}  // namespace lathe

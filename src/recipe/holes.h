// SPDX-License-Identifier: MIT
// What stands in the @holes@ of the recipes' templates. A hole is a row: its name, and a function of the
// matrix and the variant alone. So none waits for another, and one whose text is a template of its own fills
// that in the same way.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/nixpkgs.h"
#include "matrix/spec.h"
#include "matrix/variant.h"

namespace lathe {

struct RecipeOf {
  const MatrixSpec& spec;
  const Variant& variant;
};

struct Hole {
  std::string_view name;
  std::string (*text)(const RecipeOf& of);
};

// By subject; `holes` are all of them.
std::span<const Hole> build_holes();  // what is built, from which nixpkgs, for which CPU
std::span<const Hole> cuda_holes();   // of variants with a GPU
std::span<const Hole> extra_holes();  // what the matrix has no word for
std::span<const Hole> companion_holes();
std::vector<Hole> holes();

// The embedded template of this name with all of its holes filled.
std::string fill_template(std::string_view name, const RecipeOf& of);

// The release that a nixpkgs ships is built as it is; another one goes in through an overlay.
bool upgrades_torch(const Variant& variant);

// nixpkgs' own table of capabilities may lag behind the toolkit's, and takes Jetsons for Arm alone.
bool config_takes(const Variant& variant);

// Are CUDA's own packages taken from another place than nixpkgs?
bool takes_cuda_packages(const MatrixSpec& spec, const Variant& variant);

// What torch.compile makes GPU code with, where this nixpkgs has another release of it and takes the right
// one.
const TritonSource* triton_of(const Variant& variant);

}  // namespace lathe

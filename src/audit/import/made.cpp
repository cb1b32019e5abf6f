// SPDX-License-Identifier: MIT
#include "audit/import/made.h"

#include <filesystem>
#include <utility>

#include "matrix/expand.h"
#include "matrix/variant.h"
#include "os/unfinished.h"
#include "recipe/write.h"

namespace lathe {

namespace fs = std::filesystem;

Made record_made(const MatrixSpec& spec, const std::vector<Variant>& variants, const RecordOptions& options) {
  const Unfinished folder(fs::temp_directory_path() / "generated", Unfinished::Kind::folder);
  Made made{.folder = fs::canonical(folder.path()).string(), .recipes = {}};
  write_recipes(spec, with_bases(spec, variants), made.folder, {});
  std::vector<std::string> files;
  for (const Variant& variant : variants) files.push_back(variant.file());
  RecordedFolder recorded = record_files(made.folder, files, options);
  for (std::size_t i = 0; i < variants.size(); ++i)
    made.recipes.emplace(variants[i].name, std::move(recorded.recipes[i]));
  return made;
}

}  // namespace lathe

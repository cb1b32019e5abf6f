// SPDX-License-Identifier: MIT
// For the tests of the recorder: recipes in a folder for a moment, evaluated by the real Nix.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "testing/test_paths.h"
#include "nix/nix.h"
#include "nix/record.h"
#include "testing/scratch_folder.h"

namespace lathe::testing {

// A folder of recipes that is gone afterwards.
class RecipeFolder {
 public:
  const std::filesystem::path& path() const { return scratch_.path(); }
  RecipeFolder& add(const std::string& name, const std::string& text) {
    scratch_.write(name, text);
    return *this;
  }
  RecipeFolder& add_fixture(const std::string& name) {
    std::filesystem::copy_file(std::filesystem::path(testing::source_folder) / "tests/nix" / name,
                               path() / name);
    return *this;
  }

 private:
  ScratchFolder scratch_;
};

inline Recorded fixture(const std::string& name) {
  if (!find_nix()) return {};
  return record_file(std::filesystem::path(testing::source_folder) / "tests/nix" / name);
}

// One recipe, written here.
inline Recorded evaluate(const std::string& text, RecordOptions options = {}) {
  RecipeFolder folder;
  folder.add("recipe.nix", text);
  return record_folder(folder.path(), options).recipes.front();
}

inline std::string failure_of(const Recorded& recorded) {
  return recorded.failure ? recorded.failure->message : "";
}

// Skips where there is no Nix: then the audit falls back to text, which has tests of its own.
class Record : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!find_nix()) GTEST_SKIP() << "no Nix on this machine";
  }
};

}  // namespace lathe::testing

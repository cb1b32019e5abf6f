// SPDX-License-Identifier: MIT
#include "nix/second_look.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

namespace lathe {
namespace {

using Labels = std::set<std::string>;

// No honest recipe needs so many.
constexpr int most_rounds = 64;
constexpr std::size_t most_ways = 32;

std::string_view name_of(std::string_view label) { return label.substr(label.rfind('.') + 1); }

bool says_missing(const std::string& message, std::string_view name) {
  static constexpr std::string_view ways[] = {"attribute '{}' missing", "undefined variable '{}'",
                                              "without required argument '{}'",
                                              "argument '{}' is in no package set"};
  return std::ranges::any_of(ways, [&](std::string_view way) {
    return message.find(fmt::format(fmt::runtime(way), name)) != std::string::npos;
  });
}

// One recipe, and every choice of unknown names that it was tried with.
class Recipe {
 public:
  explicit Recipe(const Recorded& first) : first_(first), all_(first.unknown.begin(), first.unknown.end()) {
    all_.insert({"outputs.dev", "outputs.lib"});
    Labels there;
    // Where it looks at what cannot be known, nothing is there.
    if (!first.tests_values)
      std::ranges::set_difference(all_, first.doubtful, std::inserter(there, there.end()));
    try_with(std::move(there));
  }

  const std::string& file() const { return first_.file; }
  std::vector<Labels> take_next() { return std::exchange(next_, {}); }

  // It ended so. Something that it takes, where it must be, was not there: again, with that. By each way that
  // it may be reached, if there are several.
  void take(const Labels& there, Recorded recorded, std::vector<Recorded>& ends) {
    const std::string message = recorded.failure ? recorded.failure->message : "";
    bool again = false;
    if (!message.empty() && !first_.tests_values) {
      for (const std::string& label : first_.unknown) {
        if (there.contains(label) || !says_missing(message, name_of(label))) continue;
        Labels more = there;
        more.insert(label);
        try_with(std::move(more));
        again = true;
      }
    }
    if (!again) ends.push_back(std::move(recorded));
  }

 private:
  void try_with(Labels there) {
    if (tried_.size() < most_ways && tried_.insert(there).second) next_.push_back(std::move(there));
  }

  const Recorded& first_;
  Labels all_;
  std::set<Labels> tried_;
  std::vector<Labels> next_;
};

}  // namespace

std::map<std::string, std::vector<Recorded>> look_again(const std::filesystem::path& folder,
                                                        std::span<const Recorded* const> recipes,
                                                        RecordOptions options) {
  options.other_face = true;
  std::map<std::string, std::vector<Recorded>> ends;
  std::vector<Recipe> open;
  for (const Recorded* recipe : recipes) open.emplace_back(*recipe);
  for (int round = 0; round < most_rounds; ++round) {
    std::vector<std::string> files;
    std::vector<Recipe*> whose;
    options.there.clear();
    for (Recipe& recipe : open) {
      for (Labels& there : recipe.take_next()) {
        files.push_back(recipe.file());
        whose.push_back(&recipe);
        options.there.push_back(std::move(there));
      }
    }
    if (files.empty()) break;
    RecordedFolder recorded = record_files(folder, files, options);
    for (std::size_t i = 0; i < files.size(); ++i)
      whose[i]->take(options.there[i], std::move(recorded.recipes[i]), ends[files[i]]);
  }
  return ends;
}

}  // namespace lathe

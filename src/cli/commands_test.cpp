// SPDX-License-Identifier: MIT
#include "cli/commands.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"

namespace lathe {
namespace {

// Every option of every command.
std::vector<std::pair<std::string, Declared>> all_options() {
  std::vector<std::pair<std::string, Declared>> all;
  for (const Command& command : commands()) {
    const auto bound = command.bind();
    for (const Declared& option : bound->set.declared()) {
      if (!option.positional) all.emplace_back(command.name, option);
    }
  }
  return all;
}

std::string run_words(const std::vector<std::string>& words) {
  std::string out, err;
  Terminal terminal(out, err);
  run_torchlathe(words, terminal);
  return out + err;
}

TEST(Commands, ALetterIsOneOptionInAllOfThem) {
  std::map<std::string, std::string> long_names;
  for (const auto& [command, option] : all_options()) {
    if (option.names.size() < 2 || option.names[1] == '-') continue;
    const std::vector<std::string_view> names = split(option.names, ',');
    const auto [known, fresh] = long_names.try_emplace(std::string(names[0]), names[1]);
    EXPECT_EQ(known->second, names[1]) << command << " " << option.names;
  }
  EXPECT_EQ(long_names.at("-o"), "--output");
  EXPECT_EQ(long_names.at("-q"), "--quiet");
  EXPECT_EQ(long_names.at("-n"), "--dry-run");
}

TEST(Commands, AnOptionTakesAValueInAllOfThemOrInNone) {
  std::map<std::string, bool> takes;
  for (const auto& [command, option] : all_options()) {
    const bool value = option.kind != ValueKind::none;
    const auto [known, fresh] = takes.try_emplace(option.names.substr(option.names.find("--")), value);
    EXPECT_EQ(known->second, value) << command << " " << option.names;
  }
}

TEST(Commands, FormerNamesOfOptionsAreTakenAndNotTold) {
  EXPECT_EQ(run_words({"list", "-m", "cuda-12_8", "--names"}), run_words({"list", "-m", "cuda-12_8", "-q"}));
  EXPECT_EQ(run_words({"list", "--help"}).find("--names"), std::string::npos);
  EXPECT_EQ(run_words({"completion", "bash"}).find("--most"), std::string::npos);
  for (const auto& [command, option] : all_options()) {
    if (option.former.empty()) continue;
    EXPECT_EQ(run_words({command, "--help"}).find(option.former + " "), std::string::npos) << option.former;
  }
}

}  // namespace
}  // namespace lathe

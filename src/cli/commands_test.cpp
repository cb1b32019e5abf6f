// SPDX-License-Identifier: MIT
#include "cli/commands.h"
#include "cli/parts/examples.h"

#include <gtest/gtest.h>

#include <algorithm>
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
  EXPECT_EQ(run_words({"generate", "--out", "x", "-m", "none"}),
            run_words({"generate", "-o", "x", "-m", "none"}));
  EXPECT_EQ(run_words({"completion", "bash"}).find("--most"), std::string::npos);
  for (const auto& [command, option] : all_options()) {
    if (option.former.empty()) continue;
    EXPECT_EQ(run_words({command, "--help"}).find(option.former + " "), std::string::npos) << option.former;
  }
}

// The words of a call in a shell, without the program: no example has more than quotes.
std::vector<std::string> shell_words(std::string_view call) {
  std::vector<std::string> all;
  bool quoted = false, inside = false;
  for (const char c : call.substr(0, call.find(" > "))) {
    if (c == '\'') quoted = !quoted;
    if (c == ' ' && !quoted) inside = false;
    if (c == '\'' || (c == ' ' && !quoted)) continue;
    if (!inside) all.emplace_back();
    inside = true;
    all.back() += c;
  }
  return {std::find(all.begin(), all.end(), "torchlathe") + 1, all.end()};
}

TEST(Commands, EachHasTwoExamplesThatItUnderstands) {
  for (const Command& command : commands()) {
    EXPECT_EQ(examples_of(command.name).size(), 2U) << command.name;
    for (const std::string_view example : examples_of(command.name)) {
      const std::vector<std::string> call = shell_words(example);
      EXPECT_EQ(call.at(0), command.name);
      const auto bound = command.bind();
      EXPECT_NO_THROW(bound->set.parse(command.name, {call.begin() + 1, call.end()})) << example;
    }
  }
}

TEST(Commands, HelpIsEightyColumnsWide) {
  for (const Command& command : commands()) {
    const std::string text = run_words({std::string(command.name), "--help"});
    for (const std::string_view line : split(text, '\n')) EXPECT_LE(display_width(line), 80U) << line;
  }
}

TEST(Commands, GlobalOptionsStandBeforeOrBehindTheCommand) {
  const std::string names = run_words({"list", "-m", "cuda-12_8", "-q"});
  EXPECT_EQ(run_words({"-q", "list", "-m", "cuda-12_8"}), names);
  EXPECT_EQ(run_words({"--color", "never", "--quiet", "list", "-m", "cuda-12_8"}), names);
  EXPECT_NE(run_words({"list", "-m", "cuda-12_8", "--color", "always"}).find("\x1b[1m"), std::string::npos);
  EXPECT_NE(run_words({"list", "-m", "cuda-12_8", "-v"}).find("took "), std::string::npos);
  EXPECT_NE(run_words({"list", "-v", "-q"}).find("exclude each other"), std::string::npos);
}

TEST(Commands, WrongUsageIsJsonWhereJsonIsAskedFor) {
  EXPECT_NE(run_words({"list", "-m", "nowhere", "-f", "json"}).find("\"exit\": 2"), std::string::npos);
  EXPECT_NE(run_words({"list", "--format=json", "--odd"}).find("\"error\""), std::string::npos);
}

}  // namespace
}  // namespace lathe

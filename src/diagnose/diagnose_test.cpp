// SPDX-License-Identifier: MIT
#include "diagnose/diagnose.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "base/embedded.h"
#include "base/test_paths.h"
#include "diagnose/rule.h"

namespace lathe {

namespace diagnose_data {
std::span<const EmbeddedFile> rules();
}

namespace {

std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::filesystem::path> logs() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(testing::source_folder) + "/tests/logs")) {
    if (entry.path().extension() == ".log") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

// "hash-mismatch.nix-2_3.log" shows the rule hash-mismatch.
std::string rule_of(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return name.substr(0, name.find('.'));
}

std::string first_rule(std::string_view log) {
  const auto found = diagnose(log);
  return found.empty() ? "" : found.front().finding.rule;
}

TEST(Diagnose, every_log_in_tests_logs_leads_to_the_rule_in_its_name_as_the_root_cause) {
  for (const auto& path : logs()) {
    const auto found = diagnose(file_text(path));
    if (rule_of(path) == "nothing") {
      EXPECT_TRUE(found.empty()) << path << " shows " << found.front().finding.rule;
      continue;
    }
    ASSERT_FALSE(found.empty()) << path;
    EXPECT_EQ(found.front().finding.rule, rule_of(path)) << path;
    ASSERT_FALSE(found.front().evidence.empty()) << path;
    EXPECT_GT(found.front().evidence.front().line, 0U);
  }
}

TEST(Diagnose, every_rule_has_a_log_that_shows_it_and_says_everything_a_reader_needs) {
  std::set<std::string> shown;
  for (const auto& path : logs()) shown.insert(rule_of(path));
  for (const LogRule& rule : read_diagnose_rules(diagnose_data::rules().front().text, "rules.toml")) {
    EXPECT_TRUE(shown.contains(rule.name)) << rule.name << " has no log";
    EXPECT_FALSE(rule.what.empty() || rule.cause.empty() || rule.fix.empty() || rule.source.empty()) << rule.name;
    for (const RuleMatch& match : rule.matches) EXPECT_NO_THROW(match.pattern.get()) << rule.name;
  }
}

TEST(Diagnose, a_cause_is_found_wherever_the_log_is_cut_into_pieces) {
  for (const auto& path : logs()) {
    const std::string log = file_text(path);
    const std::string whole = diagnosis_json(diagnose(log));
    for (const std::size_t piece : {1U, 7U, 64U}) {
      Diagnoser diagnoser;
      for (std::size_t at = 0; at < log.size(); at += piece) diagnoser.feed(std::string_view(log).substr(at, piece));
      EXPECT_EQ(diagnosis_json(diagnoser.finish()), whole) << path;
    }
  }
}

TEST(Diagnose, a_cause_is_found_at_every_offset_around_the_border_of_two_chunks) {
  const std::string cause =
      "error: hash mismatch in fixed-output derivation '/nix/store/a-src.drv':\n         specified: sha256-AAA=\n            got:    sha256-BBB=\n";
  const std::string filler = "[1/2] compiling something that goes well and says so at some length\n";
  std::string log;
  while (log.size() < (std::size_t{1} << 20) + 70'000) log += filler;
  for (std::size_t at = (std::size_t{1} << 20) - 300; at < (std::size_t{1} << 20) + 66'000; at += 997) {
    const std::string text = log.substr(0, at) + "\n" + cause + log.substr(at);
    const auto found = diagnose(text);
    ASSERT_EQ(found.size(), 1U) << at;
    EXPECT_EQ(found[0].details.at("got"), "sha256-BBB=") << at;
    EXPECT_EQ(found[0].evidence.size(), 3U);
    EXPECT_EQ(found[0].evidence[0].line, static_cast<std::uint64_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(text.find("error: hash")), '\n')) + 1) << at;
  }
}

TEST(Diagnose, the_cause_comes_before_what_follows_from_it_even_if_that_is_printed_first) {
  const auto found = diagnose(
      "-- Could NOT find CUDA (missing: CUDA_TOOLKIT_ROOT_DIR)\n"
      "a.cpp:1:2: error: expected ';'\n"
      "cp: error writing 'x': No space left on device\n"
      "error: builder for '/nix/store/x.drv' failed with exit code 1\n");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].finding.rule, "no-space-left");
  EXPECT_EQ(found[1].finding.rule, "cuda-not-found");
}

TEST(Diagnose, an_architecture_is_given_back_as_pytorch_spells_it) {
  const auto fix = [](const std::string& arch) {
    return diagnose("  Found Unknown CUDA Architecture Name in CUDA_SELECT_NVCC_ARCH_FLAGS: " + arch + "\n").at(0).finding.fix;
  };
  EXPECT_NE(fix("sm_90").find("\"9.0\""), std::string::npos);
  EXPECT_NE(fix("sm_120").find("\"12.0\""), std::string::npos);
  EXPECT_NE(fix("compute_90a").find("\"9.0a\""), std::string::npos);
  EXPECT_NE(fix("12.0f").find("\"12.0\""), std::string::npos);
}

TEST(Diagnose, escape_codes_carriage_returns_and_bad_utf8_do_not_hide_a_cause_and_do_not_come_out) {
  const auto found = diagnose("\r 10%\r 20%\xff\xfe nvcc \x1b[31mx\x1b[0m\rnvcc fatal   : \x1b[1mUnsupported gpu architecture\x1b[0m 'compute_70\xff'\r\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].finding.rule, "unsupported-gpu-architecture");
  EXPECT_EQ(found[0].evidence.at(0).text, "nvcc fatal   : Unsupported gpu architecture 'compute_70\\xff'");
  EXPECT_EQ(found[0].details.at("arch"), "compute_70\\xff");
}

TEST(Diagnose, one_endless_line_is_read_in_constant_memory_and_its_evidence_is_short) {
  Diagnoser diagnoser;
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 40; ++i) diagnoser.feed(piece);
  diagnoser.feed(" nvcc fatal   : Unsupported gpu architecture 'compute_60' ");
  for (int i = 0; i < 3; ++i) diagnoser.feed(piece);
  const auto found = diagnoser.finish();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].evidence.at(0).line, 1U);
  EXPECT_LT(found[0].evidence.at(0).text.size(), 500U);
}

TEST(Diagnose, the_same_cause_many_times_is_one_finding_with_a_count) {
  std::string log;
  for (int i = 0; i < 100; ++i) log += "nvcc fatal   : Unsupported gpu architecture 'compute_70'\n";
  const auto found = diagnose(log);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].count, 100U);
  EXPECT_LE(found[0].evidence.size(), 6U);
}

TEST(Diagnose, nothing_is_made_of_a_log_that_ends_well_or_of_none) {
  EXPECT_EQ(first_rule(""), "");
  EXPECT_EQ(first_rule("[1/3] Building CXX object error_handling.cpp.o\n-- Performing Test HAVE_X - Failed\n"), "");
}

}  // namespace
}  // namespace lathe

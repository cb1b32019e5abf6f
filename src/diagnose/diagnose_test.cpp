// SPDX-License-Identifier: MIT
#include "diagnose/diagnose.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <span>
#include <utility>

#include "base/embedded.h"
#include "testing/test_paths.h"
#include "base/text.h"
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
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(testing::source_folder) + "/tests/logs")) {
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

// "cuda-on.cpu.log" is known to be of a CPU build.
BuildTold build_of(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  const bool cpu = name.find(".cpu.") != std::string::npos, gpu = name.find(".gpu.") != std::string::npos;
  BuildTold::Kind kind = gpu ? BuildTold::Kind::gpu : BuildTold::Kind::unknown;
  if (cpu) kind = BuildTold::Kind::cpu;
  return {.kind = kind, .gpus = gpu ? "9.0" : "", .cuda = gpu ? "13.0" : "", .isa = "avx2"};
}

std::string first_rule(std::string_view log) {
  const auto found = diagnose(log);
  return found.empty() ? "" : found.front().finding.rule;
}

TEST(Diagnose, EveryLogInTestsLogsLeadsToTheRuleInItsNameAsTheRootCause) {
  for (const auto& path : logs()) {
    const auto found = diagnose(file_text(path), "", build_of(path));
    if (rule_of(path) == "nothing") {
      EXPECT_TRUE(found.empty()) << path << " shows " << found.front().finding.rule;
      continue;
    }
    ASSERT_FALSE(found.empty()) << path;
    EXPECT_EQ(found.front().finding.rule, rule_of(path)) << path;
    ASSERT_FALSE(found.front().finding.evidence.empty()) << path;
    EXPECT_GT(found.front().finding.evidence.front().where.line, 0U);
  }
}

TEST(Diagnose, EveryLogSaysWhereItIsFrom) {
  std::set<std::string> with_source, names;
  const std::string text =
      file_text(std::filesystem::path(testing::source_folder) / "tests/logs/sources.txt");
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) continue;
    const std::string_view source = line.substr(tab + 1);
    EXPECT_TRUE(source.starts_with("made by the tool: ") || source.starts_with("after https://") ||
                source.starts_with("worded here"))
        << line;
    EXPECT_TRUE(with_source.insert(std::string(line.substr(0, tab))).second) << line;
  }
  for (const auto& path : logs()) names.insert(path.stem().string());
  EXPECT_EQ(names, with_source);
}

TEST(Diagnose, EveryRuleHasALogThatShowsItAndSaysEverythingAReaderNeeds) {
  std::set<std::string> shown;
  for (const auto& path : logs()) shown.insert(rule_of(path));
  for (const LogRule& rule : read_diagnose_rules(diagnose_data::rules().front().text, "rules.toml").rules) {
    EXPECT_TRUE(shown.contains(rule.name)) << rule.name << " has no log";
    EXPECT_FALSE(rule.what.empty() || rule.cause.empty() || rule.fix.empty() || rule.source.empty())
        << rule.name;
    std::set<BuildTold::Kind> kinds;
    for (const RuleOf& of : rule.of)
      EXPECT_TRUE(kinds.insert(of.kind).second) << rule.name << " says two things of one kind";
    for (const RuleMatch& match : rule.matches) EXPECT_NO_THROW(match.pattern.get()) << rule.name;
  }
}

TEST(Diagnose, ACauseIsFoundWhereverTheLogIsCutIntoPieces) {
  for (const auto& path : logs()) {
    const std::string log = file_text(path);
    const std::string whole = diagnosis_json(diagnose(log));
    for (const std::size_t piece : {1U, 7U, 64U}) {
      Diagnoser diagnoser;
      for (std::size_t at = 0; at < log.size(); at += piece)
        diagnoser.feed(std::string_view(log).substr(at, piece));
      EXPECT_EQ(diagnosis_json(diagnoser.finish()), whole) << path;
    }
  }
}

TEST(Diagnose, ACauseIsFoundAtEveryOffsetAroundTheBorderOfTwoChunks) {
  const std::string cause =
      "error: hash mismatch in fixed-output derivation '/nix/store/a-src.drv':\n         specified: "
      "sha256-AAA=\n            got:    sha256-BBB=\n";
  const std::string filler = "[1/2] compiling something that goes well and says so at some length\n";
  std::string log;
  while (log.size() < (std::size_t{1} << 20) + 70'000) log += filler;
  for (std::size_t at = (std::size_t{1} << 20) - 300; at < (std::size_t{1} << 20) + 66'000; at += 997) {
    const std::string text = log.substr(0, at) + "\n" + cause + log.substr(at);
    const auto found = diagnose(text);
    ASSERT_EQ(found.size(), 1U) << at;
    EXPECT_EQ(found[0].details.at("got"), "sha256-BBB=") << at;
    EXPECT_EQ(found[0].finding.evidence.size(), 3U);
    EXPECT_EQ(found[0].finding.evidence[0].where.line,
              static_cast<std::uint64_t>(std::count(
                  text.begin(), text.begin() + static_cast<std::ptrdiff_t>(text.find("error: hash")), '\n')) +
                  1)
        << at;
  }
}

TEST(Diagnose, TheCauseComesBeforeWhatFollowsFromItEvenIfThatIsPrintedFirst) {
  const auto found = diagnose(
      "-- Could NOT find CUDA (missing: CUDA_TOOLKIT_ROOT_DIR)\n"
      "a.cpp:1:2: error: expected ';'\n"
      "cp: error writing 'x': No space left on device\n"
      "error: builder for '/nix/store/x.drv' failed with exit code 1\n");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].finding.rule, "no-space-left");
  EXPECT_EQ(found[1].finding.rule, "cuda-not-found");
}

TEST(Diagnose, WhatIsRightInACpuBuildIsWrongInAGpuBuildAndTheOtherWayRound) {
  const std::string off = "--   USE_CUDA              : OFF\n", on = "--   USE_CUDA              : ON\n";
  const std::string lost =
      off +
      "-- Could NOT find CUDA (missing: CUDA_INCLUDE_DIRS)\nninja: build stopped: interrupted by user.\n";
  const BuildTold cpu{.kind = BuildTold::Kind::cpu, .isa = "avx2"},
      gpu{.kind = BuildTold::Kind::gpu, .gpus = "9.0", .cuda = "13.0", .isa = "avx2"};
  EXPECT_TRUE(diagnose(off, "", cpu).empty());
  EXPECT_TRUE(diagnose(on, "", gpu).empty());
  EXPECT_TRUE(diagnose(on).empty());
  const auto none = diagnose(off, "", gpu);
  ASSERT_EQ(none.size(), 1U);
  EXPECT_EQ(none[0].finding.severity, Severity::error);
  EXPECT_NE(none[0].finding.cause.find("9.0 with CUDA 13.0"), std::string::npos);
  EXPECT_EQ(diagnose(on, "", cpu).at(0).finding.rule, "cuda-on");
  EXPECT_EQ(diagnose(off).at(0).finding.severity, Severity::warning);
  EXPECT_EQ(diagnose(lost, "", gpu).back().finding.rule, "cuda-not-found");
  for (const Diagnosis& one : diagnose(lost, "", cpu)) EXPECT_NE(one.finding.rule, "cuda-not-found");
  EXPECT_NE(diagnose("bash: line 1: 7 Illegal instruction ./x\n", "", gpu).at(0).finding.cause.find("avx2"),
            std::string::npos);
}

TEST(Diagnose, DerivationsAreThoseThatTheLogSaysAreBuiltOrFailed) {
  const std::string hash(32, 'a');
  Diagnoser log;
  log.feed("these derivations will be built:\n  /nix/store/" + hash + "-input-1.drv\nbuilding '/nix/store/" +
           hash + "-pytorch-python313-cpu-avx2-2.10.0.drv'...\n" + "torch> \x1b[31mcopying '/nix/store/" +
           hash + "-x'\x1b[0m\nerror: builder for '/nix/store/" + hash +
           "-magma-2.9.0.drv' failed with exit code 1;\n" + "error: Cannot build '/nix/store/" + hash +
           "-magma-2.9.0.drv'.\n");
  EXPECT_EQ(log.derivations(),
            (std::vector<std::string>{"pytorch-python313-cpu-avx2-2.10.0", "magma-2.9.0"}));
  EXPECT_EQ(log.finish().at(0).finding.rule, "builder-failed");
}

TEST(Diagnose, AnArchitectureIsGivenBackAsPytorchSpellsIt) {
  const auto fix = [](const std::string& arch) {
    return diagnose("  Found Unknown CUDA Architecture Name in CUDA_SELECT_NVCC_ARCH_FLAGS: " + arch + "\n")
        .at(0)
        .finding.fix;
  };
  EXPECT_NE(fix("sm_90").find("\"9.0\""), std::string::npos);
  EXPECT_NE(fix("sm_120").find("\"12.0\""), std::string::npos);
  EXPECT_NE(fix("compute_90a").find("\"9.0a\""), std::string::npos);
  EXPECT_NE(fix("12.0f").find("\"12.0\""), std::string::npos);
}

TEST(Diagnose, EscapeCodesCarriageReturnsAndBadUtf8DoNotHideACauseAndDoNotComeOut) {
  const auto found = diagnose(
      "\r 10%\r 20%\xff\xfe nvcc \x1b[31mx\x1b[0m\rnvcc fatal   : \x1b[1mUnsupported gpu architecture\x1b[0m "
      "'compute_70\xff'\r\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].finding.rule, "unsupported-gpu-architecture");
  EXPECT_EQ(found[0].finding.evidence.at(0).what,
            "nvcc fatal   : Unsupported gpu architecture 'compute_70\\xff'");
  EXPECT_EQ(found[0].details.at("arch"), "compute_70\\xff");
}

TEST(Diagnose, OneEndlessLineIsReadInConstantMemoryAndItsEvidenceIsShort) {
  Diagnoser diagnoser;
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 40; ++i) diagnoser.feed(piece);
  diagnoser.feed(" nvcc fatal   : Unsupported gpu architecture 'compute_60' ");
  for (int i = 0; i < 3; ++i) diagnoser.feed(piece);
  const auto found = diagnoser.finish();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].finding.evidence.at(0).where.line, 1U);
  EXPECT_LT(found[0].finding.evidence.at(0).what.size(), 500U);
}

TEST(Diagnose, TheSameCauseManyTimesIsOneFindingWithACount) {
  std::string log;
  for (int i = 0; i < 100; ++i) log += "nvcc fatal   : Unsupported gpu architecture 'compute_70'\n";
  const auto found = diagnose(log);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].count, 100U);
  EXPECT_LE(found[0].finding.evidence.size(), 6U);
}

TEST(Diagnose, WhatCiSystemsAndBuildersWriteBeforeALineIsNeitherInTheWayNorShown) {
  for (const std::string prefix :
       {"2026-01-02T03:04:05.678Z ", "#12 34.5 ", "##[error]", "torch> ", "       > ", "\u2503 ",
        "\u2503 torch> ", "34.51 ", "[12:34:56] ", "[12:34:56]W:\t [Step 1/2] ",
        "2026-01-02T03:04:05.678901234Z stderr F ", "app-1  | ", "E   ",
        "[rank3]: ", "2026-01-02T03:04:05Z #7 1.25 ", "\x1b[31m", "      \u2502   "}) {
    const auto found = diagnose("starts\r\n" + prefix + "Killed\r\nends\n");
    ASSERT_FALSE(found.empty()) << prefix;
    EXPECT_EQ(found[0].finding.rule, "compiler-killed") << prefix;
    ASSERT_EQ(found[0].finding.evidence.size(), 1U) << prefix;
    EXPECT_EQ(found[0].finding.evidence[0].what, "Killed") << prefix;
    EXPECT_EQ(found[0].finding.evidence[0].where.line, 2U) << prefix;
  }
}

TEST(Diagnose, LinesBeforeAndMessagesOfNixAreReadWhateverEndsOrPrecedesTheLines) {
  const std::string log =
      "Getting requirements to build wheel ... error\n  File \"setup.py\", line 9, in "
      "<module>\nModuleNotFoundError: No module named 'torch'\n";
  EXPECT_EQ(first_rule(log), "build-isolation");
  EXPECT_EQ(first_rule(replace_all(log, "\n", "\r\n")), "build-isolation");
  EXPECT_EQ(first_rule("2026-01-02T03:04:05.678Z @nix {\"action\":\"msg\",\"level\":0,\"msg\":\"error: "
                       "writing to file: No space left on device\"}\n"),
            "no-space-left");
}

TEST(Diagnose, TheCaseOfLettersDoesNotMatter) {
  EXPECT_EQ(first_rule("cp: NO SPACE LEFT ON DEVICE\n"), "no-space-left");
  EXPECT_EQ(first_rule("ld: Relocation Truncated To Fit\n"), "relocation-overflow");
}

TEST(Diagnose, ALogInUtf16OfEitherOrderWithAMarkOrWithoutSaysWhatItSaysInUtf8) {
  const std::string log =
      "ok \u2018\U0001f600\u2019\r\nnvcc fatal   : Unsupported gpu architecture 'compute_70'\r\n";
  const std::string expected = diagnosis_json(diagnose(log));
  for (const bool little : {true, false}) {
    for (const bool mark : {true, false}) {
      std::u16string units = mark ? u"\ufeff" : u"";
      units += u"ok \u2018\U0001f600\u2019\r\nnvcc fatal   : Unsupported gpu architecture 'compute_70'\r\n";
      std::string bytes;
      for (const char16_t unit : units) {
        const char low = static_cast<char>(unit & 0xff), high = static_cast<char>(unit >> 8);
        bytes += little ? std::string{low, high} : std::string{high, low};
      }
      EXPECT_EQ(diagnosis_json(diagnose(bytes)), expected) << little << mark;
    }
  }
}

TEST(Diagnose, ALogWrappedAtSomeColumnOrBetweenWordsIsReadAndItsLinesAreCountedAsTheyAre) {
  const std::string start =
      "starting a build whose lines are long enough that a terminal of eighty columns cut them all\n";
  const std::string cause =
      "/build/source/very/long/path/to/a/file.cu(12): nvcc fatal   : Unsupported gpu architecture "
      "'compute_70'\n";
  std::string cut;
  for (const std::string& line : {start, cause}) {
    for (std::size_t at = 0; at < line.size(); at += 80)
      cut += line.substr(at, 80) + (at + 80 < line.size() ? "\n" : "");
  }
  const auto found = diagnose(cut);
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].finding.rule, "unsupported-gpu-architecture");
  EXPECT_EQ(found[0].finding.evidence.at(0).where.line, 3U);
  EXPECT_EQ(first_rule("collect2: fatal error: something that is quite long and says that there was No space "
                       "left\non device\n"),
            "no-space-left");
}

TEST(Diagnose, AWrappedLogIsJoinedUpToAMebibyteAndNotBeyond) {
  const std::string filler = "a line that is shorter than the terminal is wide, of which a build has many\n";
  const std::string cause =
      "an error whose line was cut in two by a terminal of eighty columns: No space lef\nt on device\n";
  for (const auto& [size, rule] : {std::pair(900'000, "no-space-left"), std::pair(1'100'000, "")}) {
    std::string log;
    while (log.size() < static_cast<std::size_t>(size)) log += filler;
    EXPECT_EQ(first_rule(log + cause), rule) << size;
  }
}

TEST(Diagnose, WhatOneRuleSaysOfALineAMoreGeneralOneDoesNotSayAgain) {
  EXPECT_EQ(
      diagnose("ImportError: libcudart.so.12: cannot open shared object file: No such file or directory\n")
          .size(),
      1U);
  Diagnoser all;
  all.feed("ImportError: libcudart.so.12: cannot open shared object file: No such file or directory\n");
  EXPECT_EQ(all.finish(true).size(), 2U);
}

TEST(Diagnose, TheKindsAreToldWithoutALogAndNothingInBracesIsLeft) {
  for (const KnownFailure& failure : known_failures()) {
    for (const std::string& text : {failure.what, failure.cause, failure.fix}) {
      EXPECT_EQ(text.find("{}"), std::string::npos) << failure.name;
      EXPECT_EQ(text.find("|dotted"), std::string::npos) << failure.name;
      EXPECT_FALSE(text.empty()) << failure.name;
    }
  }
}

TEST(Diagnose, APhraseThatOnlyALogCanFillIsLeftOutOfAKindsText) {
  EXPECT_EQ(without_log("it killed {program?a process}{near}"), "it killed a process");
  EXPECT_EQ(without_log("it needs{found} {library}"), "it needs LIBRARY");
}

TEST(Diagnose, JsonLinesOfContainersAndLoggersAreReadAsTheirMessage) {
  EXPECT_EQ(
      first_rule(
          R"({"log":"c++: fatal error: Killed signal terminated program cc1plus\n","stream":"stderr"})"),
      "compiler-killed");
  EXPECT_EQ(
      first_rule(
          R"({"level": "error", "message": "ImportError: libcudart.so.13: cannot open shared object file"})"),
      "cuda-library-missing");
  EXPECT_EQ(first_rule(R"({"level":"error","msg":"Killed"})"), "compiler-killed");
  EXPECT_EQ(first_rule(R"({"log":"Killed\n","stream":"stderr"})"), "compiler-killed");
}

TEST(Diagnose, ALogThatHoldsAnErrorIsNeverNothingAndTheCompilersFirstErrorComesBeforeNinjasFailed) {
  const auto found = diagnose(
      "FAILED: x.o\nc++ -c x.cpp\nx.cpp:3:1: error: 'Foo' does not name a type\nx.cpp:9:1: error: again\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].finding.severity, Severity::error);
  EXPECT_EQ(found[0].finding.what,
            "not known to this version; most likely this line: x.cpp:3:1: error: 'Foo' does not name a type");
  for (const std::string line : {"error: odd",
                                 "OddError: \n  odd",
                                 "/usr/bin/ld: odd",
                                 "odd.lib : fatal error LNK1000: odd",
                                 "error[E0308]: odd",
                                 "panic: odd",
                                 "npm ERR! odd",
                                 "[ERROR] odd",
                                 "Error: odd",
                                 "ERROR: odd",
                                 "OddError: odd",
                                 "a.b.OddError: odd",
                                 "fatal: odd",
                                 "/usr/bin/ld: a.o: error: odd",
                                 "collect2: error: ld returned 1 exit status",
                                 "ptxas fatal   : odd",
                                 "make: *** [Makefile:3: all] Error 7",
                                 "Segmentation fault (core dumped)",
                                 "##[error]odd",
                                 "nvlink error   : odd",
                                 "thread 'main' panicked at src/x.rs:3"}) {
    ASSERT_FALSE(diagnose(line).empty()) << line;
    EXPECT_EQ(diagnose(line)[0].finding.severity, Severity::error) << line;
    EXPECT_TRUE(
        diagnose(line)[0].finding.what.starts_with("not known to this version; most likely this line: "))
        << line << diagnose(line)[0].finding.what;
  }
}

TEST(Diagnose, ALineThatSaysThatAllIsWellSaysNothingElse) {
  for (const std::string line :
       {"test_cuda.py::test_out_of_memory[CUDA out of memory] PASSED [ 12%]",
        "[ RUN      ] Disk.No space left on device", "ok 3 - No space left on device",
        "warning: unable to download 'x': Could not resolve host: y; retrying in 250 ms",
        "make[1]: [Makefile:3: check] Error 137 (ignored)",
        "-- Looking for libcudart.so: cannot open shared object file", "    libnvrtc.so.12 -> not found!",
        "test error: 2.5%", "100% tests passed, 0 tests failed out of 30",
        "Failed to open connection to \"system\" message bus: Failed to connect to socket "
        "/run/dbus/system_bus_socket: No such file"}) {
    EXPECT_EQ(first_rule(line + "\n"), "") << line;
  }
}

TEST(Diagnose, NothingIsMadeOfALogThatEndsWellOrOfNone) {
  EXPECT_EQ(first_rule(""), "");
  EXPECT_EQ(
      first_rule("[1/3] Building CXX object error_handling.cpp.o\n-- Performing Test HAVE_X - Failed\n"), "");
}

}  // namespace
}  // namespace lathe

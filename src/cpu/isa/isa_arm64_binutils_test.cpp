// SPDX-License-Identifier: MIT
// data/arm64_instructions.txt held against binutils, which knows for each instruction what it needs: what
// objdump reads out of a word, the assembler must take with the extensions that the table names, and refuse
// without any one of them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "testing/test_paths.h"
#include "base/text.h"
#include "cpu/isa/isa.h"
#include "formats/elf.h"
#include "cpu/isa/isa_arm64.h"
#include "os/mapped_file.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

using testing::ScratchFolder;
using Words = std::set<std::uint32_t>;

// How the assembler is told of an extension: some it knows only as part of an architecture, others only from
// one on.
struct Spelling {
  int minor = 0;  // .arch armv8.MINOR-a
  std::string_view name = {};
};
Spelling spelling_of(std::string_view extension) {
  static const std::map<std::string_view, Spelling> special = {{"fcma", {2, "compnum"}},
                                                               {"jscvt", {3}},
                                                               {"frintts", {5}},
                                                               {"flagm2", {5}},
                                                               {"wfxt", {7}},
                                                               {"rcpc2", {4}},
                                                               {"fp16", {2, "fp16"}},
                                                               {"fp16fml", {2, "fp16fml"}},
                                                               {"dotprod", {2, "dotprod"}},
                                                               {"sha3", {2, "sha3"}},
                                                               {"sm4", {2, "sm4"}},
                                                               {"i8mm", {2, "i8mm"}},
                                                               {"bf16", {2, "bf16"}},
                                                               {"memtag", {5, "memtag"}},
                                                               {"ls64", {6, "ls64"}},
                                                               {"mops", {7, "mops"}},
                                                               {"hbc", {7, "hbc"}},
                                                               {"cssc", {8, "cssc"}},
                                                               {"rng", {5, "rng"}},
                                                               {"sve", {2, "sve"}},
                                                               {"sme", {6, "sme"}},
                                                               {"f32mm", {2, "f32mm"}},
                                                               {"f64mm", {2, "f64mm"}}};
  const auto found = special.find(extension);
  if (found != special.end()) return found->second;
  return {extension.starts_with("sve2") ? 2 : 0, extension};
}

std::string header_of(const ExtensionSet& set) {
  int minor = 0;
  std::string directives;
  for (std::size_t i = 0; i < extension_count; ++i) {
    if (!set[i]) continue;
    const Spelling spelling = spelling_of(name_of(static_cast<Extension>(i)));
    minor = std::max(minor, spelling.minor);
    if (!spelling.name.empty()) directives += fmt::format(".arch_extension {}\n", spelling.name);
    // Parts of SME that this does not tell apart.
    if (spelling.name == "sme") directives += ".arch_extension sme-f64\n.arch_extension sme-i64\n";
  }
  return (minor ? fmt::format(".arch armv8.{}-a\n", minor) : ".arch armv8-a\n") + directives;
}

// The architecture stays, and with it what else the extension builds on, unless it is the extension.
std::string header_without(const ExtensionSet& set, std::size_t extension) {
  ExtensionSet fewer = set;
  fewer.reset(extension);
  std::string header = header_of(fewer);
  const Spelling spelling = spelling_of(name_of(static_cast<Extension>(extension)));
  if (fewer.none() && !spelling.name.empty() && spelling.minor)
    header = fmt::format(".arch armv8.{}-a\n", spelling.minor);
  return header;
}

// Words of each row of the table, its free bits at random.
Words words_of_table(std::mt19937_64& random) {
  std::ifstream file(std::string(testing::source_folder) + "/src/cpu/isa/data/arm64_instructions.txt");
  Words words;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto mask = static_cast<std::uint32_t>(std::stoul(line.substr(0, 8), nullptr, 16));
    const auto value = static_cast<std::uint32_t>(std::stoul(line.substr(9, 8), nullptr, 16));
    for (int i = 0; i < 300; ++i) words.insert(value | (static_cast<std::uint32_t>(random()) & ~mask));
  }
  return words;
}

// The distinct words of a library's code.
Words words_of_file(const std::filesystem::path& path) {
  const MappedFile map = MappedFile::open(path);
  const Elf elf = Elf::parse(map.bytes(), path.string());
  Words words;
  for (const ElfSection& section : elf.sections()) {
    if (!(section.flags & elf::shf_exec)) continue;
    const ByteSpan code = elf.contents(section);
    for (std::size_t at = 0; at + 4 <= code.size(); at += 4) {
      std::uint32_t word;
      std::memcpy(&word, code.data() + at, 4);
      words.insert(word);
    }
  }
  return words;
}

// The cross compiler's own libraries, where it is installed, and what the environment names, separated by
// colons.
std::vector<std::filesystem::path> libraries() {
  std::vector<std::filesystem::path> paths = {"/usr/aarch64-linux-gnu/lib/libc.so.6",
                                              "/usr/aarch64-linux-gnu/lib/libm.so.6"};
  if (const char* more = std::getenv("LATHE_ARM64_LIBRARIES")) {
    for (const std::string_view path : split(more, ':')) paths.emplace_back(path);
  }
  std::erase_if(paths, [](const auto& path) { return !std::filesystem::exists(path); });
  return paths;
}

// objdump's text of each word that it knows and that does not depend on its place.
std::map<std::uint32_t, std::string> disassemble(const ScratchFolder& folder, const Words& words) {
  const std::vector<std::uint32_t> list(words.begin(), words.end());
  std::ofstream(folder.path() / "words", std::ios::binary)
      .write(reinterpret_cast<const char*>(list.data()), static_cast<std::streamsize>(list.size() * 4));
  const std::string out = folder.run("aarch64-linux-gnu-objdump -D -M no-aliases -b binary -m aarch64 words");
  std::map<std::uint32_t, std::string> texts;
  for (const std::string_view line : split(out, '\n')) {
    const auto columns = split(line, '\t');
    if (columns.size() < 3) continue;
    std::uint32_t word = 0;
    std::from_chars(columns[1].data(), columns[1].data() + columns[1].size(), word, 16);
    std::string text = std::string(columns[2]) + " " + (columns.size() > 3 ? std::string(columns[3]) : "");
    text = text.substr(0, text.find("  //"));
    text = text.substr(0, text.find(" //"));
    const bool depends_on_place =
        text.find("0x") != text.npos &&
        (text[0] == 'b' || text.starts_with("ad") || text.starts_with("cb") || text.starts_with("tb") ||
         text.starts_with("ldr") || text.starts_with("prfm"));
    if (text.starts_with(".") || text.starts_with("sys ") || depends_on_place ||
        line.find("undefined") != line.npos || line.find("note:") != line.npos)
      continue;
    texts[word] = text;
  }
  return texts;
}

// The numbers of the lines that the assembler refuses.
std::set<std::size_t> refused(const ScratchFolder& folder, const std::string& header,
                              const std::vector<std::string>& lines) {
  std::string text = header;
  for (const std::string& line : lines) text += line + "\n";
  folder.write("x.s", text);
  const auto first = static_cast<std::size_t>(std::ranges::count(header, '\n')) + 1;
  std::set<std::size_t> numbers;
  const std::string messages = folder.run("aarch64-linux-gnu-as -o x.o x.s 2>&1 || true");
  for (const std::string_view line : split(messages, '\n')) {
    if (line.find("Error") == line.npos) continue;
    const auto parts = split(line, ':');
    std::size_t number = 0;
    if (parts.size() > 1) std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), number);
    if (number >= first) numbers.insert(number - first);
  }
  return numbers;
}

class Comparison {
 public:
  explicit Comparison(const ScratchFolder& folder) : folder_(folder) {}

  void run(const Words& words) {
    std::map<std::uint8_t, std::pair<std::vector<std::uint32_t>, std::vector<std::string>>> groups;
    for (const auto& [word, text] : disassemble(folder_, words)) {
      auto& group = groups[classify_arm64(word)];
      group.first.push_back(word);
      group.second.push_back(text);
    }
    for (const auto& [needs, group] : groups) compare(arm64_needs(needs), group.first, group.second);
  }
  std::size_t compared() const { return compared_; }
  std::size_t not_assembled() const { return not_assembled_; }

 private:
  void compare(const ExtensionSet& needs, const std::vector<std::uint32_t>& words,
               const std::vector<std::string>& lines) {
    const auto with = refused(folder_, header_of(needs), lines);
    const auto with_all = refused(folder_, everything, lines);
    for (const std::size_t number : with) {
      if (with_all.contains(number)) {
        ++not_assembled_;  // objdump's text is not the assembler's language
      } else {
        report("needs more than " + names_of(needs), words[number], lines[number]);
      }
    }
    for (std::size_t i = 0; i < extension_count; ++i) {
      if (!needs[i]) continue;
      const auto without = refused(folder_, header_without(needs, i), lines);
      for (std::size_t number = 0; number < lines.size(); ++number) {
        if (!without.contains(number))
          report("does not need " + std::string(name_of(static_cast<Extension>(i))), words[number],
                 lines[number]);
      }
    }
    compared_ += lines.size() - with.size();
  }

  void report(const std::string& what, std::uint32_t word, const std::string& text) {
    if (++reported_[what] <= 4) ADD_FAILURE() << fmt::format("{:08x}  {}  {}", word, text, what);
  }

  static constexpr const char* everything =
      ".arch armv8.8-a\n.arch_extension sve2\n.arch_extension sve2-aes\n.arch_extension "
      "sve2-sha3\n.arch_extension sve2-sm4\n"
      ".arch_extension sve2-bitperm\n.arch_extension f32mm\n.arch_extension f64mm\n.arch_extension "
      "sme\n.arch_extension sme-f64\n"
      ".arch_extension sme-i64\n.arch_extension memtag\n.arch_extension rng\n.arch_extension "
      "tme\n.arch_extension ls64\n"
      ".arch_extension mops\n.arch_extension hbc\n.arch_extension cssc\n.arch_extension "
      "crypto\n.arch_extension sha3\n"
      ".arch_extension sm4\n.arch_extension fp16fml\n.arch_extension i8mm\n.arch_extension "
      "bf16\n.arch_extension ssbs\n"
      ".arch_extension predres\n.arch_extension sb\n.arch_extension lor\n.arch_extension profile\n";

  const ScratchFolder& folder_;
  std::map<std::string, int> reported_;
  std::size_t compared_ = 0, not_assembled_ = 0;
};

TEST(IsaArm64, NeedsOfEveryWordAreBinutils) {
  if (!testing::have_program("aarch64-linux-gnu-objdump")) GTEST_SKIP() << "no binutils for aarch64";
  std::mt19937_64 random(1);
  const ScratchFolder folder;
  Comparison comparison(folder);
  Words words = words_of_table(random);
  for (int i = 0; i < 60'000; ++i) words.insert(static_cast<std::uint32_t>(random()));
  comparison.run(words);
  EXPECT_GT(comparison.compared(), 20'000u);
  EXPECT_LT(comparison.not_assembled() * 20, comparison.compared());
}

TEST(IsaArm64, NeedsOfEveryWordOfRealLibrariesAreBinutils) {
  if (!testing::have_program("aarch64-linux-gnu-objdump")) GTEST_SKIP() << "no binutils for aarch64";
  if (libraries().empty()) GTEST_SKIP() << "no library for aarch64";
  const ScratchFolder folder;
  Comparison comparison(folder);
  for (const auto& path : libraries()) comparison.run(words_of_file(path));
  EXPECT_GT(comparison.compared(), 5'000u);
}

}  // namespace
}  // namespace lathe

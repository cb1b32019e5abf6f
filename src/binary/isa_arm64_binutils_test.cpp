// SPDX-License-Identifier: MIT
// data/arm64_instructions.txt held against binutils, which knows for each instruction what it needs: what objdump reads out of
// a word, the assembler must take with the extensions that the table names, and refuse without any one of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "base/text.h"
#include "binary/elf.h"
#include "binary/isa_arm64.h"
#include "binary/test_files.h"
#include "os/mapped_file.h"

namespace lathe {
namespace {

using testing::ScratchFolder;
using Words = std::set<std::uint32_t>;

// The assembler's names where they differ. Some extensions it knows only as part of an architecture.
std::string directive_of(std::string_view extension) {
  static const std::map<std::string_view, std::string> others = {
      {"fcma", "compnum"},   {"rcpc2", ".arch armv8.4-a"}, {"jscvt", ".arch armv8.3-a"}, {"frintts", ".arch armv8.5-a"},
      {"flagm2", ".arch armv8.5-a"}, {"wfxt", ".arch armv8.7-a"}, {"sha2", "sha2"}};
  const auto found = others.find(extension);
  const std::string name = found == others.end() ? std::string(extension) : found->second;
  return name.starts_with('.') ? name : ".arch_extension " + name;
}

std::string header_of(const ExtensionSet& set) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < extension_count; ++i) {
    if (set[i]) lines.push_back(directive_of(name_of(static_cast<Extension>(i))));
  }
  // .arch forgets what came before it.
  std::ranges::stable_sort(lines, std::greater<>(), [](const std::string& line) { return line.starts_with(".arch "); });
  std::string text = ".arch armv8-a\n";
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// Words of each row of the table, its free bits at random.
Words words_of_table(std::mt19937_64& random) {
  std::ifstream file(LATHE_SOURCE_DIR "/src/binary/data/arm64_instructions.txt");
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

// The cross compiler's own libraries, where it is installed, and what the environment names, separated by colons.
std::vector<std::filesystem::path> libraries() {
  std::vector<std::filesystem::path> paths = {"/usr/aarch64-linux-gnu/lib/libc.so.6", "/usr/aarch64-linux-gnu/lib/libm.so.6"};
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
  const std::string out = folder.run("aarch64-linux-gnu-objdump -D -b binary -m aarch64 words");
  std::map<std::uint32_t, std::string> texts;
  for (const std::string_view line : split(out, '\n')) {
    const auto columns = split(line, '\t');
    if (columns.size() < 3) continue;
    std::uint32_t word = 0;
    std::from_chars(columns[1].data(), columns[1].data() + columns[1].size(), word, 16);
    std::string text = std::string(columns[2]) + " " + (columns.size() > 3 ? std::string(columns[3]) : "");
    text = text.substr(0, text.find("  //"));
    text = text.substr(0, text.find(" //"));
    const bool depends_on_place = text.find("0x") != text.npos && (text[0] == 'b' || text.starts_with("ad") ||
                                  text.starts_with("cb") || text.starts_with("tb") || text.starts_with("ldr") || text.starts_with("prfm"));
    if (text.starts_with(".") || depends_on_place || line.find("undefined") != line.npos || line.find("note:") != line.npos) continue;
    texts[word] = text;
  }
  return texts;
}

// The numbers of the lines that the assembler refuses.
std::set<std::size_t> refused(const ScratchFolder& folder, const std::string& header, const std::vector<std::string>& lines) {
  std::string text = header;
  for (const std::string& line : lines) text += line + "\n";
  folder.write("x.s", text);
  const auto first = static_cast<std::size_t>(std::ranges::count(header, '\n')) + 1;
  std::set<std::size_t> numbers;
  for (const std::string_view line : split(folder.run("aarch64-linux-gnu-as -o x.o x.s 2>&1 || true"), '\n')) {
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
  void compare(const ExtensionSet& needs, const std::vector<std::uint32_t>& words, const std::vector<std::string>& lines) {
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
      ExtensionSet fewer = needs;
      fewer.reset(i);
      const auto without = refused(folder_, header_of(fewer), lines);
      for (std::size_t number = 0; number < lines.size(); ++number) {
        if (!without.contains(number)) report("does not need " + std::string(name_of(static_cast<Extension>(i))), words[number], lines[number]);
      }
    }
    compared_ += lines.size() - with.size();
  }

  void report(const std::string& what, std::uint32_t word, const std::string& text) {
    if (++reported_[what] <= 4) ADD_FAILURE() << fmt::format("{:08x}  {}  {}", word, text, what);
  }

  static constexpr const char* everything =
      ".arch armv9.4-a\n.arch_extension sve2\n.arch_extension sve2-aes\n.arch_extension sve2-sha3\n.arch_extension sve2-sm4\n"
      ".arch_extension sve2-bitperm\n.arch_extension f32mm\n.arch_extension f64mm\n.arch_extension sme\n.arch_extension sme-f64f64\n"
      ".arch_extension sme-i16i64\n.arch_extension memtag\n.arch_extension rng\n.arch_extension tme\n.arch_extension ls64\n"
      ".arch_extension mops\n.arch_extension hbc\n.arch_extension cssc\n.arch_extension crypto\n.arch_extension sha3\n"
      ".arch_extension sm4\n.arch_extension fp16fml\n.arch_extension i8mm\n.arch_extension bf16\n.arch_extension ssbs\n"
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

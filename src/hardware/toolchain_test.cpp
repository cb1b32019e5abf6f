// SPDX-License-Identifier: MIT
// The tables against the tools that they speak of, where those are installed: gcc's macros for the flags of
// each instruction set, and what nvcc lists, accepts and refuses.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"

namespace lathe {
namespace {

// What `command` prints on both streams; "" when it cannot be run.
std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen((command + " 2>&1").c_str(), "r"), pclose);
  std::string text;
  std::array<char, 4096> buffer;
  for (std::size_t count; pipe && (count = fread(buffer.data(), 1, buffer.size(), pipe.get())) > 0;) {
    text.append(buffer.data(), count);
  }
  return text;
}

// The first of these commands that says `sign` when asked for its version; "" when none does.
std::string installed(const std::vector<std::string>& commands, std::string_view sign) {
  for (const std::string& command : commands) {
    if (output_of(command + " --version").find(sign) != std::string::npos) return command;
  }
  return "";
}

std::set<std::string> macros_of(const std::string& compiler, const std::vector<std::string>& flags) {
  std::string command = compiler;
  for (const std::string& flag : flags) command += " " + flag;
  const std::string text = output_of(command + " -dM -E -x c /dev/null");
  std::set<std::string> names;
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split(line, ' ');
    if (words.size() > 1 && words[0] == "#define") names.emplace(words[1]);
  }
  return names;
}

// "sse4.1" is __SSE4_1__.
std::string x86_macro(std::string_view feature) {
  std::string name = "__";
  for (const char c : feature)
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name + "__";
}

bool names_an_extension(std::string_view macro) {
  static constexpr std::array<std::string_view, 4> others = {"__FP_FAST_", "__BIGGEST_ALIGNMENT__", "__EVEX",
                                                             "__SSE_"};
  return std::ranges::none_of(others, [&](std::string_view prefix) { return macro.starts_with(prefix); });
}

TEST(Toolchain, GccTurnsOnExactlyTheFeaturesOfEachX86Isa) {
  const std::string gcc = installed({"x86_64-linux-gnu-gcc"}, "Free Software Foundation");
  if (gcc.empty()) GTEST_SKIP() << "no x86 gcc here";
  const std::set<std::string> plain = macros_of(gcc, {});
  for (const Isa& isa : catalog().isas) {
    if (isa.machine != Machine::x86_64) continue;
    std::set<std::string> expected, found;
    for (const std::string& feature : isa.features) expected.insert(x86_macro(feature));
    for (const std::string& macro : macros_of(gcc, isa.flags)) {
      if (!plain.contains(macro) && names_an_extension(macro)) found.insert(macro);
    }
    EXPECT_EQ(found, expected) << isa.name;
  }
}

TEST(Toolchain, GccTurnsOnTheFeaturesOfEachArmIsaThatItHasMacrosFor) {
  const std::string gcc = installed({"aarch64-linux-gnu-gcc"}, "Free Software Foundation");
  if (gcc.empty()) GTEST_SKIP() << "no aarch64 gcc here";
  const std::map<std::string, std::string> macros = {
      {"crc", "CRC32"},       {"lse", "ATOMICS"},  {"rdma", "QRDMX"},   {"fp16", "FP16_VECTOR_ARITHMETIC"},
      {"dotprod", "DOTPROD"}, {"sve", "SVE"},      {"sve2", "SVE2"},    {"fp16fml", "FP16_FML"},
      {"jscvt", "JCVT"},      {"fcma", "COMPLEX"}, {"frintts", "FRINT"}};
  for (const Isa& isa : catalog().isas) {
    if (isa.machine != Machine::aarch64) continue;
    const std::set<std::string> found = macros_of(gcc, isa.flags);
    for (const auto& [feature, macro] : macros) {
      const bool listed = std::ranges::find(isa.features, feature) != isa.features.end();
      EXPECT_EQ(found.contains("__ARM_FEATURE_" + macro), listed) << isa.name << " " << feature;
    }
  }
}

// nvcc and its release, when it is one of the catalogue.
class Nvcc : public testing::Test {
 protected:
  void SetUp() override {
    nvcc_ = installed({"nvcc", "/usr/local/cuda/bin/nvcc"}, "NVIDIA");
    if (nvcc_.empty()) GTEST_SKIP() << "no nvcc on PATH or in /usr/local/cuda/bin";
    const std::string text = output_of(nvcc_ + " --version");
    const std::size_t at = text.find("release ");
    ASSERT_NE(at, std::string::npos) << text;
    const std::size_t start = at + 8;
    release_ = Version::parse(text.substr(start, text.find(',', start) - start)).value();
    if (!catalog().find_toolkit(release_))
      GTEST_SKIP() << "CUDA " << release_.text() << " is not in the catalogue";
  }

  bool accepts(const std::string& architecture) const {
    const std::string text =
        output_of(nvcc_ + " " + architecture + " --dryrun -c -o /dev/null -x cu /dev/null");
    return text.find("fatal") == std::string::npos && !text.empty();
  }

  std::set<std::string> listed(const std::string& option) const {
    const std::string text = output_of(nvcc_ + " " + option);
    std::set<std::string> words;
    for (const std::string_view line : split(text, '\n')) {
      if (!line.empty()) words.emplace(line);
    }
    return words;
  }

  std::string nvcc_;
  Version release_;
};

// nixpkgs stops giving Xavier's generation a toolkit before nvcc does, and the table follows nixpkgs.
bool nvcc_goes_on_longer(const CapabilityRow& row) {
  return row.tegra && row.last_cuda.has_value() && !row.now_called;
}

TEST_F(Nvcc, ListsTheCapabilitiesOfTheTable) {
  std::set<std::string> architectures = listed("--list-gpu-arch"), codes = listed("--list-gpu-code");
  std::set<std::string> compute, sm;
  for (const CapabilityRow& row : catalog().capabilities) {
    const std::string ptx = spell(row.capability, Dialect::compute),
                      cubin = spell(row.capability, Dialect::sm);
    if (nvcc_goes_on_longer(row)) {
      architectures.erase(ptx);
      codes.erase(cubin);
    } else if (why_not_compilable(row.capability, release_).empty()) {
      compute.insert(ptx);
      sm.insert(cubin);
    }
  }
  EXPECT_EQ(architectures, compute);
  EXPECT_EQ(codes, sm);
}

TEST_F(Nvcc, AcceptsAndRefusesEverySuffixAsTheTableSays) {
  for (const CapabilityRow& row : catalog().capabilities) {
    if (nvcc_goes_on_longer(row)) continue;
    for (const char suffix : {char(0), 'a', 'f'}) {
      const Capability one{row.capability.major, row.capability.minor, suffix};
      const std::string why_not = why_not_compilable(one, release_);
      EXPECT_EQ(accepts("-arch=" + spell(one, Dialect::sm)), why_not.empty())
          << spell(one, Dialect::sm) << why_not;
    }
  }
}

TEST_F(Nvcc, MakesCubinsOfPtxExactlyWhereThePtxRuns) {
  std::vector<Capability> all;
  for (const CapabilityRow& row : catalog().capabilities) {
    if (why_not_compilable(row.capability, release_).empty()) all.push_back(row.capability);
  }
  for (std::size_t from = 0; from < all.size(); ++from) {
    for (const char suffix : {char(0), 'f'}) {  // for an `a` nvcc wants the same suffix on both sides
      const Capability ptx{all[from].major, all[from].minor, suffix};
      if (!why_not_compilable(ptx, release_).empty()) continue;
      // Neighbours are where the rule can go wrong; each call costs some milliseconds.
      for (std::size_t to = from > 1 ? from - 2 : 0; to < std::min(from + 3, all.size()); ++to) {
        const std::string pair = fmt::format("-gencode=arch={},code={}", spell(ptx, Dialect::compute),
                                             spell(all[to], Dialect::sm));
        EXPECT_EQ(accepts(pair), runs_on({ptx, CodeKind::ptx}, all[to])) << pair;
      }
    }
  }
}

}  // namespace
}  // namespace lathe

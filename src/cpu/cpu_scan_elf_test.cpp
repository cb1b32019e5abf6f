// SPDX-License-Identifier: MIT
// Libraries that the system's compiler makes at test time, with flags of which the verdict is known.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/finding.h"
#include "cpu/cpu_scan.h"
#include "cpu/isa/isa.h"
#include "formats/elf.h"
#include "formats/object_file.h"
#include "os/mapped_file.h"
#include "testing/plain_object.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

using testing::ScratchFolder;

#if defined(__x86_64__)
CpuScan scan_file(const std::filesystem::path& path) {
  const MappedFile map = MappedFile::open(path);
  const Elf elf = Elf::parse(map.bytes(), path.string());
  Findings findings;
  const auto code = cpu_code_of(elf, findings);
  EXPECT_TRUE(code);
  EXPECT_EQ(findings.size(), 0u);
  return code ? scan_cpu(*code, {.threads = 2}) : CpuScan{};
}

CpuReach reach_of(const CpuScan& scan, std::string_view name) {
  const auto found = std::ranges::find(scan.kept, name, &CpuFunction::name);
  EXPECT_NE(found, scan.kept.end()) << name;
  return found == scan.kept.end() ? CpuReach::doubtful : found->reach;
}

constexpr std::string_view loop = R"(
  extern "C" float work(const float* p, int n) {
    float s = 0; for (int i = 0; i < n; ++i) s += p[i] * p[i]; return s;
  }
)";

TEST(CpuScanElf, NamesTheIsaThatALibraryWasBuiltFor) {
  const ScratchFolder folder;
  folder.write("a.cpp", loop);
  const auto least = [&](const std::string& flags) {
    folder.run("g++ -O3 -ffast-math -shared -fPIC " + flags + " -o a.so a.cpp");
    const std::string whole = scan_file(folder.path() / "a.so").least_isa;
    folder.run("strip a.so");
    EXPECT_EQ(scan_file(folder.path() / "a.so").least_isa, whole) << "stripped, " << flags;
    return whole;
  };
  EXPECT_EQ(least("-march=x86-64"), "x86-64");
  EXPECT_EQ(least("-march=x86-64-v3"), "avx2");
  EXPECT_EQ(least("-march=x86-64-v4 -mprefer-vector-width=512"), "avx512");
  EXPECT_EQ(least("-march=x86-64 -mavx"), "avx");
}

TEST(CpuScanElf, TrustsTargetClonesAndBuiltinCpuSupports) {
  const ScratchFolder folder;
  const std::string careful = R"(
    __attribute__((target_clones("default", "avx2", "avx512f")))
    extern "C" float clones(const float* p, int n) {
      float s = 0; for (int i = 0; i < n; ++i) s += p[i] * p[i]; return s;
    }
    __attribute__((target("avx512f"), noinline)) static float wide(const float* p, int n) {
      float s = 0; for (int i = 0; i < n; ++i) s += p[i] * p[i]; return s;
    }
    extern "C" float picks(const float* p, int n) {
      return __builtin_cpu_supports("avx512f") ? wide(p, n) : p[0];
    }
  )";
  const std::string careless = R"(
    extern "C" float careless(const float* p, int n) { return n > 100 ? wide(p, n) : p[0]; }
  )";
  const auto scan = [&](const std::string& text) {
    folder.write("a.cpp", text);
    folder.run("g++ -O3 -ffast-math -march=x86-64 -shared -fPIC -o a.so a.cpp");
    return scan_file(folder.path() / "a.so");
  };
  const CpuScan guarded = scan(careful);
  EXPECT_EQ(guarded.least_isa, "x86-64") << guarded.reason;
  EXPECT_GT(guarded.extensions[static_cast<std::size_t>(Extension::avx512f)], 0u);
  const CpuScan open = scan(careful + careless);
  EXPECT_EQ(open.least_isa, "x86-64") << open.reason;
  EXPECT_TRUE(open.undecided[static_cast<std::size_t>(Extension::avx512f)])
      << "a second caller that does not ask";
}

TEST(CpuScanElf, FindsWhatRunsAtLoadAndWhatLeaks) {
  const ScratchFolder folder;
  folder.write("a.h", R"(
    template <typename T> __attribute__((noinline)) T sum(const T* p, int n) {
      T s = 0; for (int i = 0; i < n; ++i) s += p[i]; return s;
    }
  )");
  folder.write("high.cpp", R"(#include "a.h"
    extern "C" float kernel_avx2(const float* p, int n) { return sum(p, n); }
    float table[64];
    __attribute__((constructor)) static void fill() {
      for (int i = 0; i < 64; ++i) table[i] += (float)i * table[63 - i];
    }
  )");
  folder.write("low.cpp", R"(#include "a.h"
    extern "C" float ordinary(const float* p, int n) { return sum(p, n); }
    extern "C" float other(float a, float b) { return a * b + 1; }
  )");
  folder.run("g++ -O3 -ffast-math -mavx2 -fPIC -c high.cpp && g++ -O3 -march=x86-64 -fPIC -c low.cpp");
  folder.run("g++ -shared -o a.so high.o low.o");
  const CpuScan scan = scan_file(folder.path() / "a.so");
  EXPECT_EQ(reach_of(scan, "_Z3sumIfET_PKS0_i"), CpuReach::unknown);
  EXPECT_EQ(reach_of(scan, "_ZL4fillv"), CpuReach::at_load) << "its loop runs at every load";
  folder.run("g++ -shared -o b.so low.o high.o");  // now the linker keeps the other copy
  EXPECT_EQ(scan_file(folder.path() / "b.so").functions_by_reach[static_cast<std::size_t>(CpuReach::unknown)],
            0u);
}

TEST(CpuScanElf, ScansProgramsAndObjectFiles) {
  const ScratchFolder folder;
  folder.write("main.cpp",
               std::string(loop) + "int main(int n, char** v) { return (int)work((float*)*v, n); }\n");
  folder.run("g++ -O3 -ffast-math -march=x86-64-v3 -o program main.cpp && strip program");
  EXPECT_EQ(scan_file(folder.path() / "program").least_isa, "avx2");
  folder.run("g++ -O3 -ffast-math -march=x86-64-v3 -c -o a.o main.cpp");
  EXPECT_EQ(scan_file(folder.path() / "a.o").least_isa, "avx2");
}

TEST(CpuScanElf, CountsAsObjdumpDoesOnTheCLibrary) {
  const ScratchFolder folder;
  const std::string path = "/lib/x86_64-linux-gnu/libc.so.6";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path;
  const CpuScan scan = scan_file(path);
  EXPECT_EQ(scan.least_isa, "x86-64") << scan.reason;
  const auto counted = [&](const std::string& mnemonics) {
    return std::stoul(
        folder.run("objdump -d --no-show-raw-insn " + path + " | grep -cE '\\s(" + mnemonics + ") '"));
  };
  const auto found = [&](Extension extension) {
    return scan.extensions[static_cast<std::size_t>(extension)];
  };
  EXPECT_EQ(found(Extension::bmi2), counted("shlx|shrx|sarx|bzhi|pdep|pext|mulx|rorx"));
  EXPECT_EQ(found(Extension::lzcnt), counted("lzcnt"));
  EXPECT_EQ(found(Extension::tzcnt), counted("tzcnt"));
  EXPECT_EQ(found(Extension::movbe), counted("movbe"));
}
#endif

// Of a format that is not ELF the sections of code are scanned. vpaddd ymm0, ymm0, ymm0; ret
TEST(CpuCodeOfOtherFormats, IsWhatTheirSectionsHold) {
  testing::PlainObject object(std::string(64, '\0'));
  object.add(".text", "\xc5\xfd\xfe\xc0\xc3", SectionUse::code);
  object.add(".data", "\xc5\xfd\xfe\xc0\xc3", SectionUse::data);
  Findings findings;
  const auto code = cpu_code_of(object, findings);
  ASSERT_TRUE(code);
  ASSERT_EQ(code->sections.size(), 1u);
  EXPECT_EQ(code->sections[0].address, object.section(0).address);
  EXPECT_EQ(scan_cpu(*code, {.threads = 1}).extensions[static_cast<std::size_t>(Extension::avx2)], 1u);
}

}  // namespace
}  // namespace lathe

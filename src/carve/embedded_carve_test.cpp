// SPDX-License-Identifier: MIT
// Carves libraries that keep device code as data, and loads what comes out.
#include <dlfcn.h>
#include <elf.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "carve/carve.h"
#include "carve/check/check.h"
#include "carve/plan/embedded_plan.h"
#include "device/embedded.h"
#include "device/target.h"
#include "formats/elf.h"
#include "formats/elf_headers.h"
#include "os/file.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

using testing::ScratchFolder;

struct Image {
  std::uint16_t kind;  // 1 PTX, 2 cubin, 8 LTO IR
  std::uint32_t arch;
  std::size_t size;
};

template <typename Number>
void put(std::string& bytes, Number number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

// A container as NVIDIA's libraries keep it; no payload byte is zero.
std::string container(const std::vector<Image>& images) {
  std::string all;
  for (const Image& image : images) {
    put<std::uint16_t>(all, image.kind);
    put<std::uint16_t>(all, 0x0101);
    put<std::uint32_t>(all, 64);
    put<std::uint64_t>(all, image.size);
    all.append(12, '\0');
    put<std::uint32_t>(all, image.arch);
    all.append(8, '\0');
    put<std::uint64_t>(all, 0x11);
    all.append(16, '\0');
    for (std::size_t i = 0; i < image.size; ++i) all += static_cast<char>(1 + (i * 7 + image.arch) % 255);
  }
  std::string bytes;
  put<std::uint32_t>(bytes, 0xBA55ED50);
  put<std::uint16_t>(bytes, 1);
  put<std::uint16_t>(bytes, 16);
  put<std::uint64_t>(bytes, all.size());
  return bytes + all;
}

constexpr std::size_t large = 40'000;
const std::vector<std::vector<Image>> containers = {
    {{2, 100, large}},
    {{2, 90, large}},
    {{2, 120, large}},                                // the first and the third go
    {{1, 75, 8000}, {2, 100, large}, {8, 75, 4000}},  // its cubin becomes zeros in the file
    {{8, 100, large}},
    {{1, 100, large}},
    {{2, 80, 64}, {2, 75, 8}}  // sources; and too little for a page
};

std::string all_containers() {
  std::string data;
  for (const auto& images : containers) data += container(images);
  return data;
}

// What a carve for 9.0 leaves in memory.
std::string carved_data() {
  std::string data = all_containers();
  std::size_t at = 0;
  for (const auto& images : containers) {
    at += 16;
    for (const Image& image : images) {
      if (image.kind == 2 && image.arch != 90) std::memset(data.data() + at + 64, 0, image.size);
      at += 64 + image.size;
    }
  }
  return data;
}

class CarveEmbedded : public ::testing::TestWithParam<const char*> {
 protected:
  std::filesystem::path make(const std::string& soname, const std::string& more = "") {
    folder_.write("data.bin", all_containers());
    folder_.write("a.s", std::string(".globl code, behind\n.section .code,\"") + GetParam() +
                             "\",@progbits\n.balign 16\n.type code,@object\ncode: .incbin \"data.bin\"\n" +
                             ".size code, .-code\nbehind: .quad 42\n" + more +
                             "\n.section .note.GNU-stack,\"\"\n");
    folder_.run("gcc -shared -o a.so a.s -Wl,--build-id -Wl,-soname," + soname);
    free_program_headers(folder_.path() / "a.so");
    return folder_.path() / "a.so";
  }

  // Each hole takes an entry. Those of notes, unwinding and hardening are of no use here.
  static void free_program_headers(const std::filesystem::path& path) {
    std::string bytes = read_file(path);
    std::vector<ProgramHeader> programs = program_headers(Elf::parse(as_byte_span(bytes), "a.so"));
    for (ProgramHeader& header : programs) {
      if (header.type == PT_NOTE || header.type == PT_GNU_EH_FRAME || header.type == PT_GNU_RELRO)
        header = {};
    }
    bytes.replace(elf::header_size, programs.size() * ProgramHeader::bytes, encode(programs));
    write_file_atomically(path, bytes);
  }

  CarvedFile carve(const std::filesystem::path& from, const std::string& to,
                   CarveOptions::Embedded embedded = CarveOptions::Embedded::known) {
    CarveOptions options;
    options.targets = parse_carve_targets("9.0");
    options.embedded = embedded;
    return carve_file(from, folder_.path() / to, options);
  }

  // What a process finds at `code`.
  std::string loaded(const std::string& name) {
    void* library = dlopen((folder_.path() / name).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return dlerror();
    const char* code = static_cast<const char*>(dlsym(library, "code"));
    const auto* behind = static_cast<const std::uint64_t*>(dlsym(library, "behind"));
    std::string data(code, all_containers().size());
    if (std::memcmp(behind, "\x2a\0\0\0\0\0\0", 8) != 0) data = "what lies behind is wrong";
    dlclose(library);
    return data;
  }

  ScratchFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(Sections, CarveEmbedded, ::testing::Values("a", "aw", "ax"));

TEST_P(CarveEmbedded, MachineCodeThatNoTargetRunsLeavesTheFileAndIsZerosInMemory) {
  const auto old = make("libcufft.so.12");
  const CarvedFile carved = carve(old, "b.so");
  EXPECT_EQ(carved.outcome, Outcome::carved);
  EXPECT_EQ(carved.embedded_dropped, 3 * large + 72);
  ASSERT_EQ(carved.notes.size(), 1u);
  EXPECT_EQ(carved.notes[0].what,
            "of 253 kB of device code that is data 120 kB go: machine code for 7.5, 8.0, 10.0, 12.0");
  const std::string bytes = read_file(folder_.path() / "b.so");
  EXPECT_LE(bytes.size(), read_file(old).size() - 2 * (large - 2 * 4096) + 1024);
  EXPECT_EQ(loaded("a.so"), all_containers());
  EXPECT_EQ(loaded("b.so"), carved_data());
  const Elf elf = Elf::parse(as_byte_span(bytes), "b.so");
  EXPECT_EQ(find_embedded(elf, {}).containers.size(), 4u);
}

TEST_P(CarveEmbedded, CanBeStrippedAndCarvedAgain) {
  carve(make("libcufft.so.12"), "b.so");
  EXPECT_EQ(carve(folder_.path() / "b.so", "c.so").outcome, Outcome::left_alone);
  EXPECT_EQ(folder_.run("strip -o d.so b.so 2>&1"), "");
  EXPECT_EQ(loaded("d.so"), carved_data());
  EXPECT_EQ(folder_.run("readelf -lSsW d.so 2>&1 >/dev/null"), "");
}

TEST_P(CarveEmbedded, StaysInLibrariesThatWereNeverRunWithoutIt) {
  const auto old = make("libother.so.1");
  EXPECT_EQ(carve(old, "b.so").outcome, Outcome::left_alone);
  EXPECT_EQ(carve(make("libcufft.so.12"), "c.so", CarveOptions::Embedded::keep).outcome, Outcome::left_alone);
  EXPECT_EQ(carve(make("libother.so.1"), "d.so", CarveOptions::Embedded::all).outcome, Outcome::carved);
  EXPECT_EQ(loaded("d.so"), carved_data());
}

TEST_P(CarveEmbedded, TheCheckSeesWhatIsNeitherThereNorZeros) {
  const auto path = make("libcufft.so.12");
  const std::string old = read_file(path);
  const Elf before = Elf::parse(as_byte_span(old), "a.so");
  const EmbeddedCode embedded = find_embedded(before, {});
  const CheckOptions options{.targets = parse_carve_targets("9.0"), .embedded = &embedded};
  const auto wrong = [&](const std::string& bytes) {
    const Elf after = Elf::parse(as_byte_span(bytes), "b.so");
    return !check_carved(before, {}, after, options).empty();
  };
  const auto payload = [&](std::size_t container) { return embedded.containers[{container}].images[{0}]; };
  EXPECT_FALSE(wrong(old));
  std::string bytes = old;
  std::memset(bytes.data() + payload(0).payload_offset(), 0, large);
  EXPECT_FALSE(wrong(bytes));
  bytes[payload(0).payload_offset() + 77] = 1;
  EXPECT_TRUE(wrong(bytes));
  for (const std::size_t kept : {1u, 3u, 4u, 5u}) {
    bytes = old;
    std::memset(bytes.data() + payload(kept).payload_offset(), 0, payload(kept).payload_size);
    EXPECT_TRUE(wrong(bytes)) << kept;
  }
  bytes = old;
  bytes[payload(0).offset] ^= 1;
  EXPECT_TRUE(wrong(bytes));
}

TEST(CarveEmbeddedPlan, LeavesWhatARelocationWritesInto) {
  ScratchFolder folder;
  std::string data = container({{2, 100, large}});
  folder.write("head.bin", data.substr(0, 2000));
  folder.write("tail.bin", data.substr(2008));
  folder.write("a.s",
               ".section .code,\"aw\"\n.balign 16\n.incbin \"head.bin\"\n.quad place\n.incbin \"tail.bin\"\n"
               ".data\nplace: .quad 1\n.section .note.GNU-stack,\"\"\n");
  folder.run("gcc -shared -nostdlib -o a.so a.s -Wl,-soname,libcufft.so.12");
  const std::string bytes = read_file(folder.path() / "a.so");
  const Elf elf = Elf::parse(as_byte_span(bytes), "a.so");
  const EmbeddedCode embedded = find_embedded(elf, {});
  ASSERT_EQ(embedded.containers.size(), 1u);
  EXPECT_TRUE(plan_embedded(elf, embedded, parse_carve_targets("9.0")).empty());
  EXPECT_TRUE(plan_embedded(elf, embedded, {}).empty());
}

TEST(CarveEmbeddedPlan, KeepsAllThatATargetCouldRunAndNotOnlyWhatItsDriverPicks) {
  const auto targets = parse_carve_targets("8.6");
  const auto code = [](const char* text) {
    const auto parsed = parse_carve_targets(text);
    return TargetCode{.target = parsed[0].device};
  };
  EXPECT_TRUE(runs_on_some(code("8.0"), targets));
  EXPECT_TRUE(runs_on_some(code("8.6"), targets));
  EXPECT_FALSE(runs_on_some(code("8.9"), targets));
  EXPECT_FALSE(runs_on_some(code("7.5"), targets));
}

}  // namespace
}  // namespace lathe

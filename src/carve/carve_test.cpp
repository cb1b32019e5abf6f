// SPDX-License-Identifier: MIT
// Carves real linked files of many kinds and lets the real tools look at the result.
#include "carve/carve.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "device/contents.h"
#include "carve/check/check.h"
#include "carve/plan/references.h"
#include "formats/elf.h"
#include "testing/gpu_libraries.h"
#include "os/file.h"
#include "os/mapped_file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::ScratchFolder;
using testing::TestImage;

const std::vector<std::vector<TestImage>> three_containers = {
    {{"sm_80"}, {"sm_90"}, {"sm_90a"}, {"compute_90"}},
    {{"sm_80", 70'000}, {"sm_90", 20'000}},
    {{"sm_75", 50'000}, {"sm_90", 15'000}, {"sm_120", 90'000}},
};

const std::vector<std::vector<TestImage>> some_pack = {
    {{.name = "sm_80", .packs = true},
     {.name = "sm_90", .packs = true},
     {.name = "compute_90", .packs = true}},
    {{.name = "sm_80"}, {.name = "sm_90", .size = 90'000, .packs = true}}};

CarveOptions for_gpu(std::string_view targets) {
  CarveOptions options;
  options.targets = parse_carve_targets(targets);
  return options;
}

// What `show` printed, without the images that a carve for 9.0 drops.
std::string only_for_90(std::string text) {
  text = std::regex_replace(text, std::regex(" (sm_(75|80|120)|compute_90)=[0-9a-f]+"), "");
  // Both sm_90 and sm_90a print as sm_90: the driver takes sm_90a, the second.
  return std::regex_replace(text, std::regex(" sm_90=[0-9a-f]+( sm_90=[0-9a-f]+)"), "$1");
}

std::string quiet(const ScratchFolder& folder, const std::string& command) {
  return folder.run("{ " + command + "; } 2>&1");
}

struct Kind {
  std::string name;
  std::string flags;
  std::string file = "a.so";
  std::string then = {};  // a command after linking
  std::string compiler = "gcc";
  std::string needs = "gcc";  // a program
  bool runs = true;           // on this machine
  bool tools = true;          // GNU's strip and objcopy can write it
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

const std::vector<Kind> kinds = {
    {.name = "Plain", .flags = "-shared -fPIC"},
    {.name = "PackedRelocations", .flags = "-shared -fPIC -Wl,-z,pack-relative-relocs"},
    {.name = "LinkedByLld", .flags = "-shared -fPIC -fuse-ld=lld", .needs = "ld.lld"},
    // glibc refuses what lld 14 packs: it does not say GLIBC_ABI_DT_RELR.
    {.name = "PackedByLld",
     .flags = "-shared -fPIC -fuse-ld=lld -Wl,--pack-dyn-relocs=relr",
     .needs = "ld.lld",
     .runs = false,
     .tools = false},
    {.name = "Pages64K", .flags = "-shared -fPIC -Wl,-z,max-page-size=65536"},
    {.name = "CodeAndDataInOneSegment", .flags = "-shared -fPIC -Wl,-z,noseparate-code"},
    {.name = "Executable", .flags = "-pie -fPIE", .file = "a.out", .tools = false},
    {.name = "FixedExecutable", .flags = "-no-pie", .file = "a.out", .tools = false},
    {.name = "Patchelfed",
     .flags = "-shared -fPIC",
     .then = "patchelf --set-rpath "
             "'$ORIGIN/a/much/longer/run/path/than/there/was/any/room/for/in/the/old/string/table' a.so",
     .needs = "patchelf"},
    {.name = "Stripped", .flags = "-shared -fPIC", .then = "strip a.so"},
    {.name = "WithoutSectionHeaders",
     .flags = "-shared -fPIC",
     .then = "dd if=/dev/zero of=a.so bs=1 seek=40 count=8 conv=notrunc status=none && "
             "dd if=/dev/zero of=a.so bs=1 seek=58 count=6 conv=notrunc status=none",
     .tools = false},
    {.name = "Arm64",
     .flags = "-shared -fPIC",
     .compiler = "aarch64-linux-gnu-gcc",
     .needs = "aarch64-linux-gnu-gcc",
     .runs = false,
     .tools = false},
    {.name = "Arm64Packed4K",
     .flags = "-shared -fPIC -nostdlib -fuse-ld=lld -Wl,--pack-dyn-relocs=relr -Wl,-z,max-page-size=4096",
     .compiler = "aarch64-linux-gnu-gcc -B/usr/lib/llvm-14/bin",
     .needs = "ld.lld",
     .runs = false,
     .tools = false},
};

class CarveKind : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (!testing::have_program("gcc")) GTEST_SKIP() << "no gcc on PATH";
    const std::string compiler = kind().compiler.substr(0, kind().compiler.find(' '));
    if (!testing::have_program(compiler)) GTEST_SKIP() << "no " << compiler << " on PATH";
    if (!testing::have_program(kind().needs)) GTEST_SKIP() << "no " << kind().needs << " on PATH";
    testing::write_parts(folder_, three_containers);
    testing::link_parts(folder_, kind().file, kind().flags, kind().compiler);
    if (!kind().then.empty()) folder_.run(kind().then);
    result_ = kind().file.ends_with(".so") ? "b.so" : "b.out";
  }

  const Kind& kind() const { return GetParam(); }
  fs::path file(const std::string& name) const { return folder_.path() / name; }

  // The file loads, shows what it should, and readelf has nothing to complain about.
  void expect_sound(const std::string& name, const std::string& expected) {
    const std::string complaints = folder_.run("readelf -aW " + name + " 2>&1 >/dev/null");
    EXPECT_EQ(complaints, "") << name;
    if (!kind().runs) return;
    EXPECT_EQ(testing::load(folder_, name), expected) << name;
  }

  ScratchFolder folder_;
  std::string result_;
};

INSTANTIATE_TEST_SUITE_P(Files, CarveKind, ::testing::ValuesIn(kinds),
                         [](const auto& test) { return test.param.name; });

TEST_P(CarveKind, LosesWhatOneGpuDoesNotNeedAndStaysSound) {
  const std::string before = kind().runs ? testing::load(folder_, kind().file) : "";
  const CarvedFile carved = carve_file(file(kind().file), file(result_), for_gpu("9.0"));
  EXPECT_EQ(carved.outcome, Outcome::carved);
  EXPECT_EQ(carved.totals.images_kept, 3u);
  EXPECT_EQ(carved.new_size, fs::file_size(file(result_)));
  const bool large_pages = kind().flags.find("65536") != std::string::npos || kind().name == "Arm64";
  EXPECT_GE(fs::file_size(file(kind().file)) - carved.new_size, large_pages ? 131'072u : 290'000u);
  expect_sound(result_, only_for_90(before));
}

TEST_P(CarveKind, CanBeCarvedAgain) {
  carve_file(file(kind().file), file("both" + result_), for_gpu("8.0,9.0"));
  const std::string both = kind().runs ? testing::load(folder_, "both" + result_) : "";
  const CarvedFile again = carve_file(file("both" + result_), file(result_), for_gpu("9.0"));
  EXPECT_EQ(again.totals.images_kept, 3u);
  const bool large_pages = kind().flags.find("65536") != std::string::npos || kind().name == "Arm64";
  if (!large_pages) {
    EXPECT_LT(again.new_size, again.old_size);
  }
  expect_sound(result_, only_for_90(both));
  EXPECT_EQ(carve_file(file(result_), file("third" + result_), for_gpu("9.0")).outcome,
            Outcome::nothing_to_drop);
}

TEST_P(CarveKind, SurvivesOtherPeoplesTools) {
  if (!kind().tools) GTEST_SKIP() << "GNU's tools on this machine do not write such a file";
  carve_file(file(kind().file), file(result_), for_gpu("9.0"));
  const std::string shown = testing::load(folder_, result_);
  const std::string stripped = "stripped" + result_, debug = "debug" + result_, patched = "patched" + result_;
  EXPECT_EQ(quiet(folder_, "strip -o " + stripped + " " + result_), "");
  expect_sound(stripped, shown);
  EXPECT_EQ(quiet(folder_, "objcopy --only-keep-debug " + result_ + " " + debug), "");
  EXPECT_EQ(quiet(folder_,
                  "objcopy --strip-debug --add-gnu-debuglink=" + debug + " " + result_ + " linked" + result_),
            "");
  expect_sound("linked" + result_, shown);
  if (testing::have_program("patchelf")) {
    fs::copy_file(file(result_), file(patched));
    EXPECT_EQ(quiet(folder_, "patchelf --set-rpath /" + std::string(200, 'r') + " " + patched), "");
    expect_sound(patched, shown);
    carve_file(file(kind().file), file("again" + result_), for_gpu("8.0,9.0"));
  }
  // A stripped carve carves again.
  carve_file(file(stripped), file("twice" + result_), for_gpu("9.0"));
  expect_sound("twice" + result_, shown);
}

TEST_P(CarveKind, DropsSymbolsAsStripDoes) {
  CarveOptions options = for_gpu("9.0");
  options.strip_symbols = true;
  const CarvedFile carved = carve_file(file(kind().file), file(result_), options);
  expect_sound(result_, kind().runs ? only_for_90(testing::load(folder_, kind().file)) : "");
  const MappedFile map = MappedFile::open(file(result_));
  const Elf elf = Elf::parse(map.bytes(), result_);
  EXPECT_EQ(elf.find_section(".symtab"), nullptr);
  EXPECT_EQ(elf.find_section(".debug_info"), nullptr);
  EXPECT_LE(carved.new_size, carved.old_size);
}

// Unpacked images need more room than there is: they go behind everything else, and the pointers follow.
TEST_P(CarveKind, UnpacksIntoASegmentBehindAllOthers) {
  // not PTX, which gets a zero at its end
  testing::write_parts(folder_, {{{.name = "sm_80", .packs = true},
                                  {.name = "sm_90", .packs = true},
                                  {.name = "sm_90a", .packs = true}},
                                 some_pack[1]});
  testing::link_parts(folder_, kind().file, kind().flags, kind().compiler);
  if (!kind().then.empty()) folder_.run(kind().then);
  const std::string before = kind().runs ? testing::load(folder_, kind().file) : "";
  CarveOptions pack, unpack;
  pack.compress = Compression::lz4;
  unpack.unpack = true;
  carve_file(file(kind().file), file("packed" + result_), pack);
  if (kind().flags.find("65536") != std::string::npos || kind().name == "Arm64") {
    EXPECT_THROW(carve_file(file("packed" + result_), file(result_), unpack), Error) << "less than a page";
    return;
  }
  const CarvedFile carved = carve_file(file("packed" + result_), file(result_), unpack);
  EXPECT_EQ(carved.images_unpacked, 4u);
  EXPECT_GT(carved.new_size, carved.old_size + 150'000);
  EXPECT_EQ(carved.new_size, fs::file_size(file(result_)));
  expect_sound(result_, before);
  EXPECT_EQ(carve_file(file(result_), file("again" + result_), unpack).outcome, Outcome::nothing_to_drop);
  // What lies in the new segment is carved as anything else.
  const CarvedFile less = carve_file(file(result_), file("less" + result_), for_gpu("9.0"));
  EXPECT_EQ(less.totals.images_kept, 2u);
  expect_sound("less" + result_, kind().runs ? only_for_90(before) : "");
  if (!kind().tools) return;
  EXPECT_EQ(quiet(folder_, "strip -o stripped" + result_ + " " + result_), "");
  expect_sound("stripped" + result_, before);
}

// Device-linked code: for 9.0 the relocatable containers are never read.
TEST_P(CarveKind, LosesRelocatableCodeThatIsNeverRead) {
  testing::write_linked_parts(folder_, {three_containers[0], three_containers[2]}, three_containers);
  testing::link_parts(folder_, kind().file, kind().flags, kind().compiler);
  if (kind().then.starts_with("strip")) folder_.run(kind().then);
  const std::string before = kind().runs ? testing::load(folder_, kind().file) : "";
  const CarvedFile carved = carve_file(file(kind().file), file(result_), for_gpu("9.0"));
  EXPECT_EQ(carved.totals.untouched, 0u);
  EXPECT_EQ(carved.totals.images_kept, 2u);
  EXPECT_EQ(carved.totals.relocatable_kept, 0u);
  const bool large_pages = kind().flags.find("65536") != std::string::npos || kind().name == "Arm64";
  EXPECT_GE(carved.old_size - carved.new_size, large_pages ? 458'752u : 580'000u);
  // Two containers as before, three without images, the sums of other data.
  std::smatch parts;
  const std::string whole = only_for_90(before);
  std::regex_match(whole, parts, std::regex("((?:466243b1:.*\n){2})(?:466243b1:.*\n){3}([^]*)"));
  EXPECT_EQ(parts.size(), kind().runs ? 3u : 0u);
  expect_sound(result_, kind().runs ? parts.str(1) + "466243b1:\n466243b1:\n466243b1:\n" + parts.str(2) : "");
  EXPECT_EQ(carve_file(file(result_), file("again" + result_), for_gpu("9.0")).outcome,
            Outcome::nothing_to_drop);
}

class CarveExecutable : public CarveKind {};

std::vector<Kind> executables() {
  std::vector<Kind> found;
  std::ranges::copy_if(kinds, std::back_inserter(found),
                       [](const Kind& kind) { return kind.file.ends_with(".out"); });
  return found;
}

INSTANTIATE_TEST_SUITE_P(Files, CarveExecutable, ::testing::ValuesIn(executables()),
                         [](const auto& test) { return test.param.name; });

TEST_P(CarveExecutable, GnusToolsRefuseItRatherThanRuinIt) {
  carve_file(file(kind().file), file(result_), for_gpu("9.0"));
  EXPECT_EQ(quiet(folder_, "strip -o s.out b.out >/dev/null 2>&1; test ! -e s.out || ./s.out > /dev/null"),
            "");
}

class Carve : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::have_program("gcc")) GTEST_SKIP() << "no gcc on PATH";
  }
  fs::path library(const std::vector<std::vector<TestImage>>& containers,
                   const std::vector<std::size_t>& unwrapped = {}) {
    testing::write_parts(folder_, containers, unwrapped);
    testing::link_parts(folder_, "a.so");
    return folder_.path() / "a.so";
  }
  fs::path output() const { return folder_.path() / "b.so"; }

  ScratchFolder folder_;
};

TEST_F(Carve, LeavesAContainerWithoutAWrapperWhereItIs) {
  const fs::path source =
      library({three_containers[1], three_containers[2], three_containers[1], three_containers[2]}, {1});
  const CarvedFile carved = carve_file(source, output(), for_gpu("9.0"));
  ASSERT_EQ(carved.untouched.size(), 1u);
  EXPECT_EQ(carved.untouched[0], std::pair(Untouched::no_wrapper, std::size_t{1}));
  const MappedFile before = MappedFile::open(source), after = MappedFile::open(output());
  const DeviceContents old_fatbins = read_device_code(Elf::parse(before.bytes(), "a.so"));
  const DeviceContents new_fatbins = read_device_code(Elf::parse(after.bytes(), "b.so"));
  ASSERT_EQ(new_fatbins.containers.size(), 4u);
  EXPECT_EQ(new_fatbins.containers[{1}].address, old_fatbins.containers[{1}].address);
  EXPECT_EQ(new_fatbins.containers[{1}].images.size(), 3u);
  EXPECT_LT(new_fatbins.containers[{3}].address, old_fatbins.containers[{3}].address);
  EXPECT_EQ(folder_.run("readelf -aW b.so 2>&1 >/dev/null"), "");
  EXPECT_EQ(testing::load(folder_, "b.so"), only_for_90(testing::load(folder_, "a.so")));
  EXPECT_EQ(quiet(folder_, "strip b.so"), "");
  EXPECT_EQ(testing::load(folder_, "b.so"), only_for_90(testing::load(folder_, "a.so")));
}

// The driver links again for 9.0: of each relocatable container it needs one image.
TEST_F(Carve, KeepsOfRelocatableCodeWhatTheDriverLinksAgain) {
  testing::write_linked_parts(folder_, {{{"sm_80"}, {"sm_75"}}},
                              {{{"sm_80"}, {"compute_80"}}, {{"sm_80"}, {"sm_90"}, {"compute_80"}}});
  testing::link_parts(folder_, "a.so");
  const CarvedFile carved = carve_file(folder_.path() / "a.so", output(), for_gpu("9.0"));
  EXPECT_EQ(carved.old_held, "7.5, 8.0, 9.0, PTX 8.0");
  EXPECT_EQ(carved.totals.images_kept, 4u);
  EXPECT_FALSE(carved.serves_no_target);
  EXPECT_EQ(std::regex_replace(testing::load(folder_, "b.so"), std::regex("=[0-9a-f]+"), ""),
            "466243b1: sm_80\n466243b1: compute_80\n466243b1: sm_90 compute_80\n" +
                testing::load(folder_, "a.so").substr(testing::load(folder_, "a.so").rfind("0 ")));
}

TEST_F(Carve, LeavesLinkedCodeWhereSomethingWasNotLinked) {
  testing::write_linked_parts(folder_, {{{"sm_80"}, {"sm_90"}}},
                              {{{"sm_80"}, {"sm_90"}}, {{"sm_80"}, {"sm_90"}}}, 1);
  testing::link_parts(folder_, "a.so");
  const CarvedFile carved = carve_file(folder_.path() / "a.so", output(), for_gpu("9.0"));
  EXPECT_EQ(carved.outcome, Outcome::nothing_to_drop);
  EXPECT_EQ(carved.totals.untouched, 3u);
  EXPECT_EQ(read_file(output()), read_file(folder_.path() / "a.so"));
}

// A carve that dropped what the driver links again must not pass its check.
TEST_F(Carve, ChecksThatWhatTheDriverLinksAgainIsThere) {
  testing::write_linked_parts(folder_, {{{"sm_80"}, {"sm_90"}}}, {{{"sm_80"}, {"sm_90"}, {"compute_80"}}});
  testing::link_parts(folder_, "a.so");
  carve_file(folder_.path() / "a.so", output(), for_gpu("9.0"));
  const MappedFile before = MappedFile::open(folder_.path() / "a.so"), after = MappedFile::open(output());
  const Elf old_file = Elf::parse(before.bytes(), "a.so"), new_file = Elf::parse(after.bytes(), "b.so");
  const DeviceContents contents = read_device_code(old_file);
  const auto wrong = [&](std::string_view targets) {
    return check_carved(old_file, contents, new_file, {.targets = parse_carve_targets(targets)});
  };
  EXPECT_TRUE(wrong("9.0").empty());
  for (const char* targets : {"12.0", "9.0,12.0", "9.0+PTX"}) {
    const Findings findings = wrong(targets);
    ASSERT_FALSE(findings.empty()) << targets;
    EXPECT_NE(findings[findings.size() - 1].what.find("resolves to another image"), std::string::npos);
  }
}

// Each image of a library as the driver gets it.
std::vector<std::vector<std::byte>> unpacked(const fs::path& library) {
  const MappedFile map = MappedFile::open(library);
  std::vector<std::vector<std::byte>> all;
  for (const DeviceContainer& container : read_device_code(Elf::parse(map.bytes(), "")).containers) {
    for (const DeviceImage& image : container.images) all.push_back(image_bytes(map.bytes(), image));
  }
  return all;
}

TEST_F(Carve, PacksWhatLiesUnpackedAndBecomesSmaller) {
  const fs::path source = library(some_pack);
  for (const Compression codec : {Compression::zstd, Compression::lz4}) {
    CarveOptions options;
    options.compress = codec;
    const fs::path to = folder_.path() / (std::string(to_string(codec)) + ".so");
    const CarvedFile carved = carve_file(source, to, options);
    EXPECT_EQ(carved.images_packed, 4u);
    EXPECT_EQ(carved.totals.images_kept, 5u);
    EXPECT_GT(carved.old_size - carved.new_size, 150'000u);
    EXPECT_EQ(unpacked(to), unpacked(source));
    EXPECT_EQ(folder_.run("readelf -aW " + to.filename().string() + " 2>&1 >/dev/null"), "");
    testing::load(folder_, to.filename().string());
    const CarvedFile again = carve_file(to, folder_.path() / "again.so", options);
    EXPECT_EQ(again.outcome, Outcome::nothing_to_drop);
    fs::remove(folder_.path() / "again.so");
  }
}

TEST_F(Carve, PacksWhatItKeeps) {
  const fs::path source = library(some_pack);
  CarveOptions options = for_gpu("9.0");
  options.compress = Compression::zstd;
  EXPECT_EQ(carve_file(source, output(), options).images_packed, 2u);
  const std::string once = read_file(output());
  fs::remove(output());
  carve_file(source, output(), options);
  EXPECT_EQ(read_file(output()), once);
  EXPECT_EQ(unpacked(output()), (std::vector{unpacked(source)[1], unpacked(source)[4]}));
}

// Whatever became of a packed image that is not what was there must not pass the check.
TEST_F(Carve, ChecksWhatAPackedImageUnpacksTo) {
  const fs::path source = library(some_pack);
  CarveOptions options;
  options.compress = Compression::lz4;
  carve_file(source, output(), options);
  const MappedFile before = MappedFile::open(source);
  const Elf old_file = Elf::parse(before.bytes(), "a.so");
  const DeviceContents contents = read_device_code(old_file);
  const std::string good = read_file(output());
  const auto wrong = [&](std::string bytes, std::uint64_t at, char change, Compression codec) {
    bytes[at] = static_cast<char>(bytes[at] ^ change);
    return check_carved(old_file, contents, Elf::parse(as_byte_span(bytes), "b.so"), {.packed = codec})
        .size();
  };
  const DeviceContents packed = read_device_code(Elf::parse(as_byte_span(good), "b.so"));
  const DeviceImage& image = packed.containers[{0}].images[{0}];
  EXPECT_EQ(wrong(good, image.offset, 0, Compression::lz4), 0u);
  EXPECT_NE(wrong(good, image.offset, 0, Compression::zstd), 0u);
  EXPECT_NE(wrong(good, image.offset, 0, Compression::none), 0u);
  EXPECT_NE(wrong(good, image.payload_offset() + 100, 1, Compression::lz4), 0u);
  EXPECT_NE(wrong(good, image.offset + 24, 1, Compression::lz4), 0u) << "the version of the language";
  EXPECT_NE(wrong(good, image.offset + 28, 1, Compression::lz4), 0u) << "the architecture";
}

TEST_F(Carve, ChecksWhatWasUnpacked) {
  const fs::path source = library(some_pack);
  CarveOptions pack, unpack;
  pack.compress = Compression::zstd;
  unpack.unpack = true;
  carve_file(source, folder_.path() / "z.so", pack);
  carve_file(folder_.path() / "z.so", output(), unpack);
  EXPECT_EQ(unpacked(output()), unpacked(source));
  const MappedFile before = MappedFile::open(folder_.path() / "z.so");
  const Elf old_file = Elf::parse(before.bytes(), "z.so");
  const DeviceContents contents = read_device_code(old_file);
  const std::string good = read_file(output());
  const auto wrong = [&](std::uint64_t at, char change, bool meant) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ change);
    return check_carved(old_file, contents, Elf::parse(as_byte_span(bytes), "b.so"), {.unpacked = meant})
        .size();
  };
  const DeviceContents now = read_device_code(Elf::parse(as_byte_span(good), "b.so"));
  const DeviceImage& image = now.containers[{0}].images[{0}];
  EXPECT_EQ(wrong(image.offset, 0, true), 0u);
  EXPECT_NE(wrong(image.offset, 0, false), 0u) << "nobody asked for it";
  EXPECT_NE(wrong(image.payload_offset() + 100, 1, true), 0u);
  EXPECT_NE(wrong(image.offset + 28, 1, true), 0u) << "the architecture";
}

// A header that claims another length than the image has is found before anything is written over.
TEST_F(Carve, RefusesToUnpackWhatIsDamaged) {
  const fs::path source = library(some_pack), packed = folder_.path() / "z.so";
  CarveOptions pack, unpack;
  pack.compress = Compression::lz4;
  unpack.unpack = true;
  carve_file(source, packed, pack);
  std::string bytes = read_file(packed);
  const DeviceContents contents = read_device_code(Elf::parse(as_byte_span(bytes), "z.so"));
  bytes[contents.containers[{0}].images[{0}].offset + 56] ^= 0x10;  // the unpacked size
  folder_.write("z.so", bytes);
  EXPECT_THROW(carve_file(packed, output(), unpack), Error);
  EXPECT_FALSE(fs::exists(output()));
}

// GNU strip would make one of it that does not start.
TEST_F(Carve, RefusesAStaticExecutableWithoutRoomForAnotherProgramHeader) {
  testing::write_parts(folder_, three_containers);
  testing::link_parts(folder_, "a.out", "-static");
  const std::string before = read_file(folder_.path() / "a.out");
  EXPECT_THROW(carve_file(folder_.path() / "a.out", folder_.path() / "a.out", for_gpu("9.0")), Error);
  EXPECT_EQ(read_file(folder_.path() / "a.out"), before);
}

TEST_F(Carve, ForNoGpuEmptiesEveryContainer) {
  const CarvedFile carved = carve_file(library(three_containers), output(), for_gpu("none"));
  EXPECT_EQ(carved.outcome, Outcome::carved);
  EXPECT_EQ(carved.totals.images_kept, 0u);
  EXPECT_TRUE(carved.notes.empty());
  EXPECT_FALSE(carved.serves_no_target);
  EXPECT_LT(carved.new_size + 200'000, carved.old_size);
  EXPECT_TRUE(testing::load(folder_, "b.so").starts_with("466243b1:\n466243b1:\n466243b1:\n"));
  EXPECT_EQ(carve_file(output(), folder_.path() / "again.so", for_gpu("none")).outcome,
            Outcome::nothing_to_drop);
}

TEST_F(Carve, EmptiesAContainerOfNoUseUnlessAskedToKeepItsSmallestImage) {
  const fs::path source = library({{{"sm_80"}, {"sm_86"}}, {{"sm_80"}, {"sm_90"}}});
  CarveOptions options = for_gpu("9.0");
  options.keep_special = true;
  const CarvedFile wider = carve_file(source, output(), options);
  EXPECT_EQ(wider.totals.images_kept, 2u);
  EXPECT_EQ(wider.notes[0].rule, "carve-unserved");
  EXPECT_THROW(carve_file(source, output(), options), Error) << "never over what is there";
  fs::remove(output());
  options.keep_special = false;
  const CarvedFile usual = carve_file(source, output(), options);
  EXPECT_EQ(usual.totals.images_kept, 1u);
  EXPECT_EQ(usual.notes[0].rule, "carve-unserved");
  EXPECT_TRUE(testing::load(folder_, "b.so").starts_with("466243b1:\n466243b1: sm_90="));
}

TEST_F(Carve, RequireFullRefusesAContainerWithNothing) {
  const fs::path source = library({{{"sm_80"}, {"sm_86"}}, {{"sm_80"}, {"sm_90"}}});
  CarveOptions options = for_gpu("9.0");
  options.require_full = true;
  EXPECT_THROW(carve_file(source, output(), options), Error);
  EXPECT_FALSE(fs::exists(output()));
}

TEST_F(Carve, SaysWhatAFileHoldsThatServesNoTarget) {
  const fs::path source = library({{{"sm_90"}, {"sm_80"}}});
  carve_file(source, output(), for_gpu("9.0"));
  const CarvedFile file = carve_file(output(), folder_.path() / "c.so", for_gpu("8.0"));
  EXPECT_TRUE(file.serves_no_target);
  EXPECT_EQ(file.outcome, Outcome::left_alone);
  EXPECT_EQ(file.notes[0].what, "holds no code for 8.0, it holds 9.0");
  EXPECT_EQ(file.notes.exit_code(), 1);
  EXPECT_FALSE(fs::exists(folder_.path() / "c.so"));
}

TEST_F(Carve, OneOfSeveralGpusThatAFileHasNothingForIsAFindingToo) {
  const fs::path source = library({{{"sm_90"}, {"sm_80"}}});
  const CarvedFile file = carve_file(source, output(), for_gpu("9.0,12.0"));
  EXPECT_EQ(file.outcome, Outcome::carved);
  EXPECT_EQ(file.notes[0].what, "holds no code for 12.0, it holds 8.0, 9.0");
  EXPECT_EQ(file.notes.exit_code(), 1);
  EXPECT_TRUE(fs::exists(output()));
}

TEST_F(Carve, KernelsForOtherGpusAloneAreANoteAndNoReasonToRefuse) {
  const fs::path source = library({{{"sm_80"}, {"sm_86"}}, {{"sm_80"}, {"sm_86"}}, {{"sm_90a"}}});
  CarveOptions options = for_gpu("8.6");
  options.require_full = true;
  const CarvedFile file = carve_file(source, output(), options);
  ASSERT_EQ(file.notes.size(), 1u);
  EXPECT_EQ(file.notes[0].rule, "carve-special");
  EXPECT_EQ(file.notes[0].what, "nothing for 8.6 in 1 container for 9.0a only");
  EXPECT_EQ(file.notes.exit_code(), 0);
}

TEST_F(Carve, TellsWhatMinimalWouldDropMore) {
  const fs::path source =
      library({{{"sm_80", 20'000}, {"sm_90", 30'000}}, {{"sm_90", 20'000}, {"sm_90", 50'000}}});
  CarveOptions options = for_gpu("9.0");
  const CarveTotals usual = carve_file(source, output(), options).totals;
  EXPECT_GE(usual.bytes_kept - usual.bytes_minimal, 20'000u);
  options.minimal = true;
  const CarveTotals minimal = carve_file(source, folder_.path() / "minimal.so", options).totals;
  EXPECT_EQ(minimal.bytes_kept, usual.bytes_minimal);
}

TEST_F(Carve, FoldersOnTheWayAreMade) {
  const fs::path place = folder_.path() / "new/deep/b.so";
  carve_file(library({{{"sm_90"}, {"sm_80"}}}), place, for_gpu("9.0"));
  EXPECT_TRUE(fs::exists(place));
}

TEST_F(Carve, InPlaceKeepsPermissionsTimesAndLinks) {
  const fs::path source = library(three_containers);
  fs::permissions(source, fs::perms(0741));
  fs::last_write_time(source, fs::file_time_type::clock::now() - std::chrono::hours(1000));
  const auto time = fs::last_write_time(source);
  fs::create_symlink("a.so", folder_.path() / "link.so");
  const CarvedFile carved =
      carve_file(folder_.path() / "link.so", folder_.path() / "link.so", for_gpu("9.0"));
  EXPECT_TRUE(fs::is_symlink(folder_.path() / "link.so"));
  EXPECT_EQ(fs::file_size(source), carved.new_size);
  EXPECT_EQ(fs::status(source).permissions(), fs::perms(0741));
  EXPECT_EQ(fs::last_write_time(source), time);
}

TEST_F(Carve, InPlaceKeepsOwnerAndExtendedAttributes) {
  const fs::path source = library(three_containers);
  const bool root = ::geteuid() == 0;
  ASSERT_TRUE(!root || ::chown(source.c_str(), 12345, 54321) == 0);
  const bool attributes = ::setxattr(source.c_str(), "user.origin", "here", 4, 0) == 0;
  ASSERT_EQ(carve_file(source, source, for_gpu("9.0")).outcome, Outcome::carved);
  struct stat status {};
  ASSERT_EQ(::stat(source.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, root ? 12345 : ::geteuid());
  EXPECT_EQ(status.st_gid, root ? 54321 : ::getegid());
  if (!attributes) GTEST_SKIP() << "this file system has no extended attributes";
  std::array<char, 8> value{};
  EXPECT_EQ(::getxattr(source.c_str(), "user.origin", value.data(), value.size()), 4);
  EXPECT_STREQ(value.data(), "here");
}

TEST_F(Carve, WritesTheSameBytesEachTime) {
  const fs::path source = library(three_containers);
  carve_file(source, output(), for_gpu("9.0"));
  carve_file(source, folder_.path() / "c.so", for_gpu("9.0"));
  EXPECT_EQ(read_file(output()), read_file(folder_.path() / "c.so"));
}

TEST_F(Carve, RefusesATextFileAndATruncatedOne) {
  EXPECT_THROW(carve_file(folder_.write("t.txt", std::string(500, 'x')), output(), for_gpu("9.0")), Error);
  const fs::path source = library(three_containers);
  fs::resize_file(source, fs::file_size(source) / 3);
  try {
    carve_file(source, output(), for_gpu("9.0"));
  } catch (const Error&) {
  }
  EXPECT_FALSE(fs::exists(output()) && fs::file_size(output()) > fs::file_size(source));
}

TEST_F(Carve, TheCheckSeesAFlippedByteAnywhereInLoadedMemory) {
  const fs::path source = library(three_containers);
  carve_file(source, output(), for_gpu("9.0"));
  const MappedFile before = MappedFile::open(source);
  const Elf old_elf = Elf::parse(before.bytes(), "a.so");
  const DeviceContents old_fatbins = read_device_code(old_elf);
  const std::string good = read_file(output());
  const Elf good_elf = Elf::parse(as_byte_span(good), "b.so");
  const CheckOptions options{.targets = parse_carve_targets("9.0"),
                             .referenced = containers_referenced_elsewhere(old_elf, old_fatbins)};
  ASSERT_TRUE(check_carved(old_elf, old_fatbins, good_elf, options).empty());
  std::size_t missed = 0, tried = 0;
  for (const ElfSection& section : good_elf.sections()) {
    if (!(section.flags & elf::shf_alloc) || section.type == elf::sht_nobits || section.size == 0) continue;
    for (const std::uint64_t at :
         {section.offset, section.offset + section.size / 2, section.offset + section.size - 1}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0x10);
      ++tried;
      missed += check_carved(old_elf, old_fatbins, Elf::parse(as_byte_span(bad), "b.so"), options).empty();
    }
  }
  EXPECT_GT(tried, 40u);
  EXPECT_EQ(missed, 0u);
}

TEST_F(Carve, ShortensPyTorchsListOfArchitectures) {
  testing::write_parts(folder_, three_containers);
  folder_.run(R"(printf 'const char *list(void) { return "sm_75 sm_80 sm_90 compute_90"; }\n' >> part.c)");
  testing::link_parts(folder_, "a.so");
  const CarvedFile carved = carve_file(folder_.path() / "a.so", output(), for_gpu("9.0"));
  EXPECT_EQ(carved.old_architectures, "sm_75 sm_80 sm_90 compute_90");
  EXPECT_EQ(carved.new_architectures, "sm_90");
  EXPECT_EQ(folder_.run("strings -a b.so | grep '^sm_'"), "sm_90\n");
}

}  // namespace
}  // namespace lathe

// SPDX-License-Identifier: MIT
// Wheels made by Python, carved here, judged by Python's own tools.
#include "carve/carve_package.h"

#include <gtest/gtest.h>

#include <iterator>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/finding.h"
#include "base/text.h"
#include "carve/carve.h"
#include "testing/gpu_libraries.h"
#include "os/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::ScratchFolder;

constexpr std::string_view make_wheel = R"(
import base64, hashlib, os, sys, zipfile
info = "pkg-1.2+cu128.dist-info"
files = {"pkg/__init__.py": b"x = 1\n", "pkg/lib/a.so": open("a.so", "rb").read(),
         "pkg/tool": b"\x7fELF?" + bytes(100),
         info + "/METADATA": b"Metadata-Version: 2.1\nName: pkg\nVersion: 1.2+cu128\n\nVersion: text\n",
         info + "/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: py3-none-any\n",
         "pkg-1.2+cu128.data/scripts/say": b"#!python\nprint('said')\n"}
def line(name, data):
    sum = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={sum},{len(data)}\n"
files[info + "/RECORD"] = ("".join(line(*i) for i in files.items()) + info + "/RECORD,,\n").encode()
with zipfile.ZipFile("pkg-1.2+cu128-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as z:
    for name, data in files.items():
        entry = zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6))
        entry.external_attr = (0o100755 if name.endswith((".so", "say")) else 0o100644) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        z.writestr(entry, data, compresslevel=int(os.environ.get("LEVEL", "6")))
)";

constexpr std::string_view judge_wheel = R"(
import base64, csv, hashlib, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
record = next(n for n in z.namelist() if n.endswith("/RECORD"))
rows = list(csv.reader(z.read(record).decode().splitlines()))
assert sorted(r[0] for r in rows) == sorted(z.namelist()), (rows, z.namelist())
for name, sum, size in rows:
    if name == record: continue
    data = z.read(name)
    assert size == str(len(data)), name
    right = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    assert sum == "sha256=" + right, name
old = zipfile.ZipFile("pkg-1.2+cu128-py3-none-any.whl")
for info in old.infolist():
    now = z.getinfo(info.filename.replace("cu128", sys.argv[2]))
    assert (now.date_time, now.external_attr) == (info.date_time, info.external_attr), info.filename
print(" ".join(n for n in z.namelist() if "manifest" in n or n.endswith(".so")))
)";

class CarvedWheels : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* program : {"gcc", "python3"}) {
      if (!testing::have_program(program)) GTEST_SKIP() << "no " << program << " on PATH";
    }
    testing::write_parts(folder_, {{{"sm_80", 90'000}, {"sm_90"}}, {{"sm_75", 50'000}, {"sm_90", 15'000}}});
    testing::link_parts(folder_, "a.so");
    folder_.write("make.py", make_wheel);
    folder_.write("judge.py", judge_wheel);
    folder_.run("python3 make.py && mkdir out");
    options_.carve.targets = parse_carve_targets("9.0");
  }

  CarvedPackage carve(const std::string& to = "out") {
    return carve_package(wheel(), folder_.path() / to, options_);
  }
  fs::path wheel() const { return folder_.path() / "pkg-1.2+cu128-py3-none-any.whl"; }
  std::string message(const std::string& to = "out") {
    try {
      carve(to);
    } catch (const Error& error) {
      return error.parts().what + " | " + error.parts().next;
    }
    return "no error";
  }

  ScratchFolder folder_;
  CarvePackageOptions options_;
};

TEST_F(CarvedWheels, IsAWheelThatPythonAccepts) {
  const CarvedPackage carved = carve();
  EXPECT_EQ(carved.path.filename(), "pkg-1.2+cu128.sm90-py3-none-any.whl");
  EXPECT_EQ(carved.new_file_size, fs::file_size(carved.path));
  EXPECT_EQ(folder_.run("python3 judge.py out/*.whl cu128.sm90"),
            "pkg/lib/a.so pkg-1.2+cu128.sm90.dist-info/torchlathe-manifest.json\n");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path() / "out"), {}), 1);
  const std::string loaded = testing::load(folder_, "a.so");
  folder_.run("cd out && unzip -q *.whl && cp pkg/lib/a.so ../b.so");
  EXPECT_NE(testing::load(folder_, "b.so"), loaded);
  EXPECT_EQ(folder_.run("stat -c %a out/pkg/lib/a.so"), "755\n");
}

TEST_F(CarvedWheels, PipInstallsItAndFindsNothingWrong) {
  if (folder_.run("python3 -m pip --python \"$(command -v python3)\" --version >/dev/null 2>&1 && python3 -c "
                  "'import venv' && echo yes || true") != "yes\n") {
    GTEST_SKIP() << "no pip that can install into another environment";
  }
  carve();
  folder_.run(
      "python3 -m venv --without-pip v && python3 -m pip --python v/bin/python --disable-pip-version-check "
      "install -q "
      "--no-index out/*.whl");
  EXPECT_EQ(folder_.run("v/bin/python -c 'import pkg, importlib.metadata as m; print(pkg.x, "
                        "m.version(\"pkg\"))' && v/bin/say"),
            "1 1.2+cu128.sm90\nsaid\n");
  EXPECT_EQ(folder_.run("python3 -m pip --python v/bin/python --disable-pip-version-check check"),
            "No broken requirements found.\n");
}

// Holds the RECORD of an installed package against its files, and looks for the manifest in it.
constexpr std::string_view judge_installed = R"(
import base64, csv, glob, hashlib, os, sys
record, = glob.glob(sys.argv[1] + "/pkg-*.dist-info/RECORD")
rows = list(csv.reader(open(record)))
for name, hash, size in rows:
    if not hash or name.startswith("../"): continue
    data = open(os.path.join(sys.argv[1], name), "rb").read()
    assert size == str(len(data)), name
    right = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    assert hash == "sha256=" + right, name
print(sum("manifest" in row[0] for row in rows))
)";

TEST_F(CarvedWheels, AnInstalledPackageCarvedInPlaceKeepsItsRecordTrueAndCanBeUninstalled) {
  if (folder_.run(
          "python3 -m pip --version >/dev/null 2>&1 && python3 -c 'import venv' && echo yes || true") !=
      "yes\n") {
    GTEST_SKIP() << "no pip that can install into another environment";
  }
  folder_.run(
      "python3 -m venv --without-pip v && python3 -m pip --python v/bin/python --disable-pip-version-check "
      "install -q "
      "--no-index *.whl && echo v/lib/python3*/site-packages >where");
  folder_.write("installed.py", judge_installed);
  const fs::path site = folder_.path() / trim(read_file(folder_.path() / "where"));
  fs::copy(site, folder_.path() / "copied", fs::copy_options::recursive);
  EXPECT_EQ(folder_.run("python3 installed.py $(cat where)"), "0\n");
  EXPECT_EQ(carve_package(site / "pkg", site / "pkg", options_).count(Outcome::carved), 1u);
  EXPECT_EQ(folder_.run("python3 installed.py $(cat where)"), "1\n");
  EXPECT_EQ(folder_.run("python3 -m pip --python v/bin/python --disable-pip-version-check uninstall -q -y "
                        "pkg 2>&1; ls $(cat where)"),
            "");
  EXPECT_EQ(
      carve_package(folder_.path() / "copied", folder_.path() / "carved", options_).count(Outcome::carved),
      1u);
  EXPECT_EQ(folder_.run("python3 installed.py carved"), "1\n");
}

TEST_F(CarvedWheels, IsTheSameBytesEachTimeAndWithAnyNumberOfCores) {
  const std::string first = read_file(carve().path);
  fs::create_directories(folder_.path() / "again");
  options_.threads = 1;
  EXPECT_EQ(read_file(carve("again").path), first);
}

TEST_F(CarvedWheels, ItsNameCannotBeChosenAndNothingIsOverwritten) {
  EXPECT_EQ(message("out/mine.whl"),
            "a wheel's file name follows from its metadata | give a folder, or the name "
            "pkg-1.2+cu128.sm90-py3-none-any.whl");
  EXPECT_FALSE(carve("out/pkg-1.2+cu128.sm90-py3-none-any.whl").path.empty());
  EXPECT_EQ(message(), "this is there already | remove it, or choose another folder");
}

TEST_F(CarvedWheels, CarvedAgainItKeepsTheEarlierManifest) {
  options_.carve.targets = parse_carve_targets("8.0,9.0");
  const fs::path both = carve().path;
  EXPECT_EQ(both.filename(), "pkg-1.2+cu128.sm80.sm90-py3-none-any.whl");
  options_.carve.targets = parse_carve_targets("9.0");
  const CarvedPackage second = carve_package(both, folder_.path() / "out", options_);
  EXPECT_EQ(second.path.filename(), "pkg-1.2+cu128.sm90-py3-none-any.whl");
  EXPECT_EQ(folder_.run("python3 judge.py out/pkg-1.2+cu128.sm90-*.whl cu128.sm90"),
            "pkg/lib/a.so pkg-1.2+cu128.sm90.dist-info/torchlathe-manifest.json\n");
  EXPECT_NE(folder_.run("unzip -p out/pkg-1.2+cu128.sm90-*.whl '*manifest.json'").find("\"earlier\""),
            std::string::npos);
}

TEST_F(CarvedWheels, AsAVariantItKeepsItsVersionAndSaysWhichGpuItIsFor) {
  options_.wheel_variant = "auto";
  const CarvedPackage carved = carve();
  EXPECT_EQ(carved.path.filename(), "pkg-1.2+cu128-py3-none-any-sm90.whl");
  EXPECT_EQ(folder_.run("python3 judge.py out/*.whl cu128"),
            "pkg/lib/a.so pkg-1.2+cu128.dist-info/torchlathe-manifest.json\n");
  const std::string variant = folder_.run("unzip -p out/*.whl '*/variant.json'");
  EXPECT_NE(variant.find("\"sm90\": {\n      \"nvidia\""), std::string::npos) << variant;
  EXPECT_NE(variant.find("\"90_real\""), std::string::npos) << variant;
  EXPECT_EQ(variant.find("cuda_version_lower_bound"), std::string::npos)
      << "these images do not tell their toolkit: " << variant;
}

TEST_F(CarvedWheels, AVariantCarvedAgainStaysOne) {
  options_.wheel_variant = "both";
  options_.carve.targets = parse_carve_targets("8.0,9.0");
  const fs::path both = carve().path;
  EXPECT_EQ(both.filename(), "pkg-1.2+cu128-py3-none-any-both.whl");
  options_.wheel_variant = {};
  options_.carve.targets = parse_carve_targets("9.0");
  EXPECT_EQ(carve_package(both, folder_.path() / "out", options_).path.filename(),
            "pkg-1.2+cu128-py3-none-any-sm90.whl");
  const std::string variant = folder_.run("unzip -p out/*-sm90.whl '*/variant.json'");
  EXPECT_EQ(variant.find("80_real"), std::string::npos) << variant;
  EXPECT_EQ(folder_.run("unzip -l out/*-sm90.whl | grep -c variant.json"), "1\n");
}

TEST_F(CarvedWheels, WhatServesNoTargetIsAFindingAndNothingIsWritten) {
  options_.carve.targets = parse_carve_targets("10.0");
  const CarvedPackage carved = carve("new/deep");
  ASSERT_EQ(carved.failures.size(), 1u);
  EXPECT_EQ(carved.failures[0].what, "no library here holds code for 10.0; pkg/lib/a.so holds 7.5, 8.0, 9.0");
  for (const Finding& note : carved.files[0].notes)
    EXPECT_EQ(note.where.file, "pkg/lib/a.so") << "not where it was unpacked";
  EXPECT_FALSE(carved.files[0].notes.empty());
  EXPECT_EQ(carved.exit_code(), 1);
  EXPECT_TRUE(carved.path.empty());
  EXPECT_FALSE(fs::exists(folder_.path() / "new"));
}

TEST_F(CarvedWheels, WhatServesNoTargetIsToldAsItWas) {
  options_.carve.targets = parse_carve_targets("10.0");
  options_.carve.strip_symbols = true;
  for (const bool dry : {false, true}) {
    options_.carve.dry_run = dry;
    const CarvedPackage carved = carve("new");
    EXPECT_EQ(carved.count(Outcome::carved), 0u);
    EXPECT_EQ(carved.new_size, carved.old_size);
    ASSERT_EQ(carved.files.size(), 1u);
    const CarvedFile& file = carved.files[0];
    EXPECT_EQ(file.outcome, Outcome::left_alone);
    EXPECT_EQ(file.new_size, file.old_size);
    EXPECT_EQ(file.totals.images_kept, file.totals.images);
    EXPECT_EQ(file.new_held, "7.5, 8.0, 9.0");
    EXPECT_FALSE(file.stripped);
  }
}

TEST_F(CarvedWheels, InPlaceWhatWasReplacedAllTheSameIsNotTakenBack) {
  folder_.run("mkdir pkg && cp a.so pkg && gcc -shared -xc -o pkg/b.so - < /dev/null");
  options_.carve.targets = parse_carve_targets("10.0");
  options_.carve.strip_symbols = true;
  const CarvedPackage carved = carve_package(folder_.path() / "pkg", folder_.path() / "pkg", options_);
  ASSERT_EQ(carved.failures.size(), 1u);
  EXPECT_EQ(carved.failures[0].fix, "carve a build that was made for this GPU too; no code was dropped");
  EXPECT_EQ(carved.count(Outcome::carved), 1u) << "b.so lost its symbols";
  EXPECT_EQ(folder_.run("readelf -S pkg/b.so | grep -c symtab || true"), "0\n");
}

// What stays the same in a library goes over as it was packed: so by whom it was packed can be seen.
TEST_F(CarvedWheels, BlocksOfWhatStaysAreNotPackedAgain) {
  folder_.write("big.py", R"(
import random
chance = random.Random(1)
words = [chance.randbytes(30) for _ in range(300)]
open("big.bin", "wb").write(b"".join(chance.choice(words) + chance.randbytes(2) for _ in range(60000)))
)");
  folder_.write("big.s",
                ".section .rodata\n.incbin \"big.bin\"\n.data\n.incbin \"big.bin\"\n"
                ".section .note.GNU-stack,\"\"\n");
  folder_.run("python3 big.py");
  testing::link_parts(folder_, "a.so", "-shared -fPIC big.s");
  std::set<std::string> sizes;
  for (const std::string level : {"1", "9"}) {
    folder_.run("rm -rf *.whl out" + level + " && LEVEL=" + level + " python3 make.py");
    const CarvedPackage carved = carve("out" + level);
    ASSERT_FALSE(carved.path.empty());
    EXPECT_EQ(folder_.run("python3 judge.py out" + level + "/*.whl cu128.sm90"),
              "pkg/lib/a.so pkg-1.2+cu128.sm90.dist-info/torchlathe-manifest.json\n");
    const std::string alone = "alone" + level + ".so";
    carve_file(folder_.path() / "a.so", folder_.path() / alone, options_.carve);
    EXPECT_EQ(folder_.run("unzip -p out" + level + "/*.whl pkg/lib/a.so | cmp - " + alone + " && echo same"),
              "same\n");
    sizes.insert(folder_.run("unzip -v out" + level + "/*.whl pkg/lib/a.so | awk '/a.so/ {print $3}'"));
  }
  EXPECT_EQ(sizes.size(), 2u) << "packed anew it is the same each time";
}

TEST_F(CarvedWheels, WithNothingToDropItGoesOverAsItIs) {
  options_.carve.targets = parse_carve_targets("7.5,8.0,9.0");
  const CarvedPackage same = carve();
  EXPECT_EQ(same.path.filename(), wheel().filename());
  EXPECT_EQ(same.unchanged, "nothing to drop");
  EXPECT_EQ(same.exit_code(), 0);
  EXPECT_EQ(read_file(same.path), read_file(wheel()));
  EXPECT_EQ(carve(".").path, folder_.path() / "." / wheel().filename());  // it lies there already
  EXPECT_EQ(message(), "this is there already | remove it, or choose another folder");
}

TEST_F(CarvedWheels, WithNothingToDropALabelOrTheNewNameIsStillWritten) {
  options_.carve.targets = parse_carve_targets("7.5,8.0,9.0");
  const CarvedPackage named = carve("out/pkg-1.2+cu128.sm75.sm80.sm90-py3-none-any.whl");
  EXPECT_EQ(named.path.filename(), "pkg-1.2+cu128.sm75.sm80.sm90-py3-none-any.whl");
  EXPECT_EQ(folder_.run("python3 judge.py out/*.whl cu128.sm75.sm80.sm90"),
            "pkg/lib/a.so pkg-1.2+cu128.sm75.sm80.sm90.dist-info/torchlathe-manifest.json\n");
  options_.wheel_variant = "three";
  EXPECT_EQ(carve().path.filename(), "pkg-1.2+cu128-py3-none-any-three.whl");
}

TEST_F(CarvedWheels, AFolderThatIsMissingIsMade) {
  EXPECT_EQ(carve("new/deep").path, folder_.path() / "new/deep/pkg-1.2+cu128.sm90-py3-none-any.whl");
  EXPECT_EQ(carve("slash/").path, folder_.path() / "slash/pkg-1.2+cu128.sm90-py3-none-any.whl");
}

TEST_F(CarvedWheels, UnderAnotherNameItIsKnownByItsMetadata) {
  for (const char* name :
       {"download.whl", "a.zip", "pkg-1.2+cu128-py3-none-any (1).whl", "other-9-py3-none-any.whl"}) {
    fs::copy(wheel(), folder_.path() / name);
    fs::remove_all(folder_.path() / "out");
    options_.carve.targets = parse_carve_targets("9.0");
    const CarvedPackage carved = carve_package(folder_.path() / name, folder_.path() / "out", options_);
    EXPECT_EQ(carved.path.filename(), "pkg-1.2+cu128.sm90-py3-none-any.whl") << name;
    options_.carve.targets = parse_carve_targets("7.5,8.0,9.0");
    EXPECT_EQ(carve_package(folder_.path() / name, folder_.path() / "out", options_).path.filename(),
              wheel().filename())
        << name;
  }
}

TEST_F(CarvedWheels, OfTwoDistInfoFoldersTheOneThatTheFileNamesIsItsOwn) {
  folder_.run(
      "mkdir -p more/vendored-3.dist-info more/aaa-1.dist-info && touch more/vendored-3.dist-info/RECORD "
      "more/aaa-1.dist-info/RECORD && "
      "cd more && python3 -c \"import zipfile; z = zipfile.ZipFile('../" +
      wheel().filename().string() +
      "', 'a'); "
      "z.write('vendored-3.dist-info/RECORD'); z.write('aaa-1.dist-info/RECORD')\"");
  EXPECT_EQ(carve().path.filename(), "pkg-1.2+cu128.sm90-py3-none-any.whl");
  fs::rename(wheel(), folder_.path() / "x.whl");
  try {
    carve_package(folder_.path() / "x.whl", folder_.path() / "out", options_);
    FAIL() << "nobody can tell which";
  } catch (const Error& error) {
    EXPECT_EQ(error.parts().what, "there are 3 .dist-info folders in it, and its name is that of none");
  }
}

TEST_F(CarvedWheels, RefusesADamagedOneAndLeavesNothingBehind) {
  std::string bytes = read_file(wheel());
  const std::size_t at = bytes.find("pkg/lib/a.so") + 20'000;  // inside the packed library
  for (std::size_t i = at; i < at + 64; ++i) bytes[i] = static_cast<char>(~bytes[i]);
  folder_.write(wheel().filename().string(), bytes);
  EXPECT_NE(message(), "no error");
  folder_.write(wheel().filename().string(), bytes.substr(0, bytes.size() / 2));
  EXPECT_EQ(message().substr(0, 29), "the zip file has no directory");
  EXPECT_TRUE(fs::is_empty(folder_.path() / "out"));
}

TEST_F(CarvedWheels, ADryRunWritesNothingBesideAndTellsTheSame) {
  options_.carve.dry_run = true;
  const CarvedPackage planned = carve();
  EXPECT_TRUE(fs::is_empty(folder_.path() / "out"));
  options_.carve.dry_run = false;
  const CarvedPackage carved = carve();
  EXPECT_EQ(planned.new_size, carved.new_size);
  EXPECT_LT(carved.new_size, carved.old_size);
}

}  // namespace
}  // namespace lathe

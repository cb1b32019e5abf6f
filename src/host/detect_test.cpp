// SPDX-License-Identifier: MIT
#include "host/detect.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "base/finding.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "testing/test_paths.h"
#include "host/pci.h"
#include "host/system.h"
#include "testing/scratch_folder.h"
#include "os/small_file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// A folder with some of a machine's /proc and /sys.
class Root {
 public:
  const fs::path& path() const { return folder_.path(); }

  Root& file(const std::string& name, std::string_view text) {
    folder_.write(name, text);
    return *this;
  }
  Root& pci(const std::string& address, const std::string& device, const std::string& driver,
            const std::string& kind = "0x030000") {
    const std::string folder = "sys/bus/pci/devices/" + address + "/";
    file(folder + "vendor", "0x10de\n")
        .file(folder + "device", device + "\n")
        .file(folder + "class", kind + "\n");
    if (!driver.empty())
      fs::create_symlink("../../../../bus/pci/drivers/" + driver, path() / (folder + "driver"));
    return *this;
  }
  HostInfo detect(const std::string& nvml = "/nowhere/libnvidia-ml.so.1",
                  const std::string& cuda = "/nowhere/libcuda.so.1") const {
    return detect_host({.root = path(), .nvml = {.libraries = {nvml}, .cuda_libraries = {cuda}}});
  }

 private:
  testing::ScratchFolder folder_;
};

const Finding* note(const HostInfo& host, std::string_view rule) {
  for (const Finding& finding : host.notes) {
    if (finding.rule == rule) return &finding;
  }
  return nullptr;
}

TEST(Detect, WithoutNvmlThePciNumbersTell) {
  Root root;
  root.pci("0000:01:00.0", "0x2b85", "nvidia").pci("0000:01:00.1", "0x22e8", "snd_hda_intel", "0x040300");
  root.file("sys/module/nvidia/version", "570.86.10\n");
  root.file("usr/share/misc/pci.ids",
            "8086  Intel\n\t2b85  Wrong [Wrong]\n10de  NVIDIA Corporation\n\t2b84  A [B]\n\t2b85  GB202 "
            "[GeForce RTX 5090]\n");
  const HostInfo host = root.detect();
  ASSERT_EQ(host.gpus.size(), 1u) << "the sound device is not a GPU";
  EXPECT_EQ(host.gpu_source, "pci");
  EXPECT_EQ(host.gpus[0].name, "GeForce RTX 5090");
  EXPECT_EQ(host.gpus[0].capability, (Capability{12, 0}));
  EXPECT_EQ(host.driver.version->text(), "570.86.10");
  EXPECT_EQ(host.driver.cuda->text(), "12.8") << "the newest toolkit whose own driver is not newer";
  ASSERT_NE(note(host, "no-libcuda"), nullptr);
}

TEST(Detect, AGpuNewerThanTheCatalogueIsNamedAndNotGuessed) {
  Root root;
  root.pci("0000:01:00.0", "0x3340", "nvidia");
  const HostInfo host = root.detect();
  ASSERT_EQ(host.gpus.size(), 1u);
  EXPECT_FALSE(host.gpus[0].capability.has_value());
  ASSERT_NE(note(host, "gpu-unknown"), nullptr);
  EXPECT_NE(note(host, "gpu-unknown")->what.find("10de:3340"), std::string::npos)
      << note(host, "gpu-unknown")->what;
}

TEST(Detect, WrongDriversAreNoted) {
  Root root;
  root.pci("0000:01:00.0", "0x2684", "nouveau")
      .pci("0000:02:00.0", "0x2684", "vfio-pci")
      .pci("0000:03:00.0", "0x2684", "");
  const HostInfo host = root.detect();
  EXPECT_EQ(host.gpus.size(), 3u);
  EXPECT_FALSE(host.driver.version.has_value());
  EXPECT_NE(note(host, "no-driver"), nullptr);
  EXPECT_NE(note(host, "gpu-driver")->what.find("it is bound to nouveau"), std::string::npos);
}

TEST(Detect, JetsonsAreInTheDeviceTree) {
  Root root;
  root.file("proc/device-tree/compatible",
            std::string_view("nvidia,p3737-0000+p3701-0000\0nvidia,tegra234\0", 45));
  root.file("proc/device-tree/model", std::string_view("NVIDIA Jetson AGX Orin Developer Kit\0", 37));
  root.file("proc/driver/nvidia/version",
            "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.3.0  Release Build\n");
  const HostInfo host = root.detect();
  ASSERT_EQ(host.gpus.size(), 1u);
  EXPECT_EQ(host.gpus[0].capability, (Capability{8, 7}));
  EXPECT_EQ(host.gpus[0].name, "NVIDIA Jetson AGX Orin Developer Kit");
  EXPECT_EQ(host.driver.version->text(), "540.03.00");
}

TEST(Detect, NvmlIsBelievedBeforeThePciNumbersAndHeldAgainstTheKernelModule) {
  Root root;
  root.pci("0000:01:00.0", "0x2b85", "nvidia").file("sys/module/nvidia/version", "575.51.03\n");
  const HostInfo host = root.detect(testing::fake_nvml_library, testing::fake_nvml_library);
  EXPECT_EQ(host.gpu_source, "nvml");
  EXPECT_EQ(host.gpus.size(), 2u);
  EXPECT_EQ(host.driver.version->text(), "575.51.03");
  EXPECT_EQ(host.driver.cuda->text(), "13.0");
  EXPECT_TRUE(host.driver.libraries);
  ASSERT_NE(note(host, "driver-mismatch"), nullptr);
  EXPECT_EQ(note(host, "no-libcuda"), nullptr);
}

TEST(Detect, AnNvmlThatCannotAnswerIsReplacedByThePciNumbers) {
  Root root;
  root.pci("0000:01:00.0", "0x2b85", "nvidia").file("sys/module/nvidia/version", "575.51.03\n");
  ::setenv("FAKE_NVML", "mismatch", 1);
  const HostInfo host = root.detect(testing::fake_nvml_library);
  ::unsetenv("FAKE_NVML");
  EXPECT_EQ(host.gpu_source, "pci");
  ASSERT_NE(note(host, "nvml"), nullptr);
  EXPECT_EQ(note(host, "nvml")->what,
            "NVIDIA's management library cannot answer: Driver/library version mismatch; the library is of "
            "driver 580.65.06, "
            "the kernel module of 575.51.03");
}

// Root may read everything, so root's rights are put down meanwhile.
HostInfo as_nobody(const std::function<HostInfo()>& detect) {
  constexpr ::uid_t nobody = 65534;
  const ::uid_t user = ::geteuid();
  if (user == 0 && ::seteuid(nobody) != 0) ADD_FAILURE() << "cannot become nobody";
  HostInfo host = detect();
  if (user == 0 && ::seteuid(user) != 0) ADD_FAILURE() << "cannot become root again";
  return host;
}

TEST(Detect, SysfsWithoutPermissionIsANote) {
  Root root;
  root.pci("0000:01:00.0", "0x2b85", "nvidia");
  const fs::path bus = root.path() / "sys/bus/pci/devices";
  fs::permissions(root.path(), fs::perms::all);
  fs::permissions(bus, fs::perms::none);
  const HostInfo host = as_nobody([&] { return root.detect(); });
  fs::permissions(bus, fs::perms::all);
  EXPECT_TRUE(host.gpus.empty());
  EXPECT_NE(note(host, "sysfs"), nullptr);
}

TEST(Detect, AFileInPlaceOfSysfsIsANote) {
  Root root;
  root.file("sys/bus/pci/devices", "");
  EXPECT_NE(note(root.detect(), "sysfs"), nullptr);
}

TEST(Detect, LimitsOfEveryGroupCount) {
  Root root;
  root.file("proc/self/cgroup", "0::/user.slice/build.scope\n");
  root.file("sys/fs/cgroup/user.slice/build.scope/cpu.max", "max 100000\n");
  root.file("sys/fs/cgroup/user.slice/build.scope/memory.max", "8589934592\n");
  root.file("sys/fs/cgroup/user.slice/cpu.max", "150000 100000\n");
  root.file("sys/fs/cgroup/user.slice/memory.max", "4294967296\n");
  root.file("proc/meminfo", "MemTotal:       16303428 kB\nMemFree: 1 kB\n").file("run/.containerenv", "");
  root.file("etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
  const HostSystem system = detect_system(root.path(), [](const char*) -> const char* { return nullptr; });
  EXPECT_EQ(system.cpu_limit, 1.5);
  EXPECT_EQ(system.memory_limit, 4294967296u);
  EXPECT_EQ(system.memory, 16303428ull * 1024);
  EXPECT_EQ(system.container, "podman");
  EXPECT_EQ(system.name, "Debian GNU/Linux 12 (bookworm)");
  EXPECT_FALSE(system.glibc.has_value());
}

TEST(Detect, OlderGroupsHaveLimitsToo) {
  Root root;
  root.file("proc/self/cgroup", "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n");
  root.file("sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n");
  root.file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n")
      .file("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  const HostSystem system = detect_system(root.path(), [](const char*) -> const char* { return "lxc"; });
  EXPECT_EQ(system.cpu_limit, 0.5);
  EXPECT_EQ(system.memory_limit, 2147483648u);
  EXPECT_EQ(system.container, "lxc");
}

TEST(Detect, GlibcsVersionIsInItsBytes) {
  EXPECT_EQ(
      glibc_version("..GNU C Library (Debian GLIBC 2.36-9+deb12u4) stable release version 2.36.\nCopyright")
          ->text(),
      "2.36");
  EXPECT_FALSE(glibc_version("musl libc").has_value());
  EXPECT_FALSE(glibc_version(" release version ").has_value());
}

// Every GPU in the PCI ID database whose chip has a row must be found by that row, and by no other.
TEST(Chips, AgreeWithThePciIdDatabase) {
  const auto text = small_file("/usr/share/misc/pci.ids");
  if (!text) GTEST_SKIP() << "no pci.ids here";
  std::ifstream database("/usr/share/misc/pci.ids");
  std::string line;
  bool nvidia = false;
  std::size_t checked = 0;
  while (std::getline(database, line)) {
    if (!line.empty() && line[0] != '\t' && line[0] != '#') nvidia = line.starts_with("10de ");
    if (!nvidia || line.size() < 8 || line[0] != '\t' || line[1] == '\t') continue;
    if (line.find("Audio") != std::string::npos || line.find("USB") != std::string::npos) continue;
    const int device = std::stoi(line.substr(1, 4), nullptr, 16);
    for (const Chip& chip : catalog().chips) {
      const bool of_chip = line.substr(7).starts_with(chip.name) &&
                           !std::isdigit(static_cast<unsigned char>(line[7 + chip.name.size()]));
      if (!of_chip) continue;
      ++checked;
      const Chip* found = catalog().find_chip(device);
      ASSERT_NE(found, nullptr) << line;
      EXPECT_EQ(found->name, chip.name) << line;
    }
  }
  EXPECT_GT(checked, 300u);
}

TEST(Chips, EveryCapabilityWithAProductHasAChip) {
  for (const Gpu& gpu : catalog().gpus) {
    EXPECT_TRUE(std::ranges::any_of(catalog().chips, [&](const Chip& chip) {
      return chip.capability == gpu.capability;
    })) << gpu.name;
  }
}

}  // namespace
}  // namespace lathe

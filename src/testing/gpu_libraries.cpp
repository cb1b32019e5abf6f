// SPDX-License-Identifier: MIT
#include "testing/gpu_libraries.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>

#include "formats/elf_headers.h"
#include "hardware/capability.h"

namespace lathe::testing {
namespace {

constexpr std::string_view program = R"(
#include <stdio.h>
#include <string.h>
struct wrapper { unsigned magic, version; const unsigned char *data; void *file; };
extern struct wrapper wrapper_first[], wrapper_last[];
static const char padding[9000] = "between the headers and the code";
int zeroed[5000];
static unsigned long sum(const unsigned char *p, unsigned long n) {
  unsigned long s = 5381;
  while (n--) s = s * 33 + *p++;
  return s;
}
__attribute__((constructor)) static void show(void) {
  for (struct wrapper *w = wrapper_first; w != wrapper_last; ++w) {
    unsigned long size;
    memcpy(&size, w->data + 8, 8);
    printf("%x:", w->magic);
    for (const unsigned char *p = w->data + 16, *end = p + size; p < end;) {
      unsigned header, arch;
      unsigned long payload;
      memcpy(&header, p + 4, 4);
      memcpy(&payload, p + 8, 8);
      memcpy(&arch, p + 28, 4);
      printf(" %s%u=%lx", p[0] == 1 ? "compute_" : "sm_", arch, sum(p, header + payload));
      p += header + payload;
    }
    printf("\n");
  }
  printf("%d %lx\n", zeroed[17], sum((const unsigned char *)padding, sizeof padding));
  fflush(stdout);
}
int main(void) { return 0; }
)";

constexpr std::string_view loader = R"(
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) {
  if (dlopen(argv[1], RTLD_NOW)) return 0;
  fprintf(stderr, "%s\n", dlerror());
  return 1;
}
)";

std::string entry(const TestImage& image, unsigned seed) {
  const auto spelled = parse_capability(image.name);
  const Capability capability = spelled->capability;
  std::uint64_t flags = 0x11;
  if (capability.suffix == 'a') flags |= 0x100000u;
  if (capability.suffix == 'f') flags |= 0x200000u;
  std::string text = encode_number(spelled->dialect == Dialect::compute ? 1 : 2, 2) +
                     encode_number(0x0101, 2) + encode_number(64, 4) + encode_number(image.size, 8) +
                     encode_number(0, 8) + encode_number(0, 4);
  text += encode_number(static_cast<std::uint64_t>(capability.major * 10 + capability.minor), 4) +
          encode_number(0, 8);
  text += encode_number(flags, 8) + encode_number(0, 8) + encode_number(0, 8);
  for (std::size_t i = 0; i < image.size; ++i) {
    seed = seed * 1664525 + 1013904223;
    text += image.packs && i >= 1000 ? '\0' : static_cast<char>(seed >> 24);
  }
  return text;
}

}  // namespace

std::string make_container(const std::vector<TestImage>& images) {
  static unsigned seed = 1;
  std::string entries;
  for (const TestImage& image : images) entries += entry(image, ++seed);
  return encode_number(0xBA55ED50, 4) + encode_number(1, 2) + encode_number(16, 2) +
         encode_number(entries.size(), 8) + entries;
}

namespace {

// part.s while it is written.
struct Assembly {
  const ScratchFolder& folder;
  std::size_t containers = 0;
  std::string code = {};
  std::string wrappers =
      ".section .nvFatBinSegment,\"aw\"\n.p2align 3\n.globl wrapper_first\n.hidden "
      "wrapper_first\nwrapper_first:\n";

  void add(std::string_view section, const std::vector<TestImage>& images) {
    const std::string name = fmt::format("container{}.bin", containers);
    folder.write(name, make_container(images));
    code += fmt::format(".section {},\"a\"\n.p2align 3\nfatbin{}:\n.incbin \"{}\"\n", section, containers++,
                        name);
  }

  // Of the container that was added last.
  void wrap(unsigned version) {
    wrappers += fmt::format(".long 0x466243b1, {}\n.quad fatbin{}\n.quad 0\n", version, containers - 1);
  }

  void write() const {
    folder.write("part.s", code + wrappers +
                               ".globl wrapper_last\n.hidden wrapper_last\nwrapper_last:\n"
                               ".section .note.GNU-stack,\"\"\n");
    folder.write("part.c", program);
    folder.write("loader.c", loader);
  }
};

}  // namespace

void write_parts(const ScratchFolder& folder, const std::vector<std::vector<TestImage>>& containers,
                 const std::vector<std::size_t>& unwrapped) {
  Assembly assembly{.folder = folder};
  for (std::size_t i = 0; i < containers.size(); ++i) {
    assembly.add(".nv_fatbin", containers[i]);
    if (std::ranges::find(unwrapped, i) == unwrapped.end()) assembly.wrap(1);
  }
  assembly.write();
}

void write_linked_parts(const ScratchFolder& folder, const std::vector<std::vector<TestImage>>& linked,
                        const std::vector<std::vector<TestImage>>& relocatable, std::size_t not_linked) {
  Assembly assembly{.folder = folder};
  for (const auto& images : linked) {
    assembly.add(".nv_fatbin", images);
    assembly.wrap(2);
  }
  std::string modules = ".section __nv_module_id,\"a\"\n";
  for (std::size_t i = 0; i < relocatable.size(); ++i) {
    assembly.add("__nv_relfatbin", relocatable[i]);
    assembly.wrap(1);
    modules += fmt::format(".asciz \"_{}_cu\"\n", i);
    if (i + not_linked < relocatable.size()) modules += fmt::format(".asciz \"def _{}_cu\"\n", i);
  }
  assembly.code += modules;
  assembly.write();
}

void link_parts(const ScratchFolder& folder, const std::string& output, const std::string& flags,
                const std::string& compiler) {
  folder.run(compiler + " -O1 -g -o " + output + " part.c part.s " + flags);
}

std::string load(const ScratchFolder& folder, const std::string& name) {
  if (!std::filesystem::exists(folder.path() / "loader")) folder.run("gcc -o loader loader.c");
  const bool library = name.ends_with(".so");
  return folder.run(library ? "./loader ./" + name : "./" + name);
}

}  // namespace lathe::testing

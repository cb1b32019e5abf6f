// SPDX-License-Identifier: MIT
// A program of its own, about a kilobyte: sent to a builder through ssh and run there, it prints what CPUID answers and what XCR0 says
// the kernel saves. No C library, so that it runs on any Linux of x86-64, also where nothing is installed. What the answers mean is
// host/cpu_x86.cpp's matter.
#include <cpuid.h>

#include <initializer_list>

namespace {

long call(long number, long a, long b, long c) {
  long result = number;
  __asm__ volatile("syscall" : "+a"(result) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

// On the stack: a program without data of its own is one segment.
struct Text {
  char bytes[2048];
  int used = 0;

  void put(char letter) { bytes[used++] = letter; }
  void put_word(unsigned value) {
    for (int shift = 28; shift >= 0; shift -= 4) {
      const unsigned digit = value >> shift & 15;
      put(static_cast<char>(digit < 10 ? '0' + digit : 'a' + digit - 10));
    }
    put(' ');
  }
};

void put_leaf(Text& text, unsigned leaf, unsigned subleaf) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  __cpuid_count(leaf, subleaf, a, b, c, d);
  for (const unsigned value : {leaf, subleaf, a, b, c, d}) text.put_word(value);
  text.put('\n');
}

void put_saved_state(Text& text) {
  unsigned a = 0, b = 0, c = 0, d = 0, low = 0, high = 0;
  __cpuid_count(1, 0, a, b, c, d);
  if (c >> 27 & 1) __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));  // OSXSAVE
  constexpr long arch_prctl = 158, request_permission = 0x1023, tile_data = 18;
  for (const char letter : {'x', 'c', 'r', '0', ' '}) text.put(letter);
  text.put_word(high);
  text.put_word(low);
  text.put_word((low >> 17 & 3) == 3 && call(arch_prctl, request_permission, tile_data, 0) == 0);
  text.put('\n');
}

}  // namespace

extern "C" [[noreturn]] void _start() {
  Text text;
  for (const unsigned leaf : {0U, 1U, 0x80000000U, 0x80000001U, 0x80000002U, 0x80000003U, 0x80000004U}) put_leaf(text, leaf, 0);
  put_leaf(text, 7, 0);
  put_leaf(text, 7, 1);
  put_saved_state(text);
  call(1, 1, reinterpret_cast<long>(text.bytes), text.used);  // write
  while (true) call(231, 0, 0, 0);                            // exit_group
}

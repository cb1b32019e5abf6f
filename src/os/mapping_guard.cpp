// SPDX-License-Identifier: MIT
#include "os/mapping_guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

namespace lathe {
namespace {

struct Slot {
  std::atomic<std::uintptr_t> begin = 0, end = 0;
  std::atomic<bool> taken = false, lost = false;
};

// a folder is worked on by a few threads, each with a handful of files
constexpr std::size_t most_mappings = 1024;
std::array<Slot, most_mappings> slots;
std::uintptr_t page = 4096;
struct sigaction before_us;

// Only atomics and mmap: this runs in the middle of whatever touched the page.
void on_bus_error(int number, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (Slot& slot : slots) {
    const std::uintptr_t end = slot.end;
    if (address < slot.begin || address >= end) continue;
    const std::uintptr_t first = address / page * page;
    void* zeros = ::mmap(reinterpret_cast<void*>(first), end - first, PROT_READ,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (zeros == MAP_FAILED) break;
    slot.lost = true;
    return;
  }
  // Not ours: whoever was there before, or the default, which ends the program when the page is touched
  // again.
  if (before_us.sa_flags & SA_SIGINFO) return before_us.sa_sigaction(number, info, context);
  ::signal(SIGBUS, SIG_DFL);
}

void watch() {
  static std::once_flag once;
  std::call_once(once, [] {
    page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGBUS, &action, &before_us);
  });
}

}  // namespace

std::size_t guard_mapping(void* start, std::size_t size) {
  if (start == nullptr) return no_guard;
  watch();
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].taken.exchange(true)) continue;
    slots[i].lost = false;
    slots[i].begin = reinterpret_cast<std::uintptr_t>(start);
    slots[i].end = reinterpret_cast<std::uintptr_t>(start) + size;
    return i;
  }
  return no_guard;
}

void release_guard(std::size_t guard) {
  if (guard == no_guard) return;
  slots[guard].end = 0;
  slots[guard].begin = 0;
  slots[guard].taken = false;
}

bool lost_bytes(std::size_t guard) { return guard != no_guard && slots[guard].lost; }

}  // namespace lathe

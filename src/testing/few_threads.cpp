// SPDX-License-Identifier: MIT
#include "testing/few_threads.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>

namespace lathe::testing {

namespace {

enum class Refused { threads, processes };

bool refuse(Refused what) {
  const auto refuse_with = [](unsigned error_number) {
    return SECCOMP_RET_ERRNO | (error_number & SECCOMP_RET_DATA);
  };
  const unsigned threads = what == Refused::threads ? refuse_with(EAGAIN) : SECCOMP_RET_ALLOW;
  const unsigned processes = what == Refused::processes ? refuse_with(EAGAIN) : SECCOMP_RET_ALLOW;
  // clone3 has its flags in memory, where a filter cannot look: without it, the C library takes clone.
  std::array<sock_filter, 9> program = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, refuse_with(ENOSYS)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, threads),
      BPF_STMT(BPF_RET | BPF_K, processes),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace

bool refuse_threads() { return refuse(Refused::threads); }
bool refuse_processes() { return refuse(Refused::processes); }

}  // namespace lathe::testing

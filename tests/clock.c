// SPDX-License-Identifier: MIT
// Preloaded into torchlathe and Nix by build_faults.py: other clocks than the kernel's.
//   CLOCK_SWINGS=1     the wall clock goes an hour back and forth at each call, as no clock should
//   CLOCK_SLEPT=FILE   once FILE is there, the machine has been asleep for an hour: the wall clock and
//                      CLOCK_BOOTTIME are an hour ahead, and CLOCK_MONOTONIC has stood still for the seconds
//                      that FILE holds, in which the processes were stopped
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { hour = 3600 };

// Seconds that stopped processes stood still; negative: nobody slept yet.
static double stood(void) {
  static double seconds = -1;
  const char* name = getenv("CLOCK_SLEPT");
  if (seconds >= 0 || !name || access(name, R_OK) != 0) return seconds;
  FILE* file = fopen(name, "r");
  if (file && fscanf(file, "%lf", &seconds) != 1) seconds = -1;
  if (file) fclose(file);
  return seconds;
}

static long wall_jump(void) {
  static long calls;
  if (getenv("CLOCK_SWINGS")) return ++calls % 2 ? hour : -hour;
  return stood() >= 0 ? hour : 0;
}

static void take_away(struct timespec* time, double seconds) {
  time->tv_sec -= (time_t)seconds;
  time->tv_nsec -= (long)((seconds - (double)(time_t)seconds) * 1e9);
  if (time->tv_nsec < 0) {
    time->tv_nsec += 1000000000;
    --time->tv_sec;
  }
}

int clock_gettime(clockid_t which, struct timespec* to) {
  const long result = syscall(SYS_clock_gettime, which, to);
  if (which == CLOCK_REALTIME) to->tv_sec += wall_jump();
  if (which == CLOCK_BOOTTIME && stood() >= 0) to->tv_sec += hour;
  if (which == CLOCK_MONOTONIC && stood() >= 0) take_away(to, stood());
  return (int)result;
}

time_t time(time_t* to) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (to) *to = now.tv_sec;
  return now.tv_sec;
}

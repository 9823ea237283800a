#pragma once
#include <uv.h>
#include <sys/syscall.h>
#include <unistd.h>

// timerfd_create(2), by its system call number: with <sys/timerfd.h> the types of <time.h> would
// belong to this module and to Swift's Glibc module at once. A timer of CLOCK_MONOTONIC (1) that
// does not block (O_NONBLOCK) and is closed by exec (O_CLOEXEC).
static inline int clibuv_timer_create(void) { return (int)syscall(SYS_timerfd_create, 1, 04000 | 02000000); }

// Lets the timer expire once, at a moment of its clock (TFD_TIMER_ABSTIME is 1). struct itimerspec:
// interval and value, each seconds and nanoseconds.
static inline int clibuv_timer_set(int timer, long seconds, long nanoseconds) {
  const long setting[4] = {0, 0, seconds, nanoseconds};
  return (int)syscall(SYS_timerfd_settime, timer, 1, setting, (void *)0);
}

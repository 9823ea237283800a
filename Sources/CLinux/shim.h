// Linux's calls that Swift's Glibc module lacks. Those by number are declared by glibc for
// _GNU_SOURCE only, or by headers whose types would belong to this module and to Swift's at once.
#pragma once
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// memfd_create(2): a file that is in memory only, closed in children.
static inline int clinux_memory_file(void) { return (int)syscall(SYS_memfd_create, "streakd", 1U); }

/// prctl(2), PR_SET_DUMPABLE: variadic, so not to be had from Swift.
static inline int clinux_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

/// timerfd_create(2): a timer of CLOCK_MONOTONIC (1) that does not block (O_NONBLOCK) and is closed
/// by exec (O_CLOEXEC).
static inline int clinux_timer_create(void) { return (int)syscall(SYS_timerfd_create, 1, 04000 | 02000000); }

/// timerfd_settime(2): the timer expires once, at a moment of its clock (TFD_TIMER_ABSTIME is 1).
/// struct itimerspec: interval and value, each seconds and nanoseconds.
static inline int clinux_timer_set(int timer, long seconds, long nanoseconds) {
  const long setting[4] = {0, 0, seconds, nanoseconds};
  return (int)syscall(SYS_timerfd_settime, timer, 1, setting, (void *)0);
}

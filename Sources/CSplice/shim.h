// Linux's system call to duplicate a pipe's bytes into another pipe without copying them. Called by
// number: glibc declares the function only for _GNU_SOURCE, and with that its headers differ from
// those of Swift's Glibc module.
#pragma once
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/// tee(2): duplicates up to `count` bytes of one pipe into another.
static inline ssize_t csplice_tee(int from, int to, size_t count) { return syscall(SYS_tee, from, to, count, 0); }

/// memfd_create(2): a file that is in memory only, closed in children.
static inline int csplice_memory_file(void) { return (int)syscall(SYS_memfd_create, "streakd", 1U); }

/// prctl(2), PR_SET_DUMPABLE: variadic, so not to be had from Swift.
static inline int csplice_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

// Linux's system calls that Swift's Glibc module lacks. By number: glibc declares memfd_create only
// for _GNU_SOURCE, and with that its headers differ from those of Swift's module.
#pragma once
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// memfd_create(2): a file that is in memory only, closed in children.
static inline int csplice_memory_file(void) { return (int)syscall(SYS_memfd_create, "streakd", 1U); }

/// prctl(2), PR_SET_DUMPABLE: variadic, so not to be had from Swift.
static inline int csplice_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

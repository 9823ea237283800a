// Linux' way to move bytes between pipes without copying them. By the calls' numbers: glibc declares the functions only for _GNU_SOURCE, with which
// its headers are others than those that Swift's Glibc module was made from.
#pragma once
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/// tee(2): doubles up to `count` bytes of one pipe into another.
static inline ssize_t csplice_tee(int from, int to, size_t count) { return syscall(SYS_tee, from, to, count, 0); }

/// splice(2): moves up to `count` bytes of one pipe into another, or into a device.
static inline ssize_t csplice_splice(int from, int to, size_t count) {
  return syscall(SYS_splice, from, (void *)0, to, (void *)0, count, 0);
}

// Tells ThreadSanitizer of Swift's Mutex. Under contention that one waits and hands over in libswiftSynchronization, which is not instrumented, by
// syscall(SYS_futex, ..., FUTEX_LOCK_PI and FUTEX_UNLOCK_PI): without this, whatever a Mutex guards is taken for a race between the two threads.
// scripts/test loads it in front of libc (LD_PRELOAD); in programs without the sanitizer it hands on and does nothing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/syscall.h>

__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

long syscall(long number, ...) {
  static long (*next)(long, ...);
  if (!next) next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  long values[6];
  va_list list;
  va_start(list, number);
  for (int i = 0; i < 6; i++) values[i] = va_arg(list, long);
  va_end(list);

  long command = number == SYS_futex && __tsan_acquire ? values[1] & FUTEX_CMD_MASK : -1;
  if (command == FUTEX_UNLOCK_PI) __tsan_release((void *)values[0]);
  long result = next(number, values[0], values[1], values[2], values[3], values[4], values[5]);
  if (result == 0 && (command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2 || command == FUTEX_TRYLOCK_PI))
    __tsan_acquire((void *)values[0]);
  return result;
}

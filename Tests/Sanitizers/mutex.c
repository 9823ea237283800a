// Tells ThreadSanitizer about Swift's Mutex. Waiting for a locked one happens in
// libswiftSynchronization, which is not instrumented: without this, accesses guarded by the Mutex
// are reported as races. scripts/test loads it before that library (LD_PRELOAD); in programs
// without the sanitizer it does nothing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

// Synchronization._MutexHandle._lockSlow(Swift.UInt32) -> () and ._unlockSlow() -> (), which Mutex
// calls under contention.
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

typedef __attribute__((swiftcall)) void lock_slow(uint32_t thread, __attribute__((swift_context)) void *handle);
typedef __attribute__((swiftcall)) void unlock_slow(__attribute__((swift_context)) void *handle);

lock_slow streak_lock_slow __asm__(LOCK_SLOW);
unlock_slow streak_unlock_slow __asm__(UNLOCK_SLOW);

static void *next(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}

__attribute__((swiftcall)) void streak_lock_slow(uint32_t thread, __attribute__((swift_context)) void *handle) {
  ((lock_slow *)next(LOCK_SLOW))(thread, handle);
  if (__tsan_acquire) __tsan_acquire(handle);
}

__attribute__((swiftcall)) void streak_unlock_slow(__attribute__((swift_context)) void *handle) {
  if (__tsan_release) __tsan_release(handle);
  ((unlock_slow *)next(UNLOCK_SLOW))(handle);
}

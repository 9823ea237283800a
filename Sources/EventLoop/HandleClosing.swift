internal import CLibuv

/// Closes a handle of libuv, and frees its memory once libuv does not use it any more.
@unsafe func closeAndFree<Handle>(_ handle: UnsafeMutablePointer<Handle>) {
  unsafe uv_close(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)) { closed in
    unsafe UnsafeMutableRawPointer(closed)?.deallocate()
  }
}

internal import CStreakWeb

extension WebFile {
  /// Every file under `Page/`, as `codegen/embed-page` has listed them.
  static var all: [WebFile] {
    var count = 0
    let first = unsafe streak_web_files(&count)
    return unsafe UnsafeBufferPointer(start: first, count: count).map { file in
      unsafe WebFile(
        path: String(cString: file.path), bytes: Array(UnsafeBufferPointer(start: file.bytes, count: file.count)))
    }
  }
}

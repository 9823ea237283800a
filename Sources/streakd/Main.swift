import ArgumentParser
import Glibc

/// The program's entry. Its first thread waits here, and serves nothing: an asynchronous `main`
/// would leave it in `pthread_exit`, where the system library passes over it when the process
/// becomes another user, and it would stay root's.
@main enum Main {
  static func main() {
    Task.detached {
      await Streakd.main()
      exit(EXIT_SUCCESS)
    }
    while true { pause() }
  }
}

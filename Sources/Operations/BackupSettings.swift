internal import Glibc
public import Postgres
package import PrivateCluster
internal import Synchronization

/// What backups of a database need.
public struct BackupSettings: Sendable {
  /// The database, as libpq takes it.
  public var configuration: PostgresConfiguration
  /// Where backups go.
  public var folder: String
  /// age's public keys (`age1...`, `ssh-...`), or paths of files with one on each line. The private
  /// keys belong elsewhere.
  public var recipients: [String]
  /// Where trial restores have their PostgreSQL: a folder that every user may enter, with room for
  /// the whole database.
  public var scratchFolder = "/var/tmp"
  /// A folder that is not there, or without its erasure ledger, is made: it is new. Else it is an
  /// error, for then something is not mounted.
  public var makesFolder = true
  /// The file with the key that signs them; nil: see `BackupSigningKey.standardPath`.
  public var signingKeyFile: String?
  /// The key itself, of a program that has read it and may not read it again; nil: it is read.
  public var signingKey: BackupSigningKey?
  /// How long backups are kept, in days.
  public var retentionDays = 30

  public init(configuration: PostgresConfiguration, folder: String, recipients: [String]) {
    self.configuration = configuration
    self.folder = folder
    self.recipients = recipients
  }

  /// Makes sure that something can be encrypted to a recipient.
  ///
  /// - Parameter user: The user that will do so; nil: this process's own.
  package static func check(recipient: String, by user: ServerUser? = nil) throws(OperationsError) {
    let settings: BackupSettings
    do throws(PostgresConfigurationError) {
      settings = BackupSettings(
        configuration: try PostgresConfiguration(connectionString: ""), folder: "", recipients: [recipient])
    } catch {
      throw .database("\(error)")
    }
    let nowhere = try Descriptor.open("/dev/null", O_WRONLY)
    let trial = try Program(["age", "--encrypt"] + (try settings.recipientArguments()), output: nowhere, user: user)
    if let failure = trial.failure() { throw .refused("backups cannot be encrypted to \(recipient): \(failure)") }
  }

  /// age's options.
  func recipientArguments() throws(OperationsError) -> [String] {
    guard !recipients.isEmpty else { throw .refused("a backup needs a recipient: whom it is encrypted to") }
    var arguments: [String] = []
    for recipient in recipients {
      if recipient.hasPrefix("age1") || recipient.hasPrefix("ssh-") {
        arguments += ["-r", recipient]
      } else {
        guard Files.exists(recipient) else {
          throw .refused("\(recipient) is neither a public key of age nor a file with such")
        }
        arguments += ["-R", Files.absolute(recipient)]
      }
    }
    return arguments
  }

  func environment() throws(OperationsError) -> [String] {
    do throws(PostgresConfigurationError) {
      return PostgresPrograms.environment(try configuration.environment())
    } catch {
      throw .database("\(error)")
    }
  }
}

/// How far a backup or restore is. Any thread.
public final class Progress: Sendable {
  private let dump = Atomic<Int>(0)
  private let file = Atomic<Int>(0)
  private let current = Mutex<String>("")
  private let told = Mutex<[String]>([])
  private let children = Mutex(Children())

  private struct Children {
    var processes: Set<Int32> = []
    var isCancelled = false
  }

  public init() {}

  /// Bytes of the dump so far, before compression.
  public var dumpBytes: Int { dump.load(ordering: .relaxed) }
  /// Bytes of the encrypted file so far.
  public var fileBytes: Int { file.load(ordering: .relaxed) }
  /// What is being done.
  public var phase: String { current.withLock { $0 } }

  public func addDump(_ bytes: Int) { dump.wrappingAdd(bytes, ordering: .relaxed) }
  /// What an operator should know although all went on.
  public var warnings: [String] { told.withLock { $0 } }
  func warn(_ text: String) { told.withLock { $0.append(text) } }

  /// Ends what is being done, by ending its programs: it fails then. Any later one fails as well.
  public func cancel() {
    children.withLock { children in
      children.isCancelled = true
      // Not collected yet, so the numbers are still theirs.
      for process in children.processes { kill(process, SIGKILL) }
    }
  }

  /// - Returns: Whether the program may go on; if not, it has been ended.
  func began(_ process: Int32) -> Bool {
    children.withLock { children in
      if children.isCancelled { kill(process, SIGKILL) } else { children.processes.insert(process) }
      return !children.isCancelled
    }
  }

  /// Before the process is collected.
  func ended(_ process: Int32) { children.withLock { _ = $0.processes.remove(process) } }

  var isCancelled: Bool { children.withLock { $0.isCancelled } }

  func addFile(_ bytes: Int) { file.wrappingAdd(bytes, ordering: .relaxed) }
  public func begin(_ phase: String) { current.withLock { $0 = phase } }
}

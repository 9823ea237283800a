internal import Glibc
package import Postgres
package import PrivateCluster
internal import Synchronization

/// The settings of a database's backups.
package struct BackupSettings: Sendable {
  /// The database's address, in libpq's form.
  package var configuration: PostgresConfiguration
  /// The backup folder.
  package var folder: String
  /// age's public keys (`age1...`, `ssh-...`), or paths of files with one key per line. The private
  /// keys belong on another machine.
  package var recipients: [String]
  /// The folder for trial restores. Every user may enter it, and it has room for the whole
  /// database.
  package var scratchFolder = scratchFolderDefault
  package static let scratchFolderDefault = "/var/tmp"
  /// Whether a missing folder, or one without its erasure ledger, is made. If false it is an error,
  /// because a file system may not be mounted.
  package var makesFolder = true
  /// The file with the signing key; nil: see `BackupSigningKey.standardPath`.
  package var signingKeyFile: String?
  /// The key itself, of a program that has read it and may not read it again; nil: it is read.
  package var signingKey: BackupSigningKey?
  /// How long backups are kept, in days.
  package var retentionDays = 30

  package init(configuration: PostgresConfiguration, folder: String, recipients: [String]) {
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

  /// age's options for the recipients.
  func recipientArguments() throws(OperationsError) -> [String] {
    guard !recipients.isEmpty else { throw .refused("a backup needs a recipient to encrypt it to") }
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

/// The progress of a backup or restore. Any thread.
package final class Progress: Sendable {
  private let dump = Atomic<Int>(0)
  private let file = Atomic<Int>(0)
  private let current = Mutex<String>("")
  private let messages = Mutex<[String]>([])
  private let children = Mutex(Children())

  private struct Children {
    var processes: Set<Int32> = []
    var isCancelled = false
  }

  package init() {}

  /// Bytes of the dump so far, before compression.
  package var dumpBytes: Int { dump.load(ordering: .relaxed) }
  /// Bytes of the encrypted file so far.
  package var fileBytes: Int { file.load(ordering: .relaxed) }
  /// The current step.
  package var phase: String { current.withLock { $0 } }

  package func addDump(_ bytes: Int) { dump.wrappingAdd(bytes, ordering: .relaxed) }
  /// Warnings for the operator; the run continues after them.
  package var warnings: [String] { messages.withLock { $0 } }
  func warn(_ text: String) { messages.withLock { $0.append(text) } }

  /// Cancels the run by ending its programs; it then fails. Later runs with this object fail as
  /// well.
  package func cancel() {
    children.withLock { children in
      children.isCancelled = true
      // The processes have not been waited for yet, so their ids are not reused.
      for process in children.processes { kill(process, SIGKILL) }
    }
  }

  /// - Returns: Whether the program may continue; if not, it has been ended.
  func began(_ process: Int32) -> Bool {
    children.withLock { children in
      if children.isCancelled { kill(process, SIGKILL) } else { children.processes.insert(process) }
      return !children.isCancelled
    }
  }

  /// Call it before waiting for the process, which frees its id.
  func ended(_ process: Int32) { children.withLock { _ = $0.processes.remove(process) } }

  var isCancelled: Bool { children.withLock { $0.isCancelled } }

  func addFile(_ bytes: Int) { file.wrappingAdd(bytes, ordering: .relaxed) }
  package func begin(_ phase: String) { current.withLock { $0 = phase } }
}

public import Postgres
internal import Synchronization

/// What backups of a database need.
public struct BackupSettings: Sendable {
  /// The database, as libpq takes it.
  public var configuration: PostgresConfiguration
  /// Where backups go.
  public var folder: String
  /// age's public keys (`age1...`, `ssh-...`), or paths of files with one on each line. The private keys belong elsewhere.
  public var recipients: [String]
  /// Where trial restores have their PostgreSQL: a folder that every user may enter, with room for the whole database.
  public var scratchFolder = "/var/tmp"
  /// The file with the key that signs them; nil: see `BackupSigningKey.standardPath`.
  public var signingKeyFile: String?
  /// How long backups are kept, in days.
  public var retentionDays = 30

  public init(configuration: PostgresConfiguration, folder: String, recipients: [String]) {
    self.configuration = configuration
    self.folder = folder
    self.recipients = recipients
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

  public init() {}

  /// Bytes of the dump so far, before compression.
  public var dumpBytes: Int { dump.load(ordering: .relaxed) }
  /// Bytes of the encrypted file so far.
  public var fileBytes: Int { file.load(ordering: .relaxed) }
  /// What is being done.
  public var phase: String { current.withLock { $0 } }

  public func addDump(_ bytes: Int) { dump.wrappingAdd(bytes, ordering: .relaxed) }
  func addFile(_ bytes: Int) { file.wrappingAdd(bytes, ordering: .relaxed) }
  public func begin(_ phase: String) { current.withLock { $0 = phase } }
}

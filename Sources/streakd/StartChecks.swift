import ArgumentParser
import EventLoop
import Glibc
import Logging
import Operations
import PrivateCluster
internal import struct StreakDomain.Instant
import StreakStore
import TLS

/// Checks the settings before anything is started or made.
struct StartChecks {
  /// The results of the checks.
  struct Outcome {
    /// Nil: in cleartext.
    let tls: TLSContext?
  }

  private let settings: ServerSettings

  init(_ settings: ServerSettings) { self.settings = settings }

  /// - Throws: The first failed check's message.
  func run(_ logger: Logger) async throws -> Outcome {
    for address in [settings.listen, settings.adminListen].compactMap({ $0 }) where address.port != 0 || address.isUnix
    {
      try SocketListener.checkIsFree(address)
    }
    let tls = try settings.tls.map { try TLSContext(server: $0) }
    if let tls, let files = settings.tls { try checkValidity(tls, files) }
    if let backups = settings.backups {
      let file = backups.signingKeyFile
      let recipient = backups.recipient
      let signer = try await onOwnThread { () -> Result<String, OperationsError> in
        do throws(OperationsError) {
          if let recipient { try BackupSettings.check(recipient: recipient) }
          return .success(try BackupSigningKey(file: file).signer)
        } catch {
          return .failure(error)
        }
      }.get()
      logger.info(
        "backups are signed; restores on other machines need to know by whom", metadata: ["signer": "\(signer)"])
    }
    return Outcome(tls: tls)
  }

  private func checkValidity(_ tls: TLSContext, _ files: TLSServerFiles) throws {
    guard let end = tls.certificateEndSeconds, end <= Instant.now().seconds else { return }
    throw ValidationError("The certificate in \(files.certificateChain) has expired: no client would accept it.")
  }
}

import ArgumentParser
import Cryptography
import EventLoop
import Glibc
import Logging
import Operations
import PrivateCluster
internal import struct StreakDomain.Instant
import StreakServices
import StreakStore
import TLS

/// Checks the settings before anything is started or made, but for the key that signs backups.
struct StartChecks {
  /// The results of the checks.
  struct Outcome {
    /// The user that this process becomes before it serves; nil: it stays what it is.
    let user: ServerUser?
    /// Nil: in cleartext.
    let tls: TLSContext?
    /// The state of the certificate's files before they were read.
    let tlsState: [String]
    let breachedPasswords: BreachedPasswords
    /// Nil: there is no backup folder.
    let signingKey: BackupSigningKey?
    /// The keys in the server key's file; nil: there is no file.
    let keys: KeyEncryptionKeys?
  }

  private let settings: ServerSettings
  private let inherited: InheritedSockets

  init(_ settings: ServerSettings, _ inherited: InheritedSockets) {
    self.settings = settings
    self.inherited = inherited
  }

  /// - Throws: The first failed check's message.
  func run(_ logger: Logger) async throws -> Outcome {
    let user = try ServerUser.toServe(as: settings.user)
    let addresses = [settings.listen, settings.adminListen].compactMap { $0 }
    if let unknown = inherited.addresses.first(where: { !addresses.contains($0) }) {
      throw ValidationError(
        "The service manager passed a socket of \(unknown), which is neither listen nor admin-listen.")
    }
    for address in addresses {
      // A socket without a loop that accepts from it would let its clients wait.
      let count = inherited.addresses.count { $0 == address }
      guard count <= (address == settings.listen ? settings.loops : 1) else {
        throw ValidationError(
          "The service manager passed \(count) sockets of \(address), more than there are loops to accept from them.")
      }
    }
    for address in addresses where (address.port != 0 || address.isUnix) && !inherited.addresses.contains(address) {
      try SocketListener.checkIsFree(address)
    }
    let tlsState = settings.tls.map { CertificateFiles(files: $0, privileged: nil).state() } ?? []
    let tls = try settings.tls.map { try TLSContext(server: $0) }
    if let tls, let files = settings.tls {
      try checkValidity(tls, files)
      warn(files, logger)
    }
    let breached = try settings.breachedPasswords.map { try BreachedPasswords(file: $0) } ?? BreachedPasswords()
    let keys = try ServerKeyFile.read(settings.serverKeyFile)
    if settings.database == nil {
      let folder = settings.dataFolder
      try await onOwnThread { () -> Result<Void, PrivateClusterError> in
        do throws(PrivateClusterError) {
          return .success(try PrivateCluster.checkInstallation(for: folder))
        } catch {
          return .failure(error)
        }
      }.get()
    }
    // The last check: it makes the key if there is none.
    var signingKey: BackupSigningKey?
    if let backups = settings.backups {
      let file = backups.signingKeyFile
      let recipient = backups.recipient
      let key = try await onOwnThread { () -> Result<BackupSigningKey, OperationsError> in
        do throws(OperationsError) {
          if let recipient { try BackupSettings.check(recipient: recipient, by: user) }
          return .success(try BackupSigningKey(file: file))
        } catch {
          return .failure(error)
        }
      }.get()
      logger.info(
        "backups are signed; restores on other machines need to know by whom", metadata: ["signer": "\(key.signer)"])
      signingKey = key
    }
    return Outcome(
      user: user, tls: tls, tlsState: tlsState, breachedPasswords: breached, signingKey: signingKey,
      keys: keys)
  }

  private func checkValidity(_ tls: TLSContext, _ files: TLSServerFiles) throws {
    guard let end = tls.certificateEndSeconds, end <= Instant.now().seconds else { return }
    throw ValidationError("The certificate in \(files.certificateChain) has expired: no client would accept it.")
  }

  private func warn(_ files: TLSServerFiles, _ logger: Logger) {
    var status = stat()
    guard stat(files.privateKey, &status) == 0, status.st_mode & 0o077 != 0 else { return }
    logger.warning("the TLS key can be read by others than its owner", metadata: ["file": "\(files.privateKey)"])
  }
}

import ArgumentParser
import Operations
import Schema

struct VerifyBackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Compares backups with their hashes; with the key, restores them on trial and compares every table.")

  @OptionGroup var place: FolderOption
  @OptionGroup var trust: SignerOptions

  @Argument(help: "The backup's name, or all; without it the newest.")
  var name: String?

  @Option(help: "The file with the private key, for a whole trial restore from the encrypted file.")
  var identity: String?

  @OptionGroup var scratch: ScratchOption

  func run() async throws {
    let path = try place.path()
    let (name, identity, scratch, trust) = (name, identity, scratch.path, trust)
    let names = try await operate(isQuiet: true) { () throws(OperationsError) in
      let all = try BackupFolder(path).backups().map(\.name)
      guard name != "all" else { return all }
      guard let chosen = name ?? all.last else { throw OperationsError.noSuchBackup("there is no backup in \(path)") }
      return [chosen]
    }
    var isDamaged = false
    for name in names {
      let progress = Progress()
      let check = try await operate(progress) { () throws(OperationsError) in
        let folder = try BackupFolder(path)
        let signers = try trust.signers(identity: identity)
        guard let identity else { return try folder.verify(name, signers: signers.canCheck ? signers : nil) }
        return try folder.verify(
          name, identity: identity, signers: signers, scratchFolder: scratch, progress: progress)
      }
      print("\(name)  \(check.failure.isEmpty ? "good" : "damaged: \(check.failure)")")
      isDamaged = isDamaged || !check.failure.isEmpty
    }
    if isDamaged { throw ExitCode(1) }
  }
}

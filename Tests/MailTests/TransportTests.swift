import Glibc
@testable import Mail
import Testing

struct TransportTests {
  private static let limits = MailLimits(connectSeconds: 1, deliverySeconds: 2)

  private static func message() throws -> MailMessage { try MailMessageTests.message() }

  @Test("a mail server that says nothing is left after the time limit")
  func silentServer() throws {
    // Its connections wait to be accepted, for ever.
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    (address.sin_family, address.sin_addr.s_addr) = (sa_family_t(AF_INET), UInt32(0x7F00_0001).bigEndian)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address -> UInt16 in
        guard unsafe bind(listener, address, size) == 0, listen(listener, 1) == 0,
          unsafe getsockname(listener, address, &size) == 0
        else { return 0 }
        return unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self).sin_port.bigEndian
      }
    }
    let server = try #require(SMTPServer("smtp://127.0.0.1:\(port)"))
    let transport = SMTPTransport(server: server, login: nil, authorities: nil, limits: Self.limits)
    let began = time(nil)
    guard case .failed(let reason) = transport.deliver(try Self.message()) else {
      Issue.record("nothing was answered")
      return
    }
    #expect(reason.contains("Timeout") && reason.contains("connecting"))
    #expect(time(nil) - began < 30)
  }

  @Test("a port without a mail server is a failure that can be repeated")
  func closedPort() throws {
    let server = try #require(SMTPServer("smtp://127.0.0.1:1"))
    let transport = SMTPTransport(server: server, login: nil, authorities: nil, limits: Self.limits)
    guard case .failed = transport.deliver(try Self.message()) else {
      Issue.record("no server can have answered")
      return
    }
  }

  @Test("a program that does not end is ended after the time limit")
  func endlessProgram() throws {
    let path = "/tmp/streakd-mail-test-\(getpid())"
    let script = Array("#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n".utf8)
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o755)
    defer { unlink(path) }
    #expect(unsafe write(file, script, script.count) == script.count)
    close(file)
    let transport = try #require(CommandTransport(path, limits: Self.limits))
    guard case .failed(let reason) = transport.deliver(try Self.message()) else {
      Issue.record("the program never ended by itself")
      return
    }
    #expect(reason.contains("longer than"))
  }

  @Test("a command is an absolute path with its arguments", arguments: ["", " ", "sendmail", "./sendmail", "-t"])
  func noCommands(text: String) { #expect(CommandTransport(text) == nil) }

  @Test("a program that is missing is a failure that can be repeated")
  func missingProgram() throws {
    let transport = try #require(CommandTransport("/nowhere/sendmail"))
    guard case .failed = transport.deliver(try Self.message()) else {
      Issue.record("no program can have taken it")
      return
    }
  }
}

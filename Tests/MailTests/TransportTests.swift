import Glibc
@testable import Mail
import TestSupport
import Testing

struct TransportTests {
  private static let limits = MailLimits(connectSeconds: 1, deliverySeconds: 2)

  private static func message() throws -> MailMessage { try MailMessageTests.message() }

  @Test("a mail server that says nothing is left after the time limit")
  func silentServer() throws {
    let silent = try #require(SilentServer())
    let server = try #require(SMTPServer("smtp://127.0.0.1:\(silent.port)"))
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

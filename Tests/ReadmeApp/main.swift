import StreakClient

let arguments = CommandLine.arguments
let client = StreakClient(
  storage: try FileStorage(path: arguments[1]),
  network: try AppServerConnection(to: arguments[2], security: .none),  // leave `security` out for TLS
  device: .init(name: "Mira's phone"))

// Without an account, and without a server.
let known = try await client.habit(named: "reading")
let reading = if let known { known.id } else { try await client.addHabit("reading") }
try await client.complete(reading, note: "20 pages")

// With an account: a new account takes over the data recorded here. On another device it is signIn.
let isNew = try await client.accounts().isEmpty
if isNew { try await client.signUp(email: arguments[3], password: readLine() ?? "") }

// From here on this device is synced with the others; events report what the person should see.
let events = try await client.events()
let running = Task { await client.run() }
try await client.sync()
print("in sync")
for await event in events {
  switch event {
  case .notice(let id, let notice):
    print("kept: \(notice.winningValue?.text ?? ""), not kept: \(notice.losingValue?.text ?? "")")
    try await client.acknowledge(id)
  case .rejected(let operation, let reason): print("not accepted: \(operation) \(reason)")
  case .changed: for habit in try await client.habits() { print(habit.fields.name, habit.streak.current) }
  case .signInNeeded, .accountErased, .accountUnknown: running.cancel()
  }
}

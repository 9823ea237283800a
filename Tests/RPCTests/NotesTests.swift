import RPC
import Synchronization
import TestSchema
import Testing

private final class NoteBoard: NotesBoard {
  private let notes = Mutex<[NotesNote]>([])

  func post(_ request: NotesNote, context: ServerContext) async throws(RPCStatus) -> NotesPosted {
    notes.withLock { notes in
      notes.append(request)
      return NotesPosted(count: Int32(notes.count))
    }
  }

  func read(
    _ request: NotesNewest, responses: ResponseWriter<NotesNote>, context: ServerContext
  ) async throws(RPCStatus) {
    for note in notes.withLock({ $0.suffix(Int(request.count)) }) { try await responses.write(note) }
  }
}

@Test("a service of another product needs a schema and its functions, nothing else")
func anotherProduct() async throws {
  try await Fixture.with(methods: NoteBoard().methods) { fixture in
    let (client, methods) = (fixture.client, NotesBoardMethods.self)
    _ = try await client.unary(methods.post, NotesNote(text: "milk"), NotesPosted.self)
    let read = client.serverStreaming(methods.read, NotesNewest(count: 1), NotesNote.self)
    #expect(try await read.next()?.text == "milk")
    let refusal = await status { _ = try await client.unary(methods.post, NotesNote(), NotesPosted.self) }
    #expect(refusal?.message == "The request breaks 1 rule(s); first: text: must not be empty")
  }
}

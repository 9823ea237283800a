internal import RPC
internal import SchemaConversion
internal import StreakDomain

extension InvalidField {
  /// The refusal that names the field.
  var status: RPCStatus { Reason.invalidField(path, requirement) }
}

/// Reads the fields of a request; an invalid field is refused by its path.
func reading<Value>(_ body: () throws(InvalidField) -> Value) throws(RPCStatus) -> Value {
  do {
    return try body()
  } catch {
    throw error.status
  }
}

/// The id in a field that must hold one, or a refusal of that field.
func identifier(_ bytes: [UInt8], _ path: String) throws(RPCStatus) -> Identifier {
  try reading { () throws(InvalidField) in try Identifier(field: bytes, path: path) }
}

internal import CLibpq

extension PostgresConfiguration {
  /// libpq's environment variables, NAME=VALUE, with which other programs (pg_dump, psql) reach the
  /// same database. They may hold a password: pass them in a child process's environment, which
  /// only its own user can read, never as arguments.
  ///
  /// - Throws: `PostgresConfigurationError` if the connection string has a relevant parameter
  ///   without an environment variable.
  public func environment() throws(PostgresConfigurationError) -> [String] {
    guard let options = unsafe PQconninfoParse("", nil) else { throw PostgresConfigurationError() }
    defer { unsafe PQconninfoFree(options) }
    var variables: [String: String] = [:]
    var next = unsafe options
    while let keyword = unsafe next.pointee.keyword {
      if let variable = unsafe next.pointee.envvar {
        unsafe variables[String(cString: keyword)] = unsafe String(cString: variable)
      }
      unsafe next += 1
    }
    var environment: [String] = []
    for (keyword, value) in parameters {
      if let variable = variables[keyword] {
        environment.append("\(variable)=\(value)")
      } else if keyword == "sslpassword" {
        throw PostgresConfigurationError()
      }
    }
    return environment
  }
}

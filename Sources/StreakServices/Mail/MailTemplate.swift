internal import Mail
internal import StreakStore

/// A mail's text and HTML in one language: files of the folder `Templates`, in which `{name}`
/// stands for a value. The first line of the text is the subject, which holds no values.
struct MailTemplate {
  let subject: String
  private let text: String
  private let html: String

  /// The languages that templates are written in; the first one is for all others.
  static let languages = ["en", "de"]

  /// - Parameter language: A BCP 47 tag, in any letter case; empty: not given.
  static func language(of tag: String) -> String {
    let primary = tag.lowercased().prefix { $0 != "-" && $0 != "_" }
    return languages.first { $0 == primary } ?? languages[0]
  }

  init(_ kind: MailKind, language: String) {
    let files = Self.files(kind)
    let (text, html) = language == "de" ? (files.de.0, files.de.1) : (files.en.0, files.en.1)
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n", maxSplits: 1)
    subject = String(lines.first ?? "")
    var body = lines.dropFirst().first ?? ""
    while body.first == "\n" { body.removeFirst() }
    self.text = String(body)
    let page = String(decoding: PackageResources.layout_html, as: UTF8.self)
    self.html = page.replacing("{body}", with: String(decoding: html, as: UTF8.self))
      .replacing("{language}", with: language)
  }

  /// The text and the HTML with their values.
  func filled(_ values: MailValues) -> (text: String, html: String) {
    (Self.fill(text, values) { $0 }, Self.fill(html, values, Self.escaped))
  }

  /// Replaces each `{name}` once: a value is not searched for names.
  private static func fill(_ template: String, _ values: MailValues, _ escape: (String) -> String) -> String {
    var result = ""
    var rest = template[...]
    while let open = rest.firstIndex(of: "{") {
      result += rest[..<open]
      rest = rest[rest.index(after: open)...]
      guard let close = rest.firstIndex(of: "}"), let name = MailValues.Name(rawValue: String(rest[..<close])) else {
        result += "{"
        continue
      }
      result += escape(values[name] ?? "")
      rest = rest[rest.index(after: close)...]
    }
    return result + rest
  }

  private static func escaped(_ text: String) -> String {
    text.map { character in
      switch character {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      case "\"": "&quot;"
      case "'": "&#39;"
      default: String(character)
      }
    }.joined()
  }

  private typealias File = [UInt8]

  private static func files(_ kind: MailKind) -> (en: (File, File), de: (File, File)) {
    switch kind {
    case .verifyAddress:
      (
        (PackageResources.verify_en_txt, PackageResources.verify_en_html),
        (PackageResources.verify_de_txt, PackageResources.verify_de_html)
      )
    case .confirmAddress:
      (
        (PackageResources.confirm_en_txt, PackageResources.confirm_en_html),
        (PackageResources.confirm_de_txt, PackageResources.confirm_de_html)
      )
    case .resetPassword:
      (
        (PackageResources.reset_en_txt, PackageResources.reset_en_html),
        (PackageResources.reset_de_txt, PackageResources.reset_de_html)
      )
    case .addressChanged:
      (
        (PackageResources.address_changed_en_txt, PackageResources.address_changed_en_html),
        (PackageResources.address_changed_de_txt, PackageResources.address_changed_de_html)
      )
    case .newDevice:
      (
        (PackageResources.new_device_en_txt, PackageResources.new_device_en_html),
        (PackageResources.new_device_de_txt, PackageResources.new_device_de_html)
      )
    case .passwordChanged:
      (
        (PackageResources.password_changed_en_txt, PackageResources.password_changed_en_html),
        (PackageResources.password_changed_de_txt, PackageResources.password_changed_de_html)
      )
    case .deletionAnnounced:
      (
        (PackageResources.deletion_en_txt, PackageResources.deletion_en_html),
        (PackageResources.deletion_de_txt, PackageResources.deletion_de_html)
      )
    case .signUpCode:
      (
        (PackageResources.sign_up_en_txt, PackageResources.sign_up_en_html),
        (PackageResources.sign_up_de_txt, PackageResources.sign_up_de_html)
      )
    case .accountExists:
      (
        (PackageResources.account_exists_en_txt, PackageResources.account_exists_en_html),
        (PackageResources.account_exists_de_txt, PackageResources.account_exists_de_html)
      )
    case .accountRecovered:
      (
        (PackageResources.recovered_en_txt, PackageResources.recovered_en_html),
        (PackageResources.recovered_de_txt, PackageResources.recovered_de_html)
      )
    case .recoveryCodesMade:
      (
        (PackageResources.recovery_codes_en_txt, PackageResources.recovery_codes_en_html),
        (PackageResources.recovery_codes_de_txt, PackageResources.recovery_codes_de_html)
      )
    }
  }
}

internal import Postgres
internal import StreakDomain

/// The columns of `sign_in_approvals`.
enum SignInApprovalColumn: Int, TableColumn {
  case requestID, userID, secretHash, digits, deviceID, name, platform, appVersion, peerAddress, requestedAt,
    expiresAt, isApproved, sealedReply

  /// The columns that are stored with a request; its decision and completion store the others.
  static let inserted: [SignInApprovalColumn] = allCases.filter { $0 != .isApproved && $0 != .sealedReply }

  /// The value to insert.
  func value(_ approval: SignInApprovalRecord) -> PostgresValue {
    switch self {
    case .requestID: .identifier(approval.requestID)
    case .userID: .identifier(approval.userID)
    case .secretHash: .bytes(approval.secretHash)
    case .digits: .string(approval.digits)
    case .deviceID: .identifier(approval.device.deviceID)
    case .name: .string(approval.device.name)
    case .platform: .string(approval.device.platform)
    case .appVersion: .string(approval.device.appVersion)
    case .peerAddress: .string(approval.peerAddress)
    case .requestedAt: .instant(approval.requestedAt)
    case .expiresAt: .instant(approval.expiresAt)
    case .isApproved: .bool(approval.isApproved)
    case .sealedReply: .bytes(approval.sealedReply)
    }
  }
}

extension Row {
  /// Decodes all of `SignInApprovalColumn`.
  func signInApproval(_ at: Selection<SignInApprovalColumn>) throws(DatabaseError) -> SignInApprovalRecord {
    SignInApprovalRecord(
      requestID: try identifier(at[.requestID]), userID: try identifier(at[.userID]),
      secretHash: try bytes(at[.secretHash]), digits: try string(at[.digits]),
      device: DeviceRecord(
        deviceID: try identifier(at[.deviceID]), name: try string(at[.name]), platform: try string(at[.platform]),
        appVersion: try string(at[.appVersion])),
      peerAddress: try string(at[.peerAddress]), requestedAt: try instant(at[.requestedAt]),
      expiresAt: try instant(at[.expiresAt]), isApproved: try boolOrNull(at[.isApproved]),
      sealedReply: try bytesOrNull(at[.sealedReply]))
  }
}

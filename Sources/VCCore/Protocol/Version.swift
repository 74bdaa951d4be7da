/// The version byte of every clear message. There is no negotiation and no fallback.
public let protocolVersion: UInt8 = 1

/// The version of the programs.
public let softwareVersion = "0.1.0"

internal import LibC

/// Why there is no connection, as far as the operating system or the TLS library says it.
package enum ConnectionFailure: Sendable, Hashable {
    case refused
    case reset
    case unreachable
    case timedOut
    /// The connection ended without close_notify, in which any cut may hide.
    case uncleanShutdown
    case untrustedCertificate
    /// The certificate is for another host, or cannot be checked.
    case wrongCertificate
    /// The server wants a client certificate, or does not accept the one that it got.
    case clientCertificate
    /// The other side does not answer with TLS.
    case notTLS
    /// TLS failed for another reason.
    case handshake

    /// What an error number of the system says; nil for one that says nothing of a connection.
    package init?(errno: CInt) {
        switch errno {
        case ECONNREFUSED: self = .refused
        case ECONNRESET, EPIPE: self = .reset
        case ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN, EADDRNOTAVAIL: self = .unreachable
        case ETIMEDOUT: self = .timedOut
        default: return nil
        }
    }

    /// Reads the description of an error of the TLS library, which names causes by the constants of its C code; nil for
    /// one that has nothing to do with TLS.
    package init?(describedAs text: String) {
        func mentions(_ words: String...) -> Bool { words.contains { text.contains($0) } }
        if mentions("uncleanShutdown") {
            self = .uncleanShutdown
        } else if mentions("CERTIFICATE_VERIFY_FAILED") {
            self = .untrustedCertificate
        } else if mentions("unableToValidateCertificate", "failedToValidateHostname") {
            self = .wrongCertificate
        } else if mentions(
            "ALERT_CERTIFICATE_REQUIRED", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_CERTIFICATE_UNKNOWN",
            "ALERT_CERTIFICATE_EXPIRED")
        {
            self = .clientCertificate
        } else if mentions("WRONG_VERSION_NUMBER", "EOF during handshake") {
            self = .notTLS
        } else if mentions("certificate", "CERTIFICATE", "handshake", "SSL", "TLS") {
            self = .handshake
        } else {
            return nil
        }
    }
}

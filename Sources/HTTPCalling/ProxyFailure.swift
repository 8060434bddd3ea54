internal import NIOSOCKS

/// Why a proxy that was reached made no connection to the server.
package struct ProxyFailure: Sendable, Hashable {
    /// Goes on after "the proxy made no connection".
    package let why: String
    /// Whether the proxy may make the connection a little later.
    package let isTransient: Bool

    private init(_ why: String, isTransient: Bool) {
        (self.why, self.isTransient) = (why, isTransient)
    }

    /// Reads what the HTTP client reports; nil for what no proxy said.
    package init?(_ cause: any Error) {
        switch cause {
        case let cause as SOCKSError.ConnectionFailed: self.init(cause.reply)
        case is SOCKSError.InvalidAuthenticationSelection, is SOCKSError.NoValidAuthenticationMethod:
            self.init("it wants a user and a password, which are not supported for SOCKS5", isTransient: false)
        case is SOCKSError.InvalidProtocolVersion, is SOCKSError.InvalidReservedByte, is SOCKSError.InvalidAddressType,
            is SOCKSError.UnexpectedRead, is SOCKSError.InvalidClientState:
            self.init("it does not speak SOCKS5", isTransient: false)
        // A private type of AsyncHTTPClient.
        case _ where String(describing: type(of: cause)) == "NoResult":
            self.init("it closed the connection", isTransient: true)
        default: return nil
        }
    }

    /// See RFC 1928, section 6.
    private init(_ reply: SOCKSServerReply) {
        switch reply {
        case .serverFailure: self.init("it reports a failure", isTransient: true)
        case .notAllowed: self.init("it does not allow it", isTransient: false)
        case .networkUnreachable, .hostUnreachable, .ttlExpired:
            self.init("it does not reach the server", isTransient: true)
        case .refused: self.init("the server refused it", isTransient: true)
        default: self.init("it answered with the SOCKS5 reply \(reply.value)", isTransient: false)
        }
    }
}

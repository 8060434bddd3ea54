internal import RunnelKit

/// Decides whether a call comes from somebody who may call.
protocol Verifier: Sendable {
    /// The header fields, in lower case, that carry the proof. They are not handed on.
    var proofHeaders: Set<String> { get }
    /// What a refused caller is told to bring (RFC 9110, section 11.6.1); nil where no standard names it.
    var challenge: String? { get }
    /// Whether the proof covers the body, so that there is none in a call that has no body.
    var coversBody: Bool { get }

    /// The id of the delivery that the proof covers; nil where the scheme signs none.
    func signedID(_ request: IngressRequest) -> String?

    /// - Parameter now: Seconds since 1970.
    func verify(_ request: IngressRequest, now: Int64) throws(VerificationFailure)
}

extension Verifier {
    var challenge: String? { nil }
    var coversBody: Bool { true }
    func signedID(_ request: IngressRequest) -> String? { nil }
}

/// Why a call was refused: for the log only. The words hold nothing that the caller sent.
struct VerificationFailure: Error, Hashable {
    let reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}

extension IngressRequest {
    /// The value of a header field that has to be there once.
    func proof(_ name: String) throws(VerificationFailure) -> String {
        let values = headers[name]
        guard let value = values.first, !value.isEmpty else {
            throw VerificationFailure("the header \(name) is missing")
        }
        guard values.count == 1 else {
            throw VerificationFailure("the header \(name) stands there \(values.count) times")
        }
        return value
    }
}

/// How far the time in a signature may be from now.
struct ReplayWindow: Sendable {
    let tolerance: Duration

    /// Reads seconds since 1970.
    func check(_ text: some StringProtocol, now: Int64) throws(VerificationFailure) -> Int64 {
        guard text.utf8.count <= 12, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let time = Int64(text) else {
            throw VerificationFailure("the time stamp is not a number of seconds")
        }
        guard .seconds(abs(now - time)) <= tolerance else {
            let distance = DurationText.format(.seconds(abs(now - time)))
            throw VerificationFailure("the time stamp is \(distance) \(time < now ? "old" : "in the future")")
        }
        return time
    }
}

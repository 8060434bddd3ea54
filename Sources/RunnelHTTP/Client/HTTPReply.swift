public import NIOHTTP1
public import RunnelKit
internal import RunnelSupport

/// A whole answer.
public struct HTTPReply: Sendable {
    /// The status code.
    public var status: Int
    /// The header fields as they came.
    public var headers: HTTPHeaders
    /// As it came, up to the limit of the call.
    public var body: [UInt8]
    /// Whether there was more than ``body`` holds.
    public var isBodyCut: Bool
    /// Why the rest of the body is missing, where the call does without; nil if there is no more, or only the limit cut it.
    public var bodyProblem: TransportProblem?

    /// An answer, such as a test gives.
    public init(status: Int, headers: HTTPHeaders = [:], body: [UInt8] = [], isBodyCut: Bool = false) {
        self.status = status
        self.headers = headers
        self.body = body
        self.isBodyCut = isBodyCut
    }

    /// The first value of a header field.
    public func header(_ name: String) -> String? { headers.first(name: name) }

    /// What the answer says its body is; nil when it says nothing that can be read.
    public var mediaType: MediaType? {
        headers.first(name: "content-type").flatMap(MediaType.init)
    }

    /// The content coding of the body, in lower case; nil if it has none, or is empty: a response to HEAD and a 304 name a
    /// coding, but have no body.
    public var contentEncoding: String? {
        guard !body.isEmpty else { return nil }
        let codings = headers[canonicalForm: "content-encoding"].map { $0.lowercased() }.filter { $0 != "identity" }
        return codings.isEmpty ? nil : codings.joined(separator: ", ")
    }

    /// The status as a person writes it: "404 Not Found".
    public var statusLine: String {
        let phrase = HTTPResponseStatus(statusCode: status).reasonPhrase
        return phrase.isEmpty ? "\(status)" : "\(status) \(phrase)"
    }

    /// How long the server asks to wait (`Retry-After` or `retry-after-ms`).
    /// - Parameter now: nanoseconds since 1970.
    public func retryAfter(now: Int64) -> Duration? {
        RetryAfter.delay(
            headers.first(name: "retry-after"), milliseconds: headers.first(name: "retry-after-ms"),
            date: headers.first(name: "date"), now: now / 1_000_000_000)
    }

    /// The header fields by lower-case name: a string each, repeated ones joined with ", ". Only `set-cookie`, whose
    /// values hold commas of their own, is a list.
    public var headerObject: ValueObject {
        var object = ValueObject()
        for (name, value) in headers {
            let key = name.lowercased()
            let text = String(decoding: value.utf8, as: UTF8.self)
            if key == "set-cookie" {
                object[key] = .list((object[key]?.asList ?? []) + [.string(text)])
            } else if let earlier = object[key]?.asString {
                object[key] = .string(earlier + ", " + text)
            } else {
                object[key] = .string(text)
            }
        }
        return object
    }
}

/// Takes the body of an answer piece by piece, so that it is never in memory as a whole.
public struct HTTPBodySink: Sendable {
    /// An error of the sink itself, which is none of the transport.
    struct Failure: Error {
        let reason: any Error
    }

    private let isTaken: @Sendable (HTTPReply) -> Bool
    private let write: @Sendable ([UInt8]) throws -> Void

    /// - Parameters:
    ///   - isTaken: Whether it takes the body of this answer, whose ``HTTPReply/body`` is empty here. That of another,
    ///     such as of an error, is collected.
    ///   - write: Gets the pieces in order, decompressed, up to the limit of the call. What it throws ends the call.
    public init(
        where isTaken: @escaping @Sendable (HTTPReply) -> Bool, write: @escaping @Sendable ([UInt8]) throws -> Void
    ) {
        (self.isTaken, self.write) = (isTaken, write)
    }

    /// Whether it takes the body of this answer.
    func takes(_ reply: HTTPReply) -> Bool { isTaken(reply) }

    func take(_ piece: [UInt8]) throws {
        do {
            try write(piece)
        } catch {
            throw Failure(reason: error)
        }
    }
}

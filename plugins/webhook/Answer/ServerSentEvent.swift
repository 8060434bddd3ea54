internal import RunnelKit

/// An event of a `text/event-stream` (WHATWG HTML, section 9.2).
enum ServerSentEvent {
    /// - Parameter data: Becomes JSON in one line.
    static func bytes(_ name: String, _ data: ValueObject) -> [UInt8] {
        Array("event: \(name)\ndata: ".utf8) + Value.object(data).jsonBytes() + [0x0A, 0x0A]
    }

    /// A comment, which readers skip, but which keeps the connection open.
    static let heartbeat = Array(": still running\n\n".utf8)
}

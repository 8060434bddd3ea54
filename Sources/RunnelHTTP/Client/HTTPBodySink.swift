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

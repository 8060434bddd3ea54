import Hummingbird
import NIOCore

extension Request {
    /// The whole body, unless it is too large or takes too long to come.
    ///
    /// - Returns: nil when it is larger than `limit`.
    func bytes(upTo limit: Int, within time: Duration) async throws -> [UInt8]? {
        if let length = headers[.contentLength].flatMap({ Int($0) }), length > limit { return nil }
        let body = body
        return try await withThrowingTaskGroup(of: [UInt8]??.self) { group in
            group.addTask {
                var bytes: [UInt8] = []
                for try await var piece in body {
                    guard bytes.count + piece.readableBytes <= limit else { return .some(nil) }
                    bytes += piece.readBytes(length: piece.readableBytes) ?? []
                }
                return bytes
            }
            group.addTask {
                try await ContinuousClock().sleep(for: time)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let bytes = first else {
                throw APIError(408, "too-slow", "the body did not come within \(time.components.seconds) s")
            }
            return bytes
        }
    }
}

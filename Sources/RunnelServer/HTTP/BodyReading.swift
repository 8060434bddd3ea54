import HTTPTypes
import Hummingbird
import NIOCore
import RunnelKit
import Synchronization

/// Reads bodies within limits of size, time and total memory.
struct BodyReading: Sendable {
    /// A service that runs next to the server.
    let deadlines: BodyDeadlines
    let memory: BodyMemory

    init(_ options: ServerOptions) {
        deadlines = BodyDeadlines(timeout: options.timeouts.body)
        memory = BodyMemory(limit: options.maximumBodyMemory)
    }

    /// Calls `use` with the complete body, whose memory is accounted until it returns; with nil if it is larger than
    /// `limit`.
    func withBody<Result>(
        of request: Request, _ context: ServerContext, upTo limit: Int, isAnonymous: Bool = false,
        _ use: (WholeBody?) async throws -> Result
    ) async throws -> Result {
        try await withShare(of: request, context, upTo: limit, isAnonymous: isAnonymous) { share in
            guard let share else { return try await use(nil) }
            let body = request.body
            let length = request.headers.contentLength ?? 0
            let whole = WholeBody()
            let isWhole = try await inTime { try await Self.collect(body, length, limit, share, into: whole) }
            return try await use(isWhole ? whole : nil)
        }
    }

    /// Calls `use` with the body as a stream that can be read until it returns; with nil where it is declared to be
    /// larger than `limit`. The time limit counts for each piece, since a handler may take its own time in between.
    func withStream<Result>(
        of request: Request, _ context: ServerContext, upTo limit: Int, isAnonymous: Bool = false,
        _ use: (IngressBody?) async throws -> Result
    ) async throws -> Result {
        try await withShare(of: request, context, upTo: limit, isAnonymous: isAnonymous) { share in
            guard let share else { return try await use(nil) }
            let pieces = BodyPieces(request.body, limit: limit, share: share)
            let stream = IngressBody {
                {
                    do {
                        return try await inTime { try await pieces.next() }
                    } catch let error as APIError {
                        throw IngressError(error)
                    }
                }
            }
            return try await use(stream)
        }
    }

    /// Calls `use` with a share of the memory for bodies, which ends when it returns, and asks the client to send the
    /// body (`Expect: 100-continue`). Calls it with nil if the declared length is over `limit`.
    private func withShare<Result>(
        of request: Request, _ context: ServerContext, upTo limit: Int, isAnonymous: Bool,
        _ use: (BodyMemory.Share?) async throws -> Result
    ) async throws -> Result {
        if let length = request.headers.contentLength, length > limit { return try await use(nil) }
        let share = memory.share(isAnonymous: isAnonymous)
        defer { share.end() }
        if request.headers.contains(.expect) {
            context.channel.triggerUserOutboundEvent(ContinueExpected(), promise: nil)
        }
        return try await use(share)
    }

    /// Runs `body`, and cancels it when it takes longer than a body may.
    private func inTime<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        // Always awaited below. Most bodies have arrived with the head: reading these begins and ends without a switch
        // to another thread.
        let reading: Task<Result, any Error>
        if #available(macOS 26, *) {
            reading = Task.immediate { try await body() }
        } else {
            reading = Task { try await body() }
        }
        let number = deadlines.enter { reading.cancel() }
        let result = await withTaskCancellationHandler {
            await reading.result
        } onCancel: {
            reading.cancel()
        }
        let isOver = deadlines.leave(number)
        if isOver, case .failure(is CancellationError) = result {
            let time = DurationText.format(deadlines.timeout)
            throw APIError(408, .tooSlow, "the body did not come within \(time)")
        }
        return try result.get()
    }

    /// - Returns: Whether the body is not larger than `limit`.
    private static func collect(
        _ body: RequestBody, _ length: Int, _ limit: Int, _ share: BodyMemory.Share, into whole: WholeBody
    ) async throws -> Bool {
        var bytes: [UInt8] = []
        // Growing would copy; pages that are not written to take no memory.
        bytes.reserveCapacity(min(max(length, 0), limit))
        do {
            for try await piece in body {
                guard bytes.count + piece.readableBytes <= limit else { return false }
                guard share.take(piece.readableBytes) else { throw APIError.overloaded }
                bytes += piece.readableBytesView
            }
        } catch let error as APIError {
            throw error
        } catch  where !Task.isCancelled {
            throw APIError.incompleteBody
        }
        try Task.checkCancellation()
        whole.set(bytes)
        return true
    }
}

extension HTTPFields {
    /// The declared length of the body, which the parser takes once at most. The subscript would join values of several
    /// fields, which takes longer.
    var contentLength: Int? { first { $0.name == .contentLength }.flatMap { Int($0.value) } }
}

/// A complete body, which is handed over without a copy that stays behind.
final class WholeBody: Sendable {
    private let bytes = Mutex<[UInt8]>([])

    fileprivate func set(_ bytes: [UInt8]) { self.bytes.withLock { $0 = bytes } }

    /// The body; empty when it has been taken.
    func take() -> [UInt8] {
        bytes.withLock { bytes in
            defer { bytes = [] }
            return bytes
        }
    }
}

/// A body that is read piece by piece. What it holds of the memory for all bodies is one piece.
private actor BodyPieces {
    private var pieces: RequestBody.AsyncIterator
    private let limit: Int
    private let share: BodyMemory.Share
    private var count = 0

    init(_ body: RequestBody, limit: Int, share: BodyMemory.Share) {
        pieces = body.makeAsyncIterator()
        self.limit = limit
        self.share = share
    }

    func next() async throws -> [UInt8]? {
        share.end()
        while true {
            var iterator = pieces
            let piece: ByteBuffer?
            do {
                piece = try await iterator.next(isolation: self)
            } catch  where !Task.isCancelled {
                throw APIError.incompleteBody
            }
            pieces = iterator
            try Task.checkCancellation()
            guard let piece else { return nil }
            count += piece.readableBytes
            guard count <= limit else { throw IngressError(IngressResponse.bodyTooLarge(limit: limit)) }
            guard piece.readableBytes > 0 else { continue }
            guard share.take(piece.readableBytes) else { throw APIError.overloaded }
            return Array(piece.readableBytesView)
        }
    }
}

extension IngressError {
    init(_ error: APIError) {
        self.init(
            error.status, error.code, error.message,
            headers: HeaderList(error.headers.map { ($0.name.rawName, $0.value) }))
    }
}

extension APIError {
    fileprivate static var incompleteBody: APIError {
        APIError(400, .incompleteBody, "the body did not come whole")
    }

    fileprivate static var overloaded: APIError {
        var error = APIError(503, .overloaded, "too many bodies are being read; try again in 1 s")
        error.headers[.retryAfter] = "1"
        return error
    }
}

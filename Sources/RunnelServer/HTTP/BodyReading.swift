import Hummingbird
import NIOCore
import RunnelKit

/// Reads bodies as far as their size, their time and the memory for all of them allow.
struct BodyReading: Sendable {
    /// To be run beside the server.
    let deadlines: BodyDeadlines
    let memory: BodyMemory

    init(_ options: ServerOptions) {
        deadlines = BodyDeadlines(timeout: options.timeouts.body)
        memory = BodyMemory(limit: options.maximumBodyMemory)
    }

    /// Calls `use` with the whole body, which counts as held until it returns; with nil where it is larger than
    /// `limit`.
    func withBody<Result>(
        of request: Request, _ context: ServerContext, upTo limit: Int, _ use: ([UInt8]?) async throws -> Result
    ) async throws -> Result {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            return try await use(nil)
        }
        let share = memory.share()
        defer { share.end() }
        if request.headers[.expect] != nil { context.channel.triggerUserOutboundEvent(BodyWish(), promise: nil) }
        return try await use(try await read(request.body, limit, share))
    }

    private func read(_ body: RequestBody, _ limit: Int, _ share: BodyMemory.Share) async throws -> [UInt8]? {
        // Awaited below, whatever happens.
        let reading = Task { try await Self.collect(body, limit, share) }
        let number = deadlines.enter { reading.cancel() }
        let result = await withTaskCancellationHandler {
            await reading.result
        } onCancel: {
            reading.cancel()
        }
        let isOver = deadlines.leave(number)
        if isOver, case .failure(is CancellationError) = result {
            let time = DurationText.format(deadlines.timeout)
            throw APIError(408, "too-slow", "the body did not come within \(time)")
        }
        return try result.get()
    }

    private static func collect(
        _ body: RequestBody, _ limit: Int, _ share: BodyMemory.Share
    ) async throws -> [UInt8]? {
        var bytes: [UInt8] = []
        do {
            for try await piece in body {
                guard bytes.count + piece.readableBytes <= limit else { return nil }
                guard share.take(piece.readableBytes) else { throw APIError.overloaded }
                bytes += piece.readableBytesView
            }
        } catch let error as APIError {
            throw error
        } catch  where !Task.isCancelled {
            throw APIError(400, "incomplete-body", "the body did not come whole")
        }
        try Task.checkCancellation()
        return bytes
    }
}

extension APIError {
    fileprivate static var overloaded: APIError {
        var error = APIError(503, "overloaded", "too many bodies are being read; try again in 1 s")
        error.headers[.retryAfter] = "1"
        return error
    }
}

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1

/// Reads a chat's response on its event loop: bytes are parsed where they arrive, and events leave in batches.
///
/// Handing every piece of a body to a task costs more than everything else that is done with it.
final class StreamDelegate: HTTPClientResponseDelegate {
    typealias Response = Void

    /// What does not change during an exchange.
    struct Context: Sendable {
        var url: String
        var agentID: String?
        var authentication: MarketplaceConfiguration.Authentication
        var timeouts: MarketplaceConfiguration.Timeouts
        var redactor: Redactor
        /// Seconds since 1970, for a `Retry-After` that is a date.
        var wallClock: @Sendable () -> Int
    }

    /// Events wait for the end of the event loop's turn unless there are as many as this.
    private static let batchLimit = (events: 512, bytes: 64 * 1024)
    /// How much of an error's body is read.
    private static let bodyLimit = 64 * 1024
    /// How long the connection is given to end by itself behind `[DONE]`, so that it can be used again.
    private static let graceAfterDone: TimeAmount = .seconds(1)

    private enum Reading {
        case nothingYet
        case stream
        /// An answer that is no stream, read to quote it.
        case body(HTTPResponseHead, [UInt8])
        case over
    }

    private struct State {
        var reading = Reading.nothingYet
        var decoder = ChatDecoder()
        var pending: [ChatEvent] = []
        var pendingBytes = 0
        var isFlushScheduled = false
        var closing: Scheduled<Void>?
    }

    /// What a part of the body leads to. It is done outside of the state's box, because it may call back.
    private enum Step {
        case goOn
        case scheduleFlush
        case flush
        case done
        case fail(MarketplaceError)
        case refuse(HTTPResponseHead, [UInt8])
    }

    private let buffer: EventBuffer
    private let context: Context
    /// Touched on the event loop only, which the box enforces.
    private let state: NIOLoopBoundBox<State>

    init(buffer: EventBuffer, context: Context, eventLoop: any EventLoop) {
        self.buffer = buffer
        self.context = context
        state = NIOLoopBoundBox.makeBoxSendingValue(State(), eventLoop: eventLoop)
    }

    func didSendRequestHead(task: HTTPClient.Task<Void>, _ head: HTTPRequestHead) {
        buffer.reached(.connected)
    }

    func didReceiveHead(task: HTTPClient.Task<Void>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        buffer.reached(.answered)
        let isStream = head.status == .ok && MediaType.isEventStream(head.headers.first(name: "Content-Type"))
        state.value.reading = isStream ? .stream : .body(head, [])
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Void>, _ part: ByteBuffer) -> EventLoopFuture<Void> {
        switch state.withValue({ read(part, &$0) }) {
        case .goOn: break
        case .scheduleFlush:
            // Runs when everything that was read in this turn of the loop has been parsed.
            task.eventLoop.execute {
                self.state.value.isFlushScheduled = false
                self.flush()
            }
        case .flush:
            if let room = flush(pause: { task.eventLoop.makePromise() }) { return room }
        case .done:
            flush()
            buffer.finish()
            state.value.closing = task.eventLoop.scheduleTask(in: Self.graceAfterDone) { task.cancel() }
        case .fail(let error):
            flush()
            buffer.fail(FailedAttempt(error: error, mayRepeat: false))
            task.cancel()
        case .refuse(let head, let body):
            buffer.fail(Refusal(head: head, body: body, isCut: true).attempt(context))
            task.cancel()
        }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveError(task: HTTPClient.Task<Void>, _ error: any Error) {
        // May come from any thread when no connection was ever asked for; then nothing was read either.
        guard task.eventLoop.inEventLoop else {
            buffer.fail(attempt(failure(error, answered: false), progress: false))
            return
        }
        end { state in
            attempt(failure(error, answered: true).keeping(partialText: state.decoder.partialText), state)
        } beforeHead: {
            attempt(failure(error, answered: false), progress: false)
        }
    }

    func didFinishRequest(task: HTTPClient.Task<Void>) throws {
        end { state in
            attempt(TransportFailure.cutOff(why: nil).keeping(partialText: state.decoder.partialText), state)
        } beforeHead: {
            attempt(failure(HTTPClientError.remoteConnectionClosed, answered: false), progress: false)
        }
    }

    // MARK: Parts of the body

    private func read(_ part: ByteBuffer, _ state: inout State) -> Step {
        switch state.reading {
        case .stream: break
        case .body(let head, var body):
            // Emptied first, so that the bytes have one owner and are not copied as they grow.
            state.reading = .over
            body.append(contentsOf: part.readableBytesView.prefix(Self.bodyLimit - body.count))
            if body.count >= Self.bodyLimit { return .refuse(head, body) }
            state.reading = .body(head, body)
            buffer.noteLife()
            return .goOn
        case .nothingYet, .over: return .goOn
        }
        state.pendingBytes += part.readableBytes
        let failure: MarketplaceError? = part.withUnsafeReadableBytes { bytes in
            do throws(MarketplaceError) {
                try state.decoder.feed(bytes, redactor: context.redactor, into: &state.pending)
                return nil
            } catch {
                return error
            }
        }
        if let failure {
            state.reading = .over
            return .fail(failure)
        }
        if state.decoder.isDone {
            state.reading = .over
            return .done
        }
        if state.pending.count >= Self.batchLimit.events || state.pendingBytes >= Self.batchLimit.bytes {
            return .flush
        }
        if state.isFlushScheduled { return .goOn }
        state.isFlushScheduled = true
        return .scheduleFlush
    }

    /// Hands over what is pending, perhaps nothing but the news that the server is alive.
    @discardableResult
    private func flush(pause: (() -> EventLoopPromise<Void>)? = nil) -> EventLoopFuture<Void>? {
        state.withValue { state in
            guard state.pendingBytes > 0 else { return nil }
            let bytes = state.pendingBytes
            state.pendingBytes = 0
            return buffer.put(&state.pending, bytes: bytes, pause: pause)
        }
    }

    // MARK: The end

    private func end(inStream: (State) -> FailedAttempt, beforeHead: () -> FailedAttempt) {
        flush()
        let failure: FailedAttempt? = state.withValue { state in
            defer {
                state.reading = .over
                state.closing?.cancel()
                state.closing = nil
            }
            switch state.reading {
            case .nothingYet: return beforeHead()
            case .stream: return inStream(state)
            case .body(let head, let body): return Refusal(head: head, body: body, isCut: false).attempt(context)
            case .over: return nil
            }
        }
        if let failure { buffer.fail(failure) }
    }

    private func attempt(_ error: MarketplaceError, _ state: State) -> FailedAttempt {
        attempt(error, progress: state.decoder.hasProgress)
    }

    /// Only what happened to the connection is repeated: a server that hangs or an answer that cannot be read would
    /// most likely do the same again.
    private func attempt(_ error: MarketplaceError, progress: Bool) -> FailedAttempt {
        let ofConnection: Set<MarketplaceError.Code> = [.connectionFailed, .connectTimeout, .streamCutOff]
        return FailedAttempt(
            error: error, mayRepeat: !progress && error.isTransient && ofConnection.contains(error.code))
    }

    private func failure(_ error: any Error, answered: Bool) -> MarketplaceError {
        TransportFailure.error(
            error, url: context.url, timeouts: context.timeouts, answered: answered, redactor: context.redactor)
    }
}

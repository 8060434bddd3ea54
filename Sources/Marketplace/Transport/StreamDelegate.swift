internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import RunnelSupport

/// Reads a chat's response on its event loop: bytes are parsed where they arrive, and events leave in batches.
///
/// Handing every piece of a body to a task costs more than everything else that is done with it.
final class StreamDelegate: HTTPClientResponseDelegate {
    typealias Response = Void

    /// What does not change during an exchange.
    struct Context: Sendable {
        var url: String
        var agentID: String?
        /// The conversation that the request continues; `nil` where it does not ask for a chat.
        var conversationID: String?
        var authentication: MarketplaceConfiguration.Authentication
        var timeouts: MarketplaceConfiguration.Timeouts
        var rules = AnswerRules()
        var redactor: ResponseRedactor
        /// Seconds since 1970, for a `Retry-After` that is a date.
        var wallClock: @Sendable () -> Int
    }

    /// Events wait for the end of the event loop's turn unless there are as many as this.
    private static let batchLimit = (events: 512, bytes: 64 * 1024)
    /// How much of an error's body is read.
    private static let bodyLimit = 64 * 1024
    /// How long the connection is given to end by itself behind what ends the stream: so that it can be used again, and
    /// so that behind a finish reason the usage is still read.
    private static let graceAfterEnd: TimeAmount = .seconds(1)

    private enum Reading {
        case nothingYet
        case stream(HTTPResponseHead)
        /// The body of an answer that is not a stream, collected to be quoted.
        case body(HTTPResponseHead, [UInt8])
        case over
    }

    private struct State {
        var reading = Reading.nothingYet
        var decoder: ChatDecoder
        /// Undoes the compression of the body; nil where there is none.
        var decompression: ContentDecoder?
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
        /// Nothing more has to come.
        case mayEnd
        case done
        case fail(MarketplaceError)
        case refuse(HTTPResponseHead, [UInt8])

        /// Whether the rest of the body does not matter.
        var isFinal: Bool {
            switch self {
            case .goOn, .scheduleFlush, .flush, .mayEnd: false
            case .done, .fail, .refuse: true
            }
        }

        /// What this step and the one before it lead to together.
        func following(_ earlier: Step) -> Step {
            switch (earlier, self) {
            case (.flush, .goOn), (.flush, .scheduleFlush), (.scheduleFlush, .goOn), (.mayEnd, .goOn),
                (.mayEnd, .scheduleFlush), (.mayEnd, .flush):
                earlier
            default: self
            }
        }
    }

    private let buffer: EventBuffer
    private let context: Context
    /// Touched on the event loop only, which the box enforces.
    private let state: NIOLoopBoundBox<State>

    init(buffer: EventBuffer, context: Context, eventLoop: any EventLoop) {
        self.buffer = buffer
        self.context = context
        state = NIOLoopBoundBox.makeBoxSendingValue(
            State(decoder: ChatDecoder(rules: context.rules)), eventLoop: eventLoop)
    }

    func didSendRequestHead(task: HTTPClient.Task<Void>, _ head: HTTPRequestHead) {
        buffer.reached(.connected)
    }

    func didReceiveHead(task: HTTPClient.Task<Void>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        buffer.reached(.answered)
        let isStream = head.status == .ok && ContentType.isEventStream(head.contentType)
        do throws(ContentDecoder.Unsupported) {
            let decompression = try ContentDecoder(contentEncoding: head.headers["Content-Encoding"])
            state.withValue { state in
                state.reading = isStream ? .stream(head) : .body(head, [])
                state.decompression = decompression
            }
        } catch {
            state.value.reading = .over
            guard head.status == .ok else {
                refuse(head, [], task)
                return task.eventLoop.makeSucceededVoidFuture()
            }
            let error = TransportFailure.undecodable(error, url: context.url, status: Int(head.status.code))
            buffer.fail(FailedAttempt(error: error, mayRepeat: false))
            task.cancel()
        }
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
            closeSoon(task) { task.cancel() }
        case .mayEnd:
            flush()
            if state.value.closing == nil {
                closeSoon(task) {
                    self.end(cause: nil, isComplete: false)
                    task.cancel()
                }
            }
        case .fail(let error):
            flush()
            buffer.fail(FailedAttempt(error: error, mayRepeat: false))
            task.cancel()
        case .refuse(let head, let body): refuse(head, body, task)
        }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    /// Ends the exchange with what the head says. The rest of the body would only give more words.
    private func refuse(_ head: HTTPResponseHead, _ body: [UInt8], _ task: HTTPClient.Task<Void>) {
        buffer.fail(Refusal(head: head, body: body, isCut: true).attempt(context))
        task.cancel()
    }

    func didReceiveError(task: HTTPClient.Task<Void>, _ error: any Error) {
        // May come from any thread when no connection was ever asked for; then nothing was read either.
        guard task.eventLoop.inEventLoop else {
            buffer.fail(attempt(failure(error, answered: false), progress: false))
            return
        }
        end(cause: error, isComplete: false)
    }

    func didFinishRequest(task: HTTPClient.Task<Void>) throws {
        end(cause: nil, isComplete: true)
    }

    private func closeSoon(_ task: HTTPClient.Task<Void>, _ close: @escaping @Sendable () -> Void) {
        state.value.closing?.cancel()
        state.value.closing = task.eventLoop.scheduleTask(in: Self.graceAfterEnd, close)
    }

    // MARK: Parts of the body

    private func read(_ part: ByteBuffer, _ state: inout State) -> Step {
        part.withUnsafeReadableBytes { bytes in
            guard let decompression = state.decompression else { return read(bytes, &state) }
            var step = Step.goOn
            do {
                try decompression.decode(bytes) { piece in
                    step = read(piece, &state).following(step)
                    return !step.isFinal
                }
                return step
            } catch {
                let reading = state.reading
                state.reading = .over
                if case .body(let head, let body) = reading, head.status != .ok { return .refuse(head, body) }
                return .fail(TransportFailure.undecodable(error, url: context.url, status: 200))
            }
        }
    }

    private func read(_ bytes: UnsafeRawBufferPointer, _ state: inout State) -> Step {
        switch state.reading {
        case .stream: break
        case .body(let head, var body):
            // Emptied first, so that the bytes have one owner and are not copied as they grow.
            state.reading = .over
            let limit = Self.isDocument(head) ? context.rules.maxEvent : Self.bodyLimit
            body.append(contentsOf: bytes.prefix(limit - body.count))
            if body.count >= limit { return .refuse(head, body) }
            state.reading = .body(head, body)
            buffer.noteLife()
            return .goOn
        case .nothingYet, .over: return .goOn
        }
        state.pendingBytes += bytes.count
        do throws(MarketplaceError) {
            try state.decoder.feed(bytes, redactor: context.redactor, into: &state.pending)
        } catch {
            state.reading = .over
            return .fail(error)
        }
        if state.decoder.isDone {
            state.reading = .over
            return .done
        }
        if state.decoder.mayEnd { return .mayEnd }
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
            guard state.pendingBytes > 0 || !state.pending.isEmpty else { return nil }
            let bytes = state.pendingBytes
            state.pendingBytes = 0
            return buffer.put(&state.pending, bytes: bytes, pause: pause)
        }
    }

    // MARK: The end

    /// - Parameters:
    ///   - cause: what broke the connection.
    ///   - isComplete: whether the body ended as HTTP has it.
    private func end(cause: (any Error)?, isComplete: Bool) {
        let failure: FailedAttempt?? = state.withValue { state in
            let reading = state.reading
            state.reading = .over
            state.closing?.cancel()
            state.closing = nil
            switch reading {
            case .over: return .none
            case .nothingYet:
                let cause = cause ?? HTTPClientError.remoteConnectionClosed
                return .some(attempt(self.failure(cause, answered: false), progress: false))
            case .stream(let head): return .some(endOfStream(head, cause, isComplete, &state))
            case .body(let head, let body): return .some(endOfBody(head, body, cause, &state))
            }
        }
        flush()
        switch failure {
        case .none: break
        case .some(let failure?): buffer.fail(failure)
        case .some(nil): buffer.finish()
        }
    }

    private func endOfStream(
        _ head: HTTPResponseHead, _ cause: (any Error)?, _ isComplete: Bool, _ state: inout State
    ) -> FailedAttempt? {
        do throws(MarketplaceError) {
            if isComplete {
                if let body = state.decoder.strayBody { return endOfBody(head, body, cause, &state) }
                try state.decoder.finish(redactor: context.redactor, into: &state.pending)
            } else if state.decoder.mayEnd {
                try state.decoder.conclude(context.redactor, into: &state.pending)
            } else {
                let cause = cause ?? HTTPClientError.remoteConnectionClosed
                throw state.decoder.explained(failure(cause, answered: true), context.redactor)
            }
            return nil
        } catch {
            return attempt(error, progress: state.decoder.hasProgress)
        }
    }

    /// Reads the body of an answer that is not a stream: a whole completion, or an error to be quoted.
    private func endOfBody(
        _ head: HTTPResponseHead, _ body: [UInt8], _ cause: (any Error)?, _ state: inout State
    ) -> FailedAttempt? {
        if Self.isDocument(head) || head.status == .ok && ContentType.isEventStream(head.contentType) {
            if let cause { return attempt(failure(cause, answered: true), progress: false) }
            do {
                if try state.decoder.read(document: body, redactor: context.redactor, into: &state.pending) {
                    return nil
                }
            } catch {
                return attempt(error, progress: state.decoder.hasProgress)
            }
        }
        return Refusal(head: head, body: body, isCut: cause != nil).attempt(context)
    }

    /// Whether a body is the JSON of a success: some servers do not stream.
    private static func isDocument(_ head: HTTPResponseHead) -> Bool {
        head.status == .ok && ContentType.essence(head.contentType) == "application/json"
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

extension HTTPResponseHead {
    var contentType: String? { headers.first(name: "Content-Type") }
}

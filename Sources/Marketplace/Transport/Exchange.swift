internal import AsyncHTTPClient
internal import NIOCore
internal import RunnelSupport

/// One chat request and its response.
final class Exchange: Sendable {
    private let buffer: EventBuffer
    private let task: HTTPClient.Task<Void>
    /// Ends with the exchange: an iterator has no scope that could be a child task's parent, so the exchange is the
    /// owner, and cancels it wherever it ends.
    private let watchdog: Task<Void, Never>

    /// Sends a request.
    /// - Parameter deadline: when the whole call must be over, in the time source's time.
    init(
        _ request: HTTPClient.Request, context: StreamDelegate.Context, httpClient: HTTPClient, time: TimeSource,
        deadline: Duration
    ) {
        let buffer = EventBuffer(time: time)
        // Connection and delegate on one event loop: nothing has to change threads on its way.
        let eventLoop = httpClient.eventLoopGroup.next()
        let delegate = StreamDelegate(buffer: buffer, context: context, eventLoop: eventLoop)
        let task = httpClient.execute(
            request: request, delegate: delegate, eventLoop: .delegateAndChannel(on: eventLoop))
        let timeouts = context.timeouts
        self.buffer = buffer
        self.task = task
        watchdog = Task {
            let watch = Watchdog(timeouts: timeouts, deadline: deadline, url: context.url)
            while !Task.isCancelled {
                let vitals = buffer.vitals
                if vitals.isOver { return }
                switch watch.check(vitals, now: time.now()) {
                case .sleep(let duration):
                    do { try await time.sleep(duration) } catch { return }
                case .expired(let error):
                    // By way of the delegate, which knows the text so far.
                    task.fail(reason: error)
                    return
                }
            }
        }
    }

    /// The next events; empty when the stream is over.
    func next() async throws -> [ChatEvent] {
        do {
            return try await buffer.take()
        } catch {
            close()
            throw error
        }
    }

    var vitals: EventBuffer.Vitals { buffer.vitals }

    /// Closes the connection. Behind a stream that was received whole it stays open for the next request.
    func close() {
        watchdog.cancel()
        if !buffer.isFinished { task.cancel() }
    }

    deinit { close() }
}

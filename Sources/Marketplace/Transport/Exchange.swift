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
    /// - Parameters:
    ///   - body: What the request carries.
    ///   - willSend: Asked when the connection takes the body, or before anything is sent without one.
    ///   - deadline: when the whole call must be over, in the time source's time.
    init(
        _ request: HTTPClient.Request, body: [UInt8]?, willSend: (@Sendable () throws -> Void)?,
        context: StreamDelegate.Context, httpClient: HTTPClient, time: TimeSource, deadline: Duration
    ) throws {
        let buffer = EventBuffer(time: time)
        // Connection and delegate on one event loop: nothing has to change threads on its way.
        let eventLoop = httpClient.eventLoopGroup.next()
        var request = request
        request.body = body.map { .checked($0, willSend, on: eventLoop) }
        if body == nil { try willSend?() }
        let delegate = StreamDelegate(buffer: buffer, context: context, eventLoop: eventLoop)
        let task = httpClient.execute(
            request: request, delegate: delegate, eventLoop: .delegateAndChannel(on: eventLoop))
        let watch = Watchdog(timeouts: context.timeouts, deadline: deadline, url: context.url)
        self.buffer = buffer
        self.task = task
        watchdog = Task {
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

extension HTTPClient.Body {
    /// A body that is sent once the check passes. Any error of the check cancels the request.
    fileprivate static func checked(
        _ bytes: [UInt8], _ check: (@Sendable () throws -> Void)?, on eventLoop: any EventLoop
    ) -> Self {
        guard let check else { return .bytes(bytes) }
        return .stream(contentLength: Int64(bytes.count)) { writer in
            do { try check() } catch {
                return eventLoop.makeFailedFuture(CancellationError())
            }
            return writer.write(.byteBuffer(ByteBuffer(bytes: bytes)))
        }
    }
}

/// Decides when an exchange has taken too long.
struct Watchdog {
    var timeouts: MarketplaceConfiguration.Timeouts
    /// When the whole call must be over.
    var deadline: Duration
    var url: String

    enum Verdict {
        case sleep(Duration)
        case expired(MarketplaceError)
    }

    /// A consumer that is not reading does not count towards the idle time-out, only towards that of the whole call.
    func check(_ vitals: EventBuffer.Vitals, now: Duration) -> Verdict {
        if now >= deadline {
            return .expired(TransportFailure.totalTimeout(timeouts.total))
        }
        let left: Duration
        switch vitals.phase {
        case .connecting:
            left = vitals.alive + timeouts.connect - now
            if left <= .zero {
                return .expired(TransportFailure.connectTimeout(url, timeouts.connect))
            }
            return .sleep(min(left, timeouts.idle, deadline - now))
        case .connected, .answered:
            left = vitals.isAwaited ? vitals.alive + timeouts.idle - now : timeouts.idle
            if left <= .zero {
                return .expired(TransportFailure.idleTimeout(timeouts.idle))
            }
            return .sleep(min(left, deadline - now))
        }
    }
}

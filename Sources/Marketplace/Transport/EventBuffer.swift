internal import NIOCore
internal import RunnelSupport
internal import Synchronization

/// What lies between the event loop, which puts events in, and the one task that takes them out.
///
/// It is bounded: above ``highWater`` the event loop is asked to stop reading until the events were taken.
final class EventBuffer: Sendable {
    /// From so many events or bytes of the stream on, no more is read.
    static let highWater = (events: 2048, bytes: 256 * 1024)

    /// How far the exchange is.
    enum Phase: Sendable {
        case connecting, connected, answered
    }

    private enum End {
        case finished
        case failed(FailedAttempt)
    }

    private struct State {
        var events: [ChatEvent] = []
        var bytes = 0
        var phase = Phase.connecting
        var end: End?
        var waiter: CheckedContinuation<Void, Never>?
        /// Set while reading is paused.
        var resume: EventLoopPromise<Void>?
        /// When something was received last, or the consumer began to wait, whichever is later.
        var alive: Duration
    }

    private let state: Mutex<State>
    private let time: TimeSource

    init(time: TimeSource) {
        self.time = time
        state = Mutex(State(alive: time.now()))
    }

    // MARK: The event loop's side

    func reached(_ phase: Phase) {
        let now = time.now()
        state.withLock { state in
            state.phase = phase
            state.alive = now
        }
    }

    func noteLife() {
        let now = time.now()
        state.withLock { $0.alive = now }
    }

    /// Puts events in, perhaps none, and notes that the server is alive.
    /// - Parameter pause: gives the promise that is kept once there is room again; called only when there is none.
    /// - Returns: what to wait for before reading on; `nil` when there is room.
    func put(
        _ events: inout [ChatEvent], bytes: Int, pause: (() -> EventLoopPromise<Void>)? = nil
    ) -> EventLoopFuture<Void>? {
        let now = time.now()
        let (waiter, future) = state.withLock { state in
            state.alive = now
            guard state.end == nil else { return (CheckedContinuation<Void, Never>?.none, EventLoopFuture<Void>?.none) }
            if state.events.isEmpty {
                // The arrays change places, so that their storage is used again.
                swap(&state.events, &events)
            } else {
                state.events.append(contentsOf: events)
            }
            // A part of an event is held by the parser, within its own limits; who waits for its end must not be what
            // it waits for.
            state.bytes = state.events.isEmpty ? 0 : state.bytes + bytes
            let waiter = state.events.isEmpty ? nil : state.waiter.take()
            let isFull = state.events.count >= Self.highWater.events || state.bytes >= Self.highWater.bytes
            if isFull, waiter == nil, let pause {
                let promise = pause()
                state.resume = promise
                return (waiter, promise.futureResult)
            }
            return (waiter, nil)
        }
        events.removeAll(keepingCapacity: true)
        waiter?.resume()
        return future
    }

    /// The first end counts; what was put in before it is still given out.
    func finish() {
        end(.finished)
    }

    /// The first end counts; what was put in before it is still given out.
    func fail(_ failure: FailedAttempt) {
        end(.failed(failure))
    }

    private func end(_ end: End) {
        let (waiter, resume) = state.withLock { state in
            if state.end == nil { state.end = end }
            return (state.waiter.take(), state.resume.take())
        }
        waiter?.resume()
        resume?.succeed(())
    }

    /// Whether the whole stream was received.
    var isFinished: Bool {
        state.withLock { state in
            if case .finished? = state.end { true } else { false }
        }
    }

    // MARK: The consumer's side

    /// Waits for events and takes all there are. Empty when the stream is over.
    /// - Throws: `FailedAttempt` when it failed, after everything before the failure was taken.
    func take() async throws -> [ChatEvent] {
        while true {
            if let batch = try takeNow() { return batch }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let now = time.now()
                    let resumeNow = state.withLock { state in
                        if !state.events.isEmpty || state.end != nil { return true }
                        state.alive = max(state.alive, now)
                        state.waiter = continuation
                        return false
                    }
                    if resumeNow { continuation.resume() }
                }
            } onCancel: {
                fail(FailedAttempt(error: TransportFailure.cancelled, mayRepeat: false))
            }
        }
    }

    private func takeNow() throws -> [ChatEvent]? {
        let (result, resume): (Result<[ChatEvent]?, FailedAttempt>, EventLoopPromise<Void>?) = state.withLock { state in
            if !state.events.isEmpty {
                var batch: [ChatEvent] = []
                swap(&batch, &state.events)
                state.bytes = 0
                return (.success(batch), state.resume.take())
            }
            switch state.end {
            case .finished?: return (.success([]), nil)
            case .failed(let failure)?: return (.failure(failure), nil)
            case nil: return (.success(nil), nil)
            }
        }
        resume?.succeed(())
        return try result.get()
    }

    // MARK: The watchdog's side

    /// What the watchdog must know.
    struct Vitals: Sendable {
        var phase = Phase.connecting
        /// When something was received last, or its receiver began to wait.
        var alive: Duration = .zero
        /// Whether somebody waits for events.
        var isAwaited = true
        var isOver = false
    }

    var vitals: Vitals {
        state.withLock {
            Vitals(phase: $0.phase, alive: $0.alive, isAwaited: $0.waiter != nil, isOver: $0.end != nil)
        }
    }

    /// How many events and bytes of the stream are held.
    var held: (events: Int, bytes: Int) {
        state.withLock { ($0.events.count, $0.bytes) }
    }
}

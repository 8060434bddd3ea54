import HTTPServing
import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Enforces the time limits of a connection, closes it if a response was sent before the request was complete, and
/// reports client disconnects.
///
/// It is between the HTTP decoder and the server; ``FirstByteHandler`` is before the decoder.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var progress: ConnectionProgress
    private var context: ChannelHandlerContext?
    private var timer: (at: NIODeadline, task: Scheduled<Void>)?
    private var expectsContinue = false
    private var isClientGone = false
    private var onLeave: (@Sendable () -> Void)?
    /// Whether incoming data is discarded because the connection is being closed.
    private var isIgnoring = false
    let idle = IdleMark()

    /// How long an idle connection stays open so that the event loop can read it.
    private static let readingTime = TimeAmount.milliseconds(1)

    init(limits: ConnectionProgress.Limits) {
        progress = ConnectionProgress(limits: limits, now: .now())
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        idle.set(progress.idleSince)
        setTimer()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
    }

    // MARK: - What comes

    func bytesCame() {
        if progress.bytesCame(at: .now()) { idle.set(progress.idleSince) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !progress.isLingering, !isIgnoring else { return }
        switch unwrapInboundIn(data) {
        case .head where progress.refusesRequests:
            isIgnoring = true
            return
        case .head(let head):
            idle.set(nil)
            progress.requestBegan(isLast: Self.tokens(head.headerFields[values: .connection]).contains("close"))
            expectsContinue = Self.tokens(head.headerFields[values: .expect]).contains("100-continue")
        case .body: expectsContinue = false
        case .end:
            expectsContinue = false
            progress.requestEnded()
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        setTimer()
        // The server no longer reads, and only reading detects that the client has closed its side.
        if progress.isLingering { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Not passed on: the server's own handler would close right after the response, without a lingering close.
        if event is ChannelShouldQuiesceEvent { return drain() }
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { clientDisconnected() }
        context.fireUserInboundEventTriggered(event)
        if isClientGone, progress.isLingering { context.close(promise: nil) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        progress.writabilityChanged(to: context.channel.isWritable, at: .now())
        setTimer()
        context.fireChannelWritabilityChanged()
    }

    // MARK: - What goes

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.kind != .informational && progress.endsWithAnswer:
            head.headerFields[.connection] = "close"
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .head, .body: context.write(data, promise: promise)
        case .end:
            onLeave = nil
            context.write(data, promise: promise)
            progress.answerEnded(at: .now())
            idle.set(progress.idleSince)
            if progress.isLingering { startLingeringClose(context) }
            setTimer()
        }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        switch event {
        case let watch as ClientDisconnect:
            if isClientGone { watch.onLeave() } else { onLeave = watch.onLeave }
            promise?.succeed()
        case is ContinueExpected:
            if expectsContinue {
                expectsContinue = false
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
            promise?.succeed()
        default: context.triggerUserOutboundEvent(event, promise: promise)
        }
    }

    /// Starts a lingering close. Closing at once while the client is still sending would reset the connection and lose
    /// the response.
    private func startLingeringClose(_ context: ChannelHandlerContext) {
        context.flush()
        context.close(mode: .output, promise: nil)
        if context.channel.isActive { context.read() }
    }

    // MARK: - Time

    private func setTimer() {
        guard let context, let deadline = progress.deadline else { return }
        if let timer {
            // A timer that fires too early reschedules itself.
            guard deadline < timer.at else { return }
            timer.task.cancel()
        }
        let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.timerFired() }
        timer = (deadline, task)
    }

    private func timerFired() {
        timer = nil
        guard let context, let deadline = progress.deadline else { return }
        if deadline <= .now() { context.close(promise: nil) } else { setTimer() }
    }

    // MARK: - The end

    /// Closes the connection for shutdown: after pending responses, or now.
    func drain() {
        guard let context, !progress.isLingering else { return }
        progress.drain(at: .now())
        if !progress.isLingering {
            setTimer()
        } else if hasUnsentBytes(context) {
            startLingeringClose(context)
            setTimer()
        } else {
            context.close(promise: nil)
        }
    }

    /// Closes the connection if it is idle, to make room for others. Waits until the event loop has read what has arrived,
    /// which may be a request.
    func closeIfIdle() {
        guard let since = idleSince, let context else { return }
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.readingTime) {
            if self.idleSince == since { context.close(promise: nil) }
        }
    }

    /// Since when nothing is under way on the connection.
    private var idleSince: NIODeadline? {
        guard let context, let since = progress.idleSince, since <= .now(), !hasUnsentBytes(context) else { return nil }
        return since
    }

    /// Whether part of the last response is unsent and would be lost by closing.
    private func hasUnsentBytes(_ context: ChannelHandlerContext) -> Bool {
        let count = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
        return (count ?? 0) > 0
    }

    private func clientDisconnected() {
        isClientGone = true
        onLeave?()
        onLeave = nil
    }

    private func end() {
        clientDisconnected()
        timer?.task.cancel()
        timer = nil
    }

    /// The elements of a list in lower case (RFC 9110, section 5.6.1).
    private static func tokens(_ values: [String]) -> [String] {
        values.flatMap { $0.split(separator: ",") }.map { token in
            String(token.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }).lowercased()
        }
    }
}

/// A request to be notified when the client of the current request disconnects.
struct ClientDisconnect: Sendable {
    let onLeave: @Sendable () -> Void
}

/// Signals that the body will be read, so that `100 Continue` is sent if the client expects it (RFC 9110, section
/// 10.1.1).
struct ContinueExpected: Sendable {}

/// Detects the first bytes of a request before its header is complete.
final class FirstByteHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let connection: ConnectionGuard

    init(_ connection: ConnectionGuard) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.bytesCame()
        context.fireChannelRead(data)
    }
}

import HTTPServing
import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Keeps a connection within its time limits, ends it when a request is answered before it has come whole, and tells
/// when the caller has gone.
///
/// It stands between the HTTP decoder and the server, and has ``ArrivalWatch`` before the decoder.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var progress: ConnectionProgress
    private var context: ChannelHandlerContext?
    private var timer: (at: NIODeadline, task: Scheduled<Void>)?
    private var expectsContinue = false
    private var isCallerGone = false
    private var onLeave: (@Sendable () -> Void)?
    /// Whether what comes is thrown away, since the connection ends with what came before.
    private var isIgnoring = false
    let idle = IdleMark()

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
        guard !progress.isFarewell, !isIgnoring else { return }
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
        // Nobody else reads any more, and only by reading is it seen that the caller has taken note.
        if progress.isFarewell { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Ends here: the server's own handler would close right behind the answer, without a lingering close.
        if event is ChannelShouldQuiesceEvent { return drain() }
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { callerLeft() }
        context.fireUserInboundEventTriggered(event)
        if isCallerGone, progress.isFarewell { context.close(promise: nil) }
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
            if progress.isFarewell { sayFarewell(context) }
            setTimer()
        }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        switch event {
        case let watch as CallerWatch:
            if isCallerGone { watch.onLeave() } else { onLeave = watch.onLeave }
            promise?.succeed()
        case is BodyWish:
            if expectsContinue {
                expectsContinue = false
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
            promise?.succeed()
        default: context.triggerUserOutboundEvent(event, promise: promise)
        }
    }

    /// Closing at once would reset the connection where the caller is still sending, and take the answer with it.
    private func sayFarewell(_ context: ChannelHandlerContext) {
        context.flush()
        context.close(mode: .output, promise: nil)
        if context.channel.isActive { context.read() }
    }

    // MARK: - Time

    private func setTimer() {
        guard let context, let deadline = progress.deadline else { return }
        if let timer {
            // One that is too early finds that out by itself.
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

    /// The server stops: the connection ends with the answers that are under way, or now.
    func drain() {
        guard let context, !progress.isFarewell else { return }
        progress.drain(at: .now())
        if !progress.isFarewell {
            setTimer()
        } else if hasUnsentBytes(context) {
            sayFarewell(context)
            setTimer()
        } else {
            context.close(promise: nil)
        }
    }

    /// Others want to connect.
    func closeIfIdle() {
        guard let context, let since = progress.idleSince, since <= .now(), !hasUnsentBytes(context) else { return }
        context.close(promise: nil)
    }

    /// Whether the caller has not taken all of the last answer, which closing would cut off.
    private func hasUnsentBytes(_ context: ChannelHandlerContext) -> Bool {
        let count = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
        return (count ?? 0) > 0
    }

    private func callerLeft() {
        isCallerGone = true
        onLeave?()
        onLeave = nil
    }

    private func end() {
        callerLeft()
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

/// Asks to be told when the caller of the request in hand has gone.
struct CallerWatch: Sendable {
    let onLeave: @Sendable () -> Void
}

/// Says that the body is going to be read, which a caller may wait for (RFC 9110, section 10.1.1).
struct BodyWish: Sendable {}

/// Sees bytes before they are a header.
final class ArrivalWatch: ChannelInboundHandler, RemovableChannelHandler {
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

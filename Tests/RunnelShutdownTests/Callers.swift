import NIOCore
import NIOPosix
import Synchronization

/// Many callers of one server, each on a connection of its own, who call again and again until the server is gone.
final class Callers: Sendable {
    /// How a caller calls, and what it keeps its connection for.
    enum Kind: CaseIterable, Sendable {
        /// A new connection for each call.
        case connecting
        /// One connection for all calls.
        case keepingAlive
        /// Waits for the run's result.
        case waiting
        /// Reads the run's text while it comes.
        case streaming
        /// Sends half a body and goes.
        case leaving

        var path: String {
            switch self {
            case .connecting, .keepingAlive, .leaving: "/hooks/quick"
            case .waiting: "/hooks/wait"
            case .streaming: "/hooks/stream"
            }
        }
    }

    struct Record {
        /// The runs that the server said it had accepted.
        var accepted: [String] = []
        var statuses: [Int: Int] = [:]
        /// What came of answers that broke off.
        var broken: [String] = []
        /// Streams that ended without saying how the run ended.
        var endless: [String] = []
        var streams = 0
        var open = 0
    }

    private let port: Int
    private let record = Mutex(Record())
    private let isOver = Mutex(false)

    init(port: Int) {
        self.port = port
    }

    var result: Record { record.withLock { $0 } }
    var answers: Int { record.withLock { $0.statuses.values.reduce(0, +) } }

    /// Connects the callers; each goes on until it cannot connect any more.
    func call(_ count: Int) {
        for number in 0..<count {
            connect(Kind.allCases[number % Kind.allCases.count])
        }
    }

    private func connect(_ kind: Kind) {
        record.withLock { $0.open += 1 }
        let connecting = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(30))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Caller(kind, self))
                }
            }
            .connect(host: "127.0.0.1", port: port)
        connecting.whenFailure { _ in self.ended(nil, again: false) }
        connecting.whenSuccess { channel in
            channel.closeFuture.whenComplete { _ in self.ended(kind, again: true) }
        }
    }

    private func ended(_ kind: Kind?, again: Bool) {
        record.withLock { $0.open -= 1 }
        if let kind, again, !isOver.withLock({ $0 }) { connect(kind) }
    }

    /// No caller connects once more.
    func stop() {
        isOver.withLock { $0 = true }
    }

    fileprivate func take(_ answer: CallerAnswer, of kind: Kind) {
        record.withLock { record in
            record.statuses[answer.status, default: 0] += 1
            if answer.status == 202, let id = answer.runID { record.accepted.append(id) }
            guard kind == .streaming, answer.status == 200 else { return }
            record.streams += 1
            if let id = answer.runID { record.accepted.append(id) }
            if !answer.body.contains("event: end\n") { record.endless.append(answer.body) }
        }
    }

    fileprivate func brokeOff(_ text: String) {
        record.withLock { $0.broken.append(text) }
    }
}

/// An answer that has come whole.
struct CallerAnswer {
    let status: Int
    let body: String

    /// The first run that the body names.
    var runID: String? {
        guard let start = body.firstRange(of: "\"run\":\"") else { return nil }
        return String(body[start.upperBound...].prefix { $0 != "\"" })
    }

    /// Takes the first answer off the bytes, when it is there whole.
    ///
    /// - Returns: nil while something is missing.
    static func take(from text: inout String) -> CallerAnswer? {
        guard let headEnd = text.firstRange(of: "\r\n\r\n") else { return nil }
        let lines = text[..<headEnd.lowerBound].split(separator: "\r\n")
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[parts[0].lowercased()] = parts[1].trimmed }
        }
        let rest = text[headEnd.upperBound...]
        if fields["transfer-encoding"]?.lowercased() == "chunked" {
            guard let end = rest.firstRange(of: "0\r\n\r\n") else { return nil }
            let answer = CallerAnswer(status: status, body: String(rest[..<end.lowerBound]))
            text = String(rest[end.upperBound...])
            return answer
        }
        let length = fields["content-length"].flatMap { Int($0) } ?? 0
        guard rest.utf8.count >= length else { return nil }
        let end = rest.utf8.index(rest.startIndex, offsetBy: length)
        let answer = CallerAnswer(status: status, body: String(rest[..<end]))
        text = String(rest[end...])
        return answer
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop { $0 == " " })
    }
}

/// One connection.
private final class Caller: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let kind: Callers.Kind
    private let callers: Callers
    private var text = ""

    init(_ kind: Callers.Kind, _ callers: Callers) {
        self.kind = kind
        self.callers = callers
    }

    func channelActive(context: ChannelHandlerContext) {
        call(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        text += String(buffer: unwrapInboundIn(data))
        while let answer = CallerAnswer.take(from: &text) {
            callers.take(answer, of: kind)
            if kind == .keepingAlive { call(context) } else { context.close(promise: nil) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !text.isEmpty { callers.brokeOff("\(kind): \(text)") }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func call(_ context: ChannelHandlerContext) {
        let body = "{\"n\":1}"
        let isLeaving = kind == .leaving
        var request = "POST \(kind.path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        request += "Content-Length: \(isLeaving ? 100_000 : body.utf8.count)\r\n"
        if kind == .connecting { request += "Connection: close\r\n" }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request + "\r\n" + body)), promise: nil)
        if isLeaving {
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: .milliseconds(20)) { bound.value.close(promise: nil) }
        }
    }
}

import Logging
import NIOHTTP1
import RunnelEngine
import RunnelHTTP
import RunnelKit
import Synchronization

/// Sends requests of one signal to its receiver: form, header fields, retries, and the log of outages.
final class OTLPSender: Sendable {
    let receiver: OTLPReceiver
    private let signal: OTLPSignal
    /// With the version, as the specification of OTLP asks for.
    private let userAgent: String
    private let http: any HTTPSender
    private let clock: any Clock<Duration>
    private let now: @Sendable () -> Int64
    private let logger: Logger
    /// Whether the last request was not delivered, so that an outage is logged once.
    private let isFailing = Mutex(false)

    /// - Parameters:
    ///   - version: Of Runnel.
    ///   - http: Must live longer than the sender.
    ///   - now: Nanoseconds since 1970.
    init(
        _ signal: OTLPSignal, version: String, to receiver: OTLPReceiver, through http: any HTTPSender, logger: Logger,
        clock: any Clock<Duration>, now: @escaping @Sendable () -> Int64
    ) {
        userAgent = "\(HTTPHeaders.userAgent)/\(version)"
        (self.signal, self.receiver, self.http) = (signal, receiver, http)
        (self.logger, self.clock, self.now) = (logger, clock, now)
    }

    private enum Outcome {
        case delivered(rejected: Int, String?)
        case retry(after: Duration?, String)
        case failed(String)
    }

    /// Sends a request until the receiver has taken or refused it.
    ///
    /// - Parameters:
    ///   - json: The request in its JSON form.
    ///   - attempts: How often at most.
    ///   - pause: Waits before the next attempt; false: there is to be none.
    /// - Returns: How many of the spans or data points the receiver has rejected; nil where the request was not delivered,
    ///   which the log says unless the task is cancelled.
    func send(_ json: [UInt8], attempts: Int, pause: (Duration) async -> Bool) async -> Int? {
        let call: HTTPCall
        do {
            call = try self.call(json)
        } catch {
            fail("\(error)")
            return nil
        }
        var attempt = 1
        while true {
            switch await send(call) {
            case .delivered(let rejected, let message):
                if rejected > 0 {
                    logger.warning(
                        "\(receiver.endpoint.shown) rejected \(rejected) \(signal.items): \(message ?? "no reason")")
                }
                if setFailing(false) {
                    logger.notice("\(signal.rawValue) are sent to \(receiver.endpoint.shown) again")
                }
                return rejected
            case .retry(let delay, let reason):
                if attempt < attempts {
                    let backoff = Duration.seconds(1 << (attempt - 1)) * Double.random(in: 0.8...1.2)
                    attempt += 1
                    if await pause(min(delay ?? backoff, .seconds(60))) { continue }
                }
                fail(reason)
            case .failed(let reason): fail(reason)
            }
            return nil
        }
    }

    /// Logs the begin of an outage.
    private func fail(_ reason: String) {
        guard !Task.isCancelled else { return }
        if setFailing(true) {
            logger.warning("\(signal.rawValue) cannot be sent to \(receiver.endpoint.shown): \(reason)")
        }
    }

    /// - Returns: Whether that is a change.
    private func setFailing(_ value: Bool) -> Bool {
        isFailing.withLock { isFailing in
            defer { isFailing = value }
            return isFailing != value
        }
    }

    private func call(_ json: [UInt8]) throws(JSONError) -> HTTPCall {
        var headers = HTTPHeaders(receiver.headers.map { ($0.name, $0.value) })
        let isJSON = receiver.format == .json
        headers.replaceOrAdd(name: "content-type", value: isJSON ? "application/json" : "application/x-protobuf")
        headers.replaceOrAdd(name: "user-agent", value: userAgent)
        var call = HTTPCall(
            method: "POST", url: receiver.endpoint, headers: headers,
            body: try isJSON ? json : ProtobufWriter.request(Value.json(json)),
            bodyLimit: .cut(bytes: 64 << 10))
        // What was accepted must not be sent once more because the rest of the answer is missing.
        call.bodyUse = { _ in .partial }
        return call
    }

    private func send(_ call: HTTPCall) async -> Outcome {
        let reply: HTTPReply
        do {
            reply = try await http.send(call, within: receiver.timeout, on: clock)
        } catch let problem as TransportProblem {
            return .retry(after: nil, problem.stepError(call: call.shown).message)
        } catch {
            return .failed("\(error)")
        }
        switch reply.status {
        case 200...299:
            // An answer in protobuf's binary form is not read: what was rejected stays unknown.
            let partial = try? Value.json(reply.body)["partialSuccess"]
            let rejected = partial?[signal.rejected].flatMap { $0.asInt ?? $0.asString.flatMap { Int64($0) } } ?? 0
            return .delivered(rejected: Int(clamping: max(0, rejected)), partial?["errorMessage"]?.asString)
        case 429, 502, 503, 504: return .retry(after: reply.retryAfter(now: now()), "it answered \(reply.statusLine)")
        default: return .failed("it answered \(reply.statusLine)")
        }
    }
}

extension OTLPSignal {
    /// What a request holds, in messages.
    fileprivate var items: String { self == .traces ? "spans" : "data points" }

    /// The key of an answer with the number of those that were rejected.
    fileprivate var rejected: String { self == .traces ? "rejectedSpans" : "rejectedDataPoints" }
}

import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization

/// Webhooks as a sender delivers them: each with an id of its own, and again until it is accepted.
final class Deliveries: Sendable {
    struct Delivery: Sendable, Hashable {
        let id: String
        let pipeline: String
        let body: String
    }

    private struct State {
        var ports: [Int] = []
        var pending: [Delivery] = []
        /// Runs by delivery.
        var accepted: [String: String] = [:]
        /// Deliveries that were answered with different runs.
        var ambiguous: [String: Set<String>] = [:]
        var next = 0
    }

    private let state = Mutex(State())
    private let world: String

    /// With as many connections as there are calls; it lasts as long as the process.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1000
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    init(world: String) {
        self.world = world
    }

    var ports: [Int] {
        get { state.withLock { $0.ports } }
        set { state.withLock { $0.ports = newValue } }
    }

    var accepted: [String: String] { state.withLock { $0.accepted } }
    var ambiguous: [String: Set<String>] { state.withLock { $0.ambiguous } }
    var pending: [Delivery] { state.withLock { $0.pending } }

    /// Enters a delivery; it is sent by ``flow(every:)`` or ``sendPending()``.
    func add(_ pipeline: String, kind: String, padding: Int = 0) -> Delivery {
        state.withLock { state in
            state.next += 1
            let id = "\(world)-\(state.next)"
            let text = String(repeating: "x", count: padding)
            let delivery = Delivery(
                id: id, pipeline: pipeline, body: "{\"kind\":\"\(kind)\",\"id\":\"\(id)\",\"padding\":\"\(text)\"}")
            state.pending.append(delivery)
            return delivery
        }
    }

    /// Sends the deliveries one after the other, without waiting for answers.
    func flow(_ deliveries: [Delivery], every pause: Duration) async {
        await withDiscardingTaskGroup { group in
            for delivery in deliveries {
                group.addTask { await self.send(delivery) }
                try? await Task.sleep(for: pause)
            }
        }
    }

    /// Sends what was not accepted yet.
    ///
    /// - Parameter count: How many deliveries may be accepted then, with those that are already.
    func sendPending(upTo count: Int = .max) async {
        let due = pending.prefix(max(0, count - accepted.count))
        await withDiscardingTaskGroup { group in
            for delivery in due { group.addTask { await self.send(delivery) } }
        }
    }

    private func send(_ delivery: Delivery) async {
        guard let port = state.withLock({ $0.ports.randomElement() }) else { return }
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/hooks/\(delivery.pipeline)")
        request.method = .POST
        request.headers = ["content-type": "application/json", "webhook-id": delivery.id]
        request.body = .bytes(ByteBuffer(string: delivery.body))
        guard let response = try? await Self.client.execute(request, timeout: .seconds(15)),
            response.status == .accepted, let body = try? await response.body.collect(upTo: 1 << 16),
            let answer = try? JSONSerialization.jsonObject(with: Data(body.readableBytesView)) as? [String: Any],
            let run = answer["run"] as? String
        else { return }
        state.withLock { state in
            state.pending.removeAll { $0 == delivery }
            if let other = state.accepted[delivery.id], other != run {
                state.ambiguous[delivery.id, default: [other]].insert(run)
            }
            state.accepted[delivery.id] = run
        }
    }
}

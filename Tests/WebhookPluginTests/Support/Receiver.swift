import HTTPTestServer
import Synchronization

/// A receiver of webhooks on the loopback interface.
struct Receiver: Sendable {
    struct Answer: Sendable {
        var status: Int
        var headers: [(String, String)] = []
        var body = ""
    }

    let server: TestServer

    var url: String { server.url + "/hooks/opensesame" }
    var port: Int { server.port }
    /// What arrived so far, in order.
    var deliveries: [TestServer.Request] { server.requests }

    /// Runs `body` beside a receiver that answers by the number of the delivery, from 1; nil is no answer at all.
    static func run<Result>(
        _ answer: @escaping @Sendable (Int) -> Answer?, body: (Receiver) async throws -> Result
    ) async throws -> Result {
        let counter = Counter()
        return try await TestServer.run { _ in
            guard let answer = answer(counter.next()) else { return .silence }
            return .reply(answer.status, answer.headers, answer.body)
        } body: { server in
            try await body(Receiver(server: server))
        }
    }

    private final class Counter: Sendable {
        private let count = Mutex(0)

        func next() -> Int {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }
}

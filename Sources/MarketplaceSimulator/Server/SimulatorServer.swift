import HTTPServing
import Hummingbird
import HummingbirdCore
import LibC
import Logging
import NIOCore
internal import RunnelSupport

/// A simulator that is listening.
public struct RunningSimulator: Sendable {
    /// Where it listens, for example `http://127.0.0.1:49152`.
    public let baseURL: String
    /// How it was set up.
    public let configuration: SimulatorConfiguration
    let simulation: Simulation

    /// The token requests so far, refused ones included. Of very many only the most recent are kept.
    public var tokenRequests: [RecordedRequest] { simulation.activity.value.token.requests }
    /// The chat requests so far, refused ones included. Of very many only the most recent are kept.
    public var chatRequests: [RecordedRequest] { simulation.activity.value.chat.requests }
    /// How many token requests there were.
    public var tokenRequestCount: Int { simulation.activity.value.token.total }
    /// How many chat requests there were.
    public var chatRequestCount: Int { simulation.activity.value.chat.total }
    /// What the chats have used that asked for it and were answered to their end, each idempotency key once.
    public var usage: SimulatedUsage { simulation.usage }
    /// How often an answer was taken up again.
    public var reconnections: Int { simulation.reconnections }
    /// The ids of the answers that were cancelled; of very many only the most recent.
    public var cancelledMessages: [String] { simulation.cancelled }
    /// How many streams are being sent now.
    public var openStreams: Int { simulation.activity.value.openStreams }

    /// Returns once exactly so many streams are being sent.
    ///
    /// - Throws: `CancellationError` when the task is cancelled first.
    public func waitForOpenStreams(_ count: Int) async throws {
        try await simulation.activity.wait { $0.openStreams == count }
    }
}

/// The server around the simulation.
enum SimulatorApplication {
    /// - Parameter onListening: Gets the port once connections are accepted.
    static func make(
        _ simulation: Simulation, connections: OpenConnections = OpenConnections(), logger: Logger,
        onListening: @escaping @Sendable (Int) -> Void
    ) -> Application<SimulatorResponder> {
        let configuration = simulation.configuration
        // Each stream has a descriptor, and one more where the client is in the same process.
        ConnectionLimit.raise(to: 4096)
        return Application(
            responder: SimulatorResponder(simulation: simulation),
            server: HTTPServerBuilder {
                CountedChannel(
                    responder: $0, configuration: .init(additionalChannelHandlers: [DisconnectHandler()]),
                    connections: connections)
            },
            configuration: ApplicationConfiguration(
                // A thousand clients may well connect in the same moment.
                address: .hostname(configuration.host, port: configuration.port), backlog: 2048),
            onServerRunning: { channel in onListening(channel.localAddress?.port ?? configuration.port) },
            logger: logger)
    }
}

/// Closes a connection as soon as the client has closed its side: nobody reads the rest of a stream then.
final class DisconnectHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}

/// Ends a connection as a crashed server does.
enum ConnectionReset {
    /// Closes with a TCP reset: a lingering time of zero drops what is unsent and skips the orderly end.
    static func reset(_ channel: any Channel) {
        guard let options = channel as? any SocketOptionProvider else {
            return channel.close(promise: nil)
        }
        options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
    }
}

/// A request that the simulator received.
public struct RecordedRequest: Sendable, Equatable, CustomStringConvertible {
    /// The path, without the query.
    public let path: String
    /// The body as it came. A token request's holds the client secret.
    public let body: String
    /// The status of the answer; nil when the connection was reset instead.
    public let status: Int?
    /// What went wrong on purpose.
    public let fault: Fault?

    /// Without the body, which may hold a secret.
    public var description: String {
        "\(path) → \(status.map(String.init) ?? "reset")\(fault.map { " (\($0.rawValue))" } ?? "")"
    }
}

/// What has happened on the server so far.
struct Activity: Sendable {
    /// The most recent requests, within bounds on number and size.
    struct Log: Sendable {
        private static let mostRequests = 2_000
        private static let mostBytes = 16 * 1_048_576

        private(set) var requests: [RecordedRequest] = []
        private(set) var total = 0
        private var bytes = 0

        mutating func append(_ request: RecordedRequest) {
            total += 1
            bytes += request.body.utf8.count
            requests.append(request)
            while requests.count > Self.mostRequests || bytes > Self.mostBytes, requests.count > 1 {
                bytes -= requests.removeFirst().body.utf8.count
            }
        }
    }

    var token = Log()
    var chat = Log()
    /// Streams whose body is being sent.
    var openStreams = 0
}

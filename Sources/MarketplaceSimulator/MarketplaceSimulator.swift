import HTTPServing
import Hummingbird
public import Logging
internal import RunnelSupport

/// A stand-in for the Marketplace API: an HTTP server that speaks the documented protocol and gives answers made from
/// the prompt alone, which say that they are simulated.
///
/// A request may choose a fault for itself: by the header `X-Simulate: <fault>`, or by a line `simulate: <fault>` in
/// its last user message. `Fault` has the names.
public final class MarketplaceSimulator: Sendable {
    private let configuration: SimulatorConfiguration
    private let logger: Logger
    private let simulation: Simulation

    /// - Parameters:
    ///   - configuration: Who is let in, how answers are made, and what goes wrong.
    ///   - logger: Gets the server's own messages; by default nobody does.
    public init(
        _ configuration: SimulatorConfiguration = .init(),
        logger: Logger = Logger(label: "marketplace-simulator") { _ in SwiftLogNoOpLogHandler() }
    ) {
        self.configuration = configuration
        self.logger = logger
        simulation = Simulation(configuration)
    }

    /// Runs the server until the task is cancelled, then returns. Nothing outlives the call.
    ///
    /// - Parameter onReady: Gets the base URL, with the real port, once connections are accepted.
    /// - Throws: `SimulatorError` with the code `invalid-configuration`, `cannot-listen` or `stopped`.
    public func run(onReady: @Sendable (String) async -> Void) async throws {
        do {
            try await serve { baseURL, phase in
                await onReady(baseURL)
                try await phase.wait { $0 == .ended }
                throw SimulatorError.stopped
            }
        } catch  where Task.isCancelled {
            return
        }
    }

    /// Runs a simulator for as long as `body` runs.
    ///
    /// - Throws: `SimulatorError` with the code `invalid-configuration` or `cannot-listen`, and whatever `body` throws.
    public static func withSimulator<R: Sendable>(
        _ configuration: SimulatorConfiguration = .init(),
        logger: Logger = Logger(label: "marketplace-simulator") { _ in SwiftLogNoOpLogHandler() },
        body: (RunningSimulator) async throws -> R
    ) async throws -> R {
        let simulator = MarketplaceSimulator(configuration, logger: logger)
        return try await simulator.serve { baseURL, _ in
            try await body(
                RunningSimulator(baseURL: baseURL, configuration: configuration, simulation: simulator.simulation))
        }
    }

    private enum Phase: Equatable {
        case starting
        case listening(port: Int)
        case ended
    }

    /// Runs the server beside `body`, and stops it afterwards.
    private func serve<R: Sendable>(_ body: (String, Watched<Phase>) async throws -> R) async throws -> R {
        try configuration.validate()
        let phase = Watched(Phase.starting)
        let connections = OpenConnections()
        let stop = Latch()
        let application = SimulatorApplication.make(simulation, connections: connections, logger: logger) { port in
            phase.update { $0 = .listening(port: port) }
        }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { phase.update { $0 = .ended } }
                try await application.serve(connections, until: stop, closingAfter: .zero)
            }
            // Cancelling shuts the server down, and closes the streams that are still open.
            defer { group.cancelAll() }
            try await phase.wait { $0 != .starting }
            guard case .listening(let port) = phase.value else {
                let result = await group.nextResult()
                try Task.checkCancellation()
                if case .failure(let error) = result {
                    throw SimulatorError.cannotListen(host: configuration.host, port: configuration.port, error)
                }
                throw SimulatorError.stopped
            }
            return try await body(baseURL(port: port), phase)
        }
    }

    private func baseURL(port: Int) -> String {
        // An IPv6 address stands in brackets (RFC 3986, section 3.2.2).
        let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
        return "http://\(host):\(port)"
    }
}

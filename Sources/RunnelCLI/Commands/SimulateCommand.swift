import ArgumentParser
import MarketplaceSimulator
import RunnelKit

/// `runnel simulate`
struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Run a simulator of the Marketplace API until interrupted.",
        discussion: HelpText.text(
            "Its answers are derived from the prompt and marked as simulated.",
            examples: [
                "runnel simulate": "Prints its address and the credentials it accepts.",
                "runnel simulate --fault rate-limited": "Fails every request with 429.",
            ]))

    @Option(help: "The address to listen on.") var host = "127.0.0.1"
    @Option(parsing: .unconditional, help: "The port to listen on; 0 takes any free one.") var port = 8791
    @Option(help: "The time between two tokens, such as 20ms.") var pace = "15ms"
    @Option(help: "The lifetime of an access token.") var tokenLifetime = "1h"
    @Option(help: "The documented shape of answers: guide or quickstart.") var shape = "guide"
    @Option(
        help: "Faults to simulate: one for every request, or a list with one per request.",
        completion: PipelineCompletion.faults)
    var fault: String?
    @Flag(help: "List the faults and exit.") var faults = false

    func validate() throws {
        try PortOption.check(port)
        try HostOption.check(host)
    }

    func run() async throws {
        if faults {
            let width = Fault.allCases.map(\.rawValue.count).max() ?? 0
            for fault in Fault.allCases {
                Streams.output.write("\(fault.rawValue.padded(to: width))  \(fault.summary)\n")
            }
            return
        }
        let configuration = try configuration()
        do {
            _ = try await withInterrupt {
                try await MarketplaceSimulator(configuration).run { baseURL in
                    Streams.output.write(
                        """
                        Simulating the Marketplace API at \(baseURL). To use it from another terminal:
                          export RUNNEL_MARKETPLACE_BASE_URL=\(baseURL)
                          export RUNNEL_MARKETPLACE_CLIENT_ID=\(configuration.clientID)
                          export RUNNEL_MARKETPLACE_CLIENT_SECRET=\(configuration.clientSecret)
                          export RUNNEL_MARKETPLACE_AGENT_ID=\(configuration.agentID)
                        To take broken answers up again, and to tell it of cancelled ones:
                          export RUNNEL_MARKETPLACE_PATHS_RECONNECT='\(SimulatorConfiguration.reconnectPath)'
                          export RUNNEL_MARKETPLACE_PATHS_CANCEL='\(SimulatorConfiguration.cancelPath)'
                        Ctrl-C stops it.

                        """)
                }
            }
        } catch let error as SimulatorError {
            if let cause = error.cause,
                let status = PortOption.reported(cause, host: host, port: port) as? ExitStatus
            {
                throw status
            }
            throw error.reported()
        }
    }

    private func configuration() throws -> SimulatorConfiguration {
        var configuration = SimulatorConfiguration()
        configuration.host = host
        configuration.port = port
        configuration.pace = try duration(pace, option: "--pace")
        configuration.tokenLifetime = try duration(tokenLifetime, option: "--token-lifetime")
        guard let shape = SimulatorConfiguration.Shape(rawValue: shape) else {
            throw ValidationError("--shape \(shape): expected guide or quickstart")
        }
        configuration.shape = shape
        do throws(SimulatorError) {
            if let fault { configuration.faults = try FaultPlan(parsing: fault) }
        } catch {
            throw error.reported()
        }
        return configuration
    }

    private func duration(_ text: String, option: String) throws -> Duration {
        guard let duration = DurationText.parse(text) else {
            throw ValidationError("\(option) \(text): expected a duration such as 20ms or 1h")
        }
        return duration
    }
}

extension SimulatorError {
    /// Prints the error.
    ///
    /// - Returns: The exit status to throw.
    func reported() -> ExitStatus { .usage.reporting(message, hint: hint) }
}

/// Runs `body`, with an embedded simulator if requested.
func withSimulator(
    when isWanted: Bool, faults: FaultPlan = .none,
    _ body: @escaping @Sendable (SimulatedMarketplace?) async throws -> Void
) async throws {
    guard isWanted else { return try await body(nil) }
    var configuration = SimulatorConfiguration()
    configuration.faults = faults
    try await MarketplaceSimulator.withSimulator(configuration) { running in
        var marketplace = SimulatedMarketplace(
            baseURL: running.baseURL, clientID: configuration.clientID, clientSecret: configuration.clientSecret,
            agentID: configuration.agentID)
        marketplace.reconnectPath = SimulatorConfiguration.reconnectPath
        marketplace.cancelPath = SimulatorConfiguration.cancelPath
        try await body(marketplace)
    }
}

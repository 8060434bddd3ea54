internal import RunnelSupport
internal import RunnelValue

/// How the simulated Marketplace API behaves. The defaults are those of the quickstart's examples.
public struct SimulatorConfiguration: Sendable {
    /// Which of the two documented forms of tokens and chunks is spoken.
    @nonexhaustive public enum Shape: String, Sendable, CaseIterable {
        /// Bare text deltas, and a token without `success` and `scope`.
        case quickstart
        /// Comments, a role chunk with message ids, tasks, and a finish reason.
        case guide
    }

    /// What a stream sends that takes a running answer up again.
    @nonexhaustive public enum Reconnection: String, Sendable, CaseIterable {
        /// The answer from its beginning.
        case replay
        /// What comes behind the half at which faults break a stream.
        case rest
        /// There is no such place.
        case none
    }

    /// The address to listen on: a host name or an IP address.
    public var host = "127.0.0.1"
    /// The port to listen on; 0 takes any free one.
    public var port = 0
    /// The client id that a token request must bring.
    public var clientID = "mp-service-001"
    /// The client secret that a token request must bring.
    public var clientSecret = "simulated-secret"
    /// The agent that answers; any other id is unknown.
    public var agentID = "agent-ai-bot"
    /// What tokens may do. Without `openid` a chat request is forbidden.
    public var scopes = ["openid"]
    /// How long a token is good.
    public var tokenLifetime: Duration = .seconds(3600)
    /// The wait before each piece of text; zero sends as fast as the connection takes it.
    public var pace: Duration = .milliseconds(15)
    /// A comment is sent after so long without anything else.
    public var heartbeat: Duration = .seconds(30)
    /// The documented form that is spoken.
    public var shape: Shape = .guide
    /// Where an answer is taken up again, by GET. No public document names that path: it is the simulator's own.
    public static let reconnectPath = "/api/v1/chat/messages/{message_id}"
    /// Where an answer is cancelled, by POST; the simulator's own, too.
    public static let cancelPath = "/api/v1/chat/messages/{message_id}/cancel"
    /// What ``reconnectPath`` sends.
    public var reconnection: Reconnection = .replay
    /// What goes wrong, and when.
    public var faults: FaultPlan = .none
    /// Gives the answer to each chat request that is in order; nil for the simulator's own answers. Faults that a
    /// message or a header asks for are not looked at then.
    public var cannedAnswer: (@Sendable (CannedRequest) -> CannedAnswer)?
    /// How many requests `rate-limited` refuses before it lets one pass.
    public var rateLimitedRequests = 1
    /// What `Retry-After` says; rounded up to whole seconds.
    public var retryAfter: Duration = .seconds(1)
    /// How long `slow-start` is silent after the headers.
    public var slowStart: Duration = .seconds(5)
    /// Sends each event that has a character of several bytes as two HTTP chunks, cut inside that character.
    public var splitsCharacters = false
    /// Measures pauses and the age of tokens.
    public var clock: any Clock<Duration> = ContinuousClock()
    /// The time that chunks carry, in milliseconds since 1970.
    public var wallClock: @Sendable () -> Int64 = { WallClock.nanoseconds() / 1_000_000 }

    /// The defaults.
    public init() {}

    /// The defaults with some settings changed.
    ///
    /// - Throws: `SimulatorError` with the code `invalid-configuration` when a value makes no sense.
    public init(_ change: (inout SimulatorConfiguration) throws -> Void) throws {
        try change(&self)
        try validate()
    }

    /// Checks every setting. A simulator does so when it starts, since settings can be changed after `init`.
    ///
    /// - Throws: `SimulatorError` with the code `invalid-configuration` that names the first setting at fault.
    public func validate() throws(SimulatorError) {
        for (setting, value) in [("host", host), ("client id", clientID), ("agent id", agentID)] where value.isEmpty {
            throw .invalid(setting, "is empty", hint: "leave it out to take the default")
        }
        if clientSecret.isEmpty {
            throw .invalid("client secret", "is empty", hint: "leave it out to take the default")
        }
        guard (0...65535).contains(port) else {
            throw .invalid("port", "is \(port)", hint: "give a port from 1 to 65535, or 0 for any free one")
        }
        for (setting, value) in [("token lifetime", tokenLifetime), ("heartbeat", heartbeat)] where value <= .zero {
            throw .invalid(setting, "is \(value)", hint: "give a duration longer than zero")
        }
        for (setting, value) in [("pace", pace), ("retry after", retryAfter), ("slow start", slowStart)]
        where value < .zero {
            throw .invalid(setting, "is \(value)", hint: "give a duration of zero or more")
        }
        guard rateLimitedRequests >= 1 else {
            throw .invalid("number of rate-limited requests", "is \(rateLimitedRequests)", hint: "give 1 or more")
        }
    }
}

/// Why the simulator cannot do what it was asked to.
public struct SimulatorError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A stable name in kebab-case: `unknown-fault`, `invalid-configuration`, `cannot-listen` or `stopped`.
    public let code: String
    /// What is wrong, with the offending value in quotes.
    public let message: String
    /// What to do about it.
    public let hint: String
    /// The error of the system with the code `cannot-listen`; not compared.
    public var cause: (any Error)?

    /// Whether code, message and hint are the same.
    public static func == (left: SimulatorError, right: SimulatorError) -> Bool {
        (left.code, left.message, left.hint) == (right.code, right.message, right.hint)
    }

    /// What is wrong and what to do.
    public var description: String { "\(message); \(hint)" }

    static func unknownFault(_ name: String) -> SimulatorError {
        let quoted = Quote.quoted(name, limit: 60)
        let names = Fault.allCases.map(\.rawValue)
        if let nearest = Suggestion.closest(to: name, among: names) {
            return SimulatorError(
                code: "unknown-fault", message: "unknown fault \(quoted)", hint: "did you mean \"\(nearest)\"?")
        }
        return SimulatorError(
            code: "unknown-fault", message: "unknown fault \(quoted)",
            hint: "the faults are \(names.joined(separator: ", "))")
    }

    static func invalid(_ setting: String, _ problem: String, hint: String) -> SimulatorError {
        SimulatorError(
            code: "invalid-configuration", message: "the simulator's \(setting) \(problem)", hint: hint)
    }

    static func cannotListen(host: String, port: Int, _ error: any Error) -> SimulatorError {
        SimulatorError(
            code: "cannot-listen", message: "the simulator cannot listen on \(host), port \(port): \(error)",
            hint: "choose an address of this machine and a port that is free, or port 0 for any free one",
            cause: error)
    }

    static let stopped = SimulatorError(
        code: "stopped", message: "the simulator's server stopped by itself",
        hint: "start it again; its log says why it stopped")
}

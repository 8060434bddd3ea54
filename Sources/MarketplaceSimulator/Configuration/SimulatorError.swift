internal import RunnelSupport
internal import RunnelValue

/// Why the simulator cannot do what it was asked to.
public struct SimulatorError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A stable name in kebab-case: `unknown-fault`, `invalid-configuration`, `cannot-listen` or `stopped`.
    public let code: String
    /// One sentence that quotes the offending value.
    public let message: String
    /// What to do about it.
    public let hint: String

    /// The sentence and what to do.
    public var description: String { "\(message) \(hint)" }

    static func unknownFault(_ name: String) -> SimulatorError {
        let quoted = Quote.quoted(name, limit: 60)
        let names = Fault.allCases.map(\.rawValue)
        if let nearest = Suggestion.closest(to: name, among: names) {
            return SimulatorError(
                code: "unknown-fault", message: "Unknown fault \(quoted).", hint: "Did you mean \"\(nearest)\"?")
        }
        return SimulatorError(
            code: "unknown-fault", message: "Unknown fault \(quoted).",
            hint: "The faults are \(names.joined(separator: ", ")).")
    }

    static func invalid(_ setting: String, _ problem: String, hint: String) -> SimulatorError {
        SimulatorError(
            code: "invalid-configuration", message: "The simulator's \(setting) \(problem).", hint: hint)
    }

    static func cannotListen(host: String, port: Int, _ error: any Error) -> SimulatorError {
        SimulatorError(
            code: "cannot-listen", message: "The simulator cannot listen on \(host), port \(port): \(error).",
            hint: "Choose an address of this machine and a port that is free, or port 0 for any free one.")
    }

    static let stopped = SimulatorError(
        code: "stopped", message: "The simulator's server stopped by itself.",
        hint: "Start it again; its log says why it stopped.")
}

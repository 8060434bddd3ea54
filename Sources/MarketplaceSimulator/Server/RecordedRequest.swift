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

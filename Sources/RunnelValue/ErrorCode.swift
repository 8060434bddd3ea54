/// The codes of the errors of one part: an enumeration of a plugin or a module.
///
///     enum WeatherErrorCode: String, ErrorCode {
///         case noStation = "no-station"
///
///         static let part = "weather"
///         var explanation: ErrorExplanation {
///             switch self {
///             case .noStation: ErrorExplanation("there is no station in …", hints: "name a larger town")
///             }
///         }
///     }
///
///     throw StepError(WeatherErrorCode.noStation, "there is no station in \"\(town)\"")
///
/// An undeclared code does not compile, and every declared code has an explanation. A plugin lists its enumerations in
/// `errorCodes`; the reference lists their cases.
public protocol ErrorCode: RawRepresentable, CaseIterable, Hashable, Sendable where RawValue == String {
    /// The heading in the list of error codes: `http.fetch and webhook.send`. Several enumerations may share it.
    static var part: String { get }
    /// What the code means, and what to do.
    var explanation: ErrorExplanation { get }
}

/// What an error code means, for the reference.
public struct ErrorExplanation: Sendable, Hashable {
    /// The messages, with `…` for what differs from case to case.
    public let messages: [String]
    /// What to do; empty where the message says all.
    public let hints: [String]
    /// The subject of `runnel doctor` that tells more; nil where none does.
    public private(set) var subject: String?

    /// - Parameters:
    ///   - messages: With `…` for what differs from case to case.
    ///   - hints: What to do.
    public init(_ messages: String..., hints: String...) {
        self.init(messages: messages, hints: hints)
    }

    /// An explanation of these messages and hints.
    public init(messages: [String], hints: [String]) {
        self.messages = messages
        self.hints = hints
    }

    /// The explanation of an error whose cause `runnel doctor` reports under a subject: a setting or a secret that is
    /// missing on this machine. Of a pipeline with nothing but such errors it says no more than that.
    public func reported(under subject: String) -> ErrorExplanation {
        var copy = self
        copy.subject = subject
        return copy
    }
}

/// One thing that `runnel doctor` looked at.
public struct HealthFinding: Sendable, Hashable {
    /// How good it is.
    public enum Level: String, Sendable {
        /// As it should be.
        case good
        /// Works, but may fail later or behave unexpectedly.
        case warning
        /// Does not work.
        case problem
    }

    /// How good it is.
    public var level: Level
    /// What was looked at, in a word: "folders".
    public var subject: String
    /// What was found.
    public var text: String
    /// What to do.
    public var hint: String?

    /// A finding; see ``good(_:_:)``, ``warning(_:_:_:)`` and ``problem(_:_:_:)``.
    public init(level: Level, subject: String, text: String, hint: String? = nil) {
        self.level = level
        self.subject = subject
        self.text = text
        self.hint = hint
    }

    /// Something that is as it should be.
    public static func good(_ subject: String, _ text: String) -> HealthFinding {
        HealthFinding(level: .good, subject: subject, text: text)
    }

    /// Something that works, but may not for long, or not as meant.
    public static func warning(_ subject: String, _ text: String, _ hint: String? = nil) -> HealthFinding {
        HealthFinding(level: .warning, subject: subject, text: text, hint: hint)
    }

    /// Something that does not work.
    public static func problem(_ subject: String, _ text: String, _ hint: String? = nil) -> HealthFinding {
        HealthFinding(level: .problem, subject: subject, text: text, hint: hint)
    }
}

/// What a plugin or a trigger may use to look after itself for `runnel doctor`. It changes nothing and starts nothing.
public struct DiagnosisContext: Sendable {
    /// Where the project is.
    public var project: ProjectDirectory
    /// Clients that are shared. Those of the plugin itself are there too.
    public var services: Services
    /// Whether no other machine may be asked: `runnel doctor --offline`.
    public var isOffline: Bool

    /// A context for the project.
    public init(project: ProjectDirectory, services: Services = Services(), isOffline: Bool = false) {
        self.project = project
        self.services = services
        self.isOffline = isOffline
    }
}

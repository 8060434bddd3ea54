internal import Synchronization

/// The settings of a step or trigger before a run, while the values of templates are unknown.
package struct PartialSettings: Sendable {
    /// What is known of a value.
    package enum PartialKnowledge: Sendable {
        /// All of it.
        case known
        /// Its kind: a list or an object, with a template in it.
        case partly
        /// Nothing: it is a template, or part of the value of one.
        case unknown
    }

    private let filled: @Sendable (_ standIn: String) -> Value
    private let lookUp: @Sendable (_ path: [FieldError.PathElement]) -> PartialKnowledge

    /// - Parameters:
    ///   - filled: The settings with a text in the place of every template.
    ///   - knowledge: What is known of the value that a path leads to.
    package init(
        filled: @escaping @Sendable (_ standIn: String) -> Value,
        knowledge: @escaping @Sendable (_ path: [FieldError.PathElement]) -> PartialKnowledge
    ) {
        self.filled = filled
        lookUp = knowledge
    }

    func values(standIn: String) -> ValueObject { filled(standIn).asObject ?? [:] }

    func knowledge(of path: [FieldError.PathElement]) -> PartialKnowledge { lookUp(path) }
}

/// Whether a field with an unknown value was used.
final class UnknownValue: Sendable {
    private let isRead = Mutex(false)

    var wasRead: Bool { isRead.withLock { $0 } }

    func markRead() {
        isRead.withLock { $0 = true }
    }
}

/// Where the settings that are checked stand.
///
/// More may be added to it, so only Runnel and its test harness make one.
public struct ValidationContext: Sendable {
    /// The name of the pipeline.
    public let pipeline: String
    /// The project, for paths and for what a pipeline may touch.
    public let project: ProjectDirectory

    package init(pipeline: String, project: ProjectDirectory) {
        self.pipeline = pipeline
        self.project = project
    }
}

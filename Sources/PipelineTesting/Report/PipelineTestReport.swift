public import RunnelEngine
public import YAML

/// How all tests went.
public struct PipelineTestReport: Sendable {
    /// The tests of one file.
    public struct Suite: Sendable {
        public let file: String
        /// What is to be said about the file and its pipeline. With errors, none of its tests ran.
        public let diagnostics: [Diagnostic]
        /// The files that ``diagnostics`` speak of.
        public let sources: [YAMLSource]
        /// In the order of the file.
        public let results: [PipelineTestResult]
    }

    public let suites: [Suite]
    /// From the first beginning to the last end, in real time.
    public let duration: Duration

    public var passed: Int { suites.reduce(0) { $0 + $1.results.count(where: \.isPassed) } }
    public var failed: Int { suites.reduce(0) { $0 + $1.results.count { !$0.isPassed } } }
    /// How many files could not be read.
    public var broken: Int { suites.count { $0.diagnostics.hasErrors } }
    public var isSuccess: Bool { failed == 0 && broken == 0 }
}

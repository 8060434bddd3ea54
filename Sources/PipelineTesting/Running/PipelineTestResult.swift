public import YAML

/// How one test went.
public struct PipelineTestResult: Sendable {
    /// The test file.
    public let file: String
    public let name: String
    /// Where the test's name stands in the file.
    public let range: YAMLRange
    /// In real time.
    public let duration: Duration
    /// Empty for a test that passed.
    public let mismatches: [TestMismatch]

    public var isPassed: Bool { mismatches.isEmpty }
}

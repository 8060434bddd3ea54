import RunnelKit
import YAML

/// One entry of `tests:`.
struct PipelineTestCase: Sendable {
    var name: String
    var node: YAMLNode
    var setting: TestSetting
    var start: TestStart
    var chat: CannedChats
    var http: [CannedHTTP]
    var steps: [String: StandInStep]
    var expect: Expectations
}

/// The world in which a test runs. What stands at the top of a file holds for all its tests.
struct TestSetting: Sendable {
    /// Nanoseconds since 1970.
    var now: Int64 = 1_767_225_600_000_000_000
    /// By their path in the project.
    var files: [String: [UInt8]] = [:]
    var secrets: [String: String] = [:]
    var env: [String: String] = [:]
}

/// What starts the run.
struct TestStart: Sendable {
    /// Of all the pipeline's inputs.
    var inputs: ValueObject = [:]
    /// `trigger` in templates, as far as the test says it.
    var trigger: ValueObject = ["type": "manual"]
    /// The first step's input; nil: what the trigger would bring.
    var input: Value?
    /// A file of the project that is given as with `--input-file`.
    var inputFile: String?
    var inputFileNode: YAMLNode?
    /// The names of what the trigger brings.
    var payload: [String] = []
}

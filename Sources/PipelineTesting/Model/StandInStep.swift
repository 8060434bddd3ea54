import RunnelKit
import YAML

/// An entry of `steps:`: what comes of a step that is not carried out in a test.
struct StandInStep: Sendable {
    enum Outcome: Sendable {
        case output(Value)
        case error(StepError)
    }

    /// In the order of the calls; a single one is for all of them.
    var outcomes: [Outcome]
    /// Whether the one outcome is for all calls.
    var isForAll: Bool
    var node: YAMLNode
}

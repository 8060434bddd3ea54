public import RunnelKit

/// Turns data into other data.
public struct TransformPlugin: Plugin {
    public let name = "transform"
    public let steps = [StepDefinition(Transform.self)]

    public init() {}
}

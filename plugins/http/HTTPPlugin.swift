public import RunnelKit

/// Reading from the web.
public struct HTTPPlugin: Plugin {
    public init() {}

    public let name = "http"

    public var steps: [StepDefinition] { [StepDefinition(HTTPFetch.self)] }
}

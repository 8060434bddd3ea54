public import RunnelKit

/// Writes texts from templates.
public struct TemplatePlugin: Plugin {
    public let name = "template"
    public let steps = [StepDefinition(TemplateText.self)]

    public init() {}
}

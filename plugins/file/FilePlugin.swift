public import RunnelKit

/// Reads and writes files of the project.
public struct FilePlugin: Plugin {
    public let name = "file"
    public let steps = [StepDefinition(FileRead.self), StepDefinition(FileWrite.self)]

    public init() {}
}

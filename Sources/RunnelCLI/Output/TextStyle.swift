import RunnelSupport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension TextStyle {
    /// For what goes to standard error.
    static var standardError: TextStyle {
        TextStyle(isTerminal: Streams.error.isTerminal, environment: ProcessInfo.processInfo.environment)
    }

    /// For what goes to standard output.
    static var standardOutput: TextStyle {
        TextStyle(isTerminal: Streams.output.isTerminal, environment: ProcessInfo.processInfo.environment)
    }
}

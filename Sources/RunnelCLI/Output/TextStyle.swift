import RunnelSupport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension TextStyle {
    /// The style for standard error.
    static var standardError: TextStyle {
        TextStyle(isTerminal: Streams.error.isTerminal, environment: ProcessInfo.processInfo.environment)
    }

    /// The style for standard output.
    static var standardOutput: TextStyle {
        TextStyle(isTerminal: Streams.output.isTerminal, environment: ProcessInfo.processInfo.environment)
    }
}

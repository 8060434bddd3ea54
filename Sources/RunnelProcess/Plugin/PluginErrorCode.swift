public import RunnelKit

/// The codes of errors of plugins that are processes or MCP servers.
public enum PluginErrorCode: String, ErrorCode {
    case mcpError = "mcp-error"
    case mcpInputRequired = "mcp-input-required"
    case mcpRefused = "mcp-refused"
    case mcpSession = "mcp-session"
    case mcpToolFailed = "mcp-tool-failed"
    case pluginBadOutput = "plugin-bad-output"
    case pluginCache = "plugin-cache"
    case pluginCommandNotFound = "plugin-command-not-found"
    case pluginCrashed = "plugin-crashed"
    case pluginEnded = "plugin-ended"
    case pluginEnvironment = "plugin-environment"
    case pluginError = "plugin-error"
    case pluginExitStatus = "plugin-exit-status"
    case pluginFrozen = "plugin-frozen"
    case pluginNoResult = "plugin-no-result"
    case pluginNotAsked = "plugin-not-asked"
    case pluginNotReading = "plugin-not-reading"
    case pluginOutputTooLong = "plugin-output-too-long"
    case pluginStartFailed = "plugin-start-failed"
    case pluginTimeout = "plugin-timeout"
    case pluginTwoResults = "plugin-two-results"
    case programNotFound = "program-not-found"
    case programStartFailed = "program-start-failed"
    case shuttingDown = "shutting-down"

    /// The heading in the reference.
    public static let part = "Plugins in other languages"

    /// What it means, and what to do.
    public var explanation: ErrorExplanation {
        switch self {
        case .mcpError: ErrorExplanation("the plugin \"…\" answered with the error … while …: …")
        case .mcpInputRequired:
            ErrorExplanation(
                "the tool \"…\" of the plugin \"…\" wants an answer (\"…\")",
                hints: "a pipeline runs without anyone to ask; give all that it needs in with:")
        case .mcpRefused: ErrorExplanation("the plugin \"…\" … while …")
        case .mcpSession: ErrorExplanation("the plugin \"…\" ended the session while …")
        case .mcpToolFailed: ErrorExplanation("the tool \"…\" of the plugin \"…\" failed: …")
        case .pluginBadOutput:
            ErrorExplanation(
                "line … of what … wrote …", "… ended in the middle of line … of its output: …",
                hints: "write complete lines, and flush standard output before the program ends")
        case .pluginCache:
            ErrorExplanation("what the plugin offers cannot be written to …: …", hints: "make the folder writable")
        case .pluginCommandNotFound: ErrorExplanation("the plugin \"…\" cannot start: …")
        case .pluginCrashed: ErrorExplanation("the plugin \"…\" … while …")
        case .pluginEnded:
            ErrorExplanation(
                "… ended although its trigger is served…",
                hints: "the program of a trigger runs until its standard input is closed")
        case .pluginEnvironment:
            ErrorExplanation("the plugin \"…\" cannot be reached: …", "the plugin \"…\" cannot start: …")
        case .pluginError: ErrorExplanation("the plugin reported an error without a code of its own")
        case .pluginExitStatus: ErrorExplanation("the plugin ended with another exit status than 0")
        case .pluginFrozen:
            ErrorExplanation(
                "… wrote nothing for … (heartbeat)",
                hints: "write {\"type\":\"heartbeat\"} from time to time, or raise heartbeat in plugin.yaml")
        case .pluginNoResult:
            ErrorExplanation(
                "… ended without a result…",
                hints: "write a line such as {\"type\":\"result\",\"output\":null} before the program ends")
        case .pluginNotAsked:
            ErrorExplanation(
                """
                the plugin "…" was not asked for its tools yet; `runnel plugins refresh …` starts it and \
                asks
                """)
        case .pluginNotReading:
            ErrorExplanation(
                "… has not read its acknowledgements for …", hints: "read standard input while events are written")
        case .pluginOutputTooLong:
            ErrorExplanation(
                "line … of what … wrote is longer than … (max_line)", "… wrote more than … in one call (max_output)",
                hints: "write less, or raise max_line in plugin.yaml", "write less, or raise max_output in plugin.yaml")
        case .pluginStartFailed:
            ErrorExplanation(
                "the plugin \"…\" … before it was ready…", "the plugin \"…\" cannot be used: it …",
                "the plugin \"…\" cannot be reached: it has no url", "the plugin \"…\" has no command",
                "the plugin \"…\" …: …",
                hints: """
                    try to run it by hand; an MCP server waits for its input and writes nothing else than \
                    messages
                    """)
        case .pluginTimeout:
            ErrorExplanation(
                "the plugin \"…\" did not list its tools within … (start_timeout)",
                "the plugin \"…\" was not ready within … (start_timeout)",
                "the plugin \"…\" did not end within … (timeout)",
                hints: "raise start_timeout in plugin.yaml if it needs longer",
                "raise timeout in plugin.yaml if it needs longer")
        case .pluginTwoResults:
            ErrorExplanation(
                "… wrote a second result in line … of its output", hints: "write one line of type \"result\" per call")
        case .programNotFound: ErrorExplanation("there is no program …", hints: "install it, or write its path")
        case .programStartFailed: ErrorExplanation("cannot start …: …")
        case .shuttingDown:
            ErrorExplanation(
                "the plugin \"…\" cannot start: Runnel is shutting down",
                "no plugin can be started any more: Runnel is shutting down")
        }
    }
}

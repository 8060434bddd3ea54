import RunnelKit

/// The codes of errors of `shell`.
enum ShellErrorCode: String, ErrorCode {
    case exit = "shell-exit"
    case killed = "shell-killed"
    case output = "shell-output"
    case outputTooLarge = "shell-output-too-large"
    case timeout = "shell-timeout"

    static let part = "shell"

    /// What it means, and what to do.
    var explanation: ErrorExplanation {
        switch self {
        case .exit:
            ErrorExplanation(
                "the script ended with the exit code …; last lines of standard error: …",
                hints: "`allow_exit` lists the exit codes that are a success")
        case .killed: ErrorExplanation("the script was killed by signal …", "the script ended in an unknown way")
        case .output:
            ErrorExplanation(
                "standard output is not JSON: …",
                hints: "write progress and messages to standard error, or leave `parse` out")
        case .outputTooLarge:
            ErrorExplanation(
                "the script wrote more than … to standard output",
                hints: "raise `max_output`, or write to a file of the project")
        case .timeout:
            ErrorExplanation("the script did not end within …", hints: "raise `timeout` if it needs longer")
        }
    }
}

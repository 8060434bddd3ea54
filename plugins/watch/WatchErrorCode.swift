import RunnelKit

/// The codes of errors of watching a folder.
enum WatchErrorCode: String, ErrorCode {
    case watchFailed = "watch-failed"

    static let part = "watch"

    /// What it means, and what to do.
    var explanation: ErrorExplanation {
        switch self {
        case .watchFailed:
            ErrorExplanation(
                "cannot move \"…\": …", "cannot watch \"…\" with inotify: …",
                hints: "use `mode: poll`, or raise fs.inotify.max_user_instances")
        }
    }
}

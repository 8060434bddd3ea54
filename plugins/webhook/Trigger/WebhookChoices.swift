internal import RunnelKit

/// How a hook may be called.
enum HookMethod: String, FieldChoice {
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case get = "GET"
    case delete = "DELETE"
}

/// What a caller is answered.
enum RespondMode: String, FieldChoice {
    /// At once, when the run is on disk.
    case accepted
    /// With the run's output.
    case result
    /// With the run's text while it comes.
    case stream
}

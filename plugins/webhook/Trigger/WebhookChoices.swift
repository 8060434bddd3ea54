internal import RunnelKit

/// How a hook may be called.
enum HookMethod: String, FieldChoice {
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case get = "GET"
    case delete = "DELETE"
}

/// What becomes of a delivery that was there before, and whose run failed or was cancelled.
enum RedeliverMode: String, FieldChoice {
    /// A new run.
    case retry
    /// The answer of the first run.
    case same
}

/// How the names of a form's fields are read.
enum FormStyle: String, FieldChoice {
    /// `data[email]` is `email` in `data`, and `tags[]` a list.
    case nested
    /// As they are.
    case flat
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

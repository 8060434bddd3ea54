internal import RunnelKit

/// What stands beside a file whose run did not end well: `<name>.error.txt`.
struct FailureNote {
    let file: FilePath
    let run: String
    let end: RunEnd
    /// Nanoseconds since 1970.
    let time: Int64

    var text: String {
        let (code, message) =
            switch end {
            case .failed(let code, let message): (code, message)
            case .cancelled: ("cancelled", "the run was cancelled")
            // Nothing to explain; nobody writes a note then.
            case .succeeded: ("", "")
            }
        return """
            \(message)

            file: \(file.text)
            run: \(run)
            error: \(code)
            time: \(Timestamp.text(nanoseconds: time))

            """
    }
}

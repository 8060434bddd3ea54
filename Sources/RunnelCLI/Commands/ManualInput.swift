import LibC
import RunnelKit

/// What `--input-file`, `--text` or standard input brings to a run.
enum ManualInput {
    /// The first step's input (text if the file is UTF-8 or begins with a byte order mark, otherwise binary data) and the
    /// matching `trigger`.
    ///
    /// - Parameter takesPipe: Whether standard input is read where it is a pipe and nothing else was given.
    static func read(
        _ path: String?, text: String?, takesPipe: Bool
    ) throws(FileReading.Failure) -> (input: Value, trigger: Value) {
        if let text { return (.string(text), ["type": "manual"]) }
        guard let path = path ?? (takesPipe && FileReading.isPipe(STDIN_FILENO) ? "-" : nil) else {
            return (.null, ["type": "manual"])
        }
        let bytes =
            path == "-"
            ? try FileReading.standardInput() : try FileReading.bytes(of: path, advice: "read it in a step instead")
        let input = (try? TextEncoding.utf8.text(of: bytes)).map { Value.string($0) } ?? .bytes(bytes)
        guard path != "-" else { return (input, ["type": "manual"]) }
        return (input, trigger(path: FileReading.absolute(path), size: bytes.count))
    }

    /// The same fields as those of a watched file, so that a pipeline can be tested by hand.
    private static func trigger(path: String, size: Int) -> Value {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let hasExtension = parts.count > 1 && parts.first?.isEmpty == false
        return [
            "type": "manual", "path": .string(path), "name": .string(name),
            "stem": .string(hasExtension ? parts.dropLast().joined(separator: ".") : name),
            "extension": .string(hasExtension ? String(parts.last ?? "") : ""), "size": .int(Int64(size)),
        ]
    }
}

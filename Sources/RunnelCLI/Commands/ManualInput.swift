import RunnelKit

/// What `--input-file` brings to a run.
enum ManualInput {
    /// The first step's input: text where the file is UTF-8, else binary data; and the trigger that goes with it.
    static func read(_ path: String?) throws(FileReading.Failure) -> (input: Value, trigger: Value) {
        guard let path else { return (.null, ["type": "manual"]) }
        let bytes = path == "-" ? try FileReading.standardInput() : try FileReading.bytes(of: path)
        guard bytes.count <= FileReading.maximumInput else {
            throw FileReading.Failure(
                message: "\"\(path)\" is larger than \(FileReading.maximumInput >> 20) MiB; let a step read it instead")
        }
        let input = String(validating: bytes, as: UTF8.self).map { Value.string($0) } ?? .bytes(bytes)
        guard path != "-" else { return (input, ["type": "manual"]) }
        return (input, trigger(path: FileReading.absolute(path), size: bytes.count))
    }

    /// The same fields as a watched file's, so that a pipeline can be tried by hand.
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

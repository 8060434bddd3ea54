import RunnelKit

/// Adds to a test's trigger what a real one would bring and the test need not say.
struct TriggerCompletion {
    /// Nanoseconds since 1970.
    let now: Int64
    /// Reads a file of the project.
    let contents: (String) -> [UInt8]?

    /// What starts the run: `trigger` in templates, and the first step's input.
    ///
    /// Keys are filled in by their names, for any trigger that has them: what a path says (`name`, `stem`, `extension`,
    /// `size`), what a body says (`raw`), an empty `query` and `headers`, and the time.
    func complete(_ start: TestStart) -> (trigger: ValueObject, input: Value) {
        var trigger = start.trigger
        var values = ValueObject()
        if let path = trigger["path"]?.asString, start.payload.contains("stem") {
            values = Self.parts(of: path)
            values["size"] = contents(path).map { .int(Int64($0.count)) }
            values["modified"] = .string(Timestamp.text(nanoseconds: now))
        }
        if let body = trigger["body"] { values["raw"] = .string(body.text) }
        values["method"] = "POST"
        values["query"] = [:]
        values["headers"] = [:]
        values["scheduled_for"] = .string(Timestamp.text(nanoseconds: now))
        values["fired_at"] = values["scheduled_for"]
        for (key, value) in values where trigger[key] == nil && start.payload.contains(key) { trigger[key] = value }
        return (
            trigger, start.input ?? trigger["body"] ?? (start.payload.contains("stem") ? trigger["path"] : nil) ?? .null
        )
    }

    /// A file as `--input-file` gives it; nil when it is not there.
    func inputFile(_ path: String) -> (trigger: ValueObject, input: Value)? {
        guard let bytes = contents(path) else { return nil }
        var trigger: ValueObject = ["type": "manual", "path": .string(path)]
        for (key, value) in Self.parts(of: path) { trigger[key] = value }
        trigger["size"] = .int(Int64(bytes.count))
        return (trigger, String(validating: bytes, as: UTF8.self).map { .string($0) } ?? .bytes(bytes))
    }

    private static func parts(of path: String) -> ValueObject {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let hasExtension = parts.count > 1 && parts.first?.isEmpty == false
        return [
            "name": .string(name),
            "stem": .string(hasExtension ? parts.dropLast().joined(separator: ".") : name),
            "extension": .string(hasExtension ? String(parts.last ?? "").lowercased() : ""),
        ]
    }
}

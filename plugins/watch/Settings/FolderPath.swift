internal import RunnelKit

/// A folder of the project, as a pipeline names it.
struct FolderPath: FieldValue, Hashable {
    let path: FilePath

    static var schema: Value { ["type": "string", "minLength": 1, "format": "project-path"] }

    init(_ text: String) throws(FieldError) {
        guard !text.isEmpty else { throw FieldError("the path is empty") }
        guard !text.utf8.contains(0) else {
            throw FieldError("the path \(Value.string(text).quoted()) holds a NUL character")
        }
        guard !text.hasPrefix("/") else {
            throw FieldError(
                "\"\(text)\" is an absolute path",
                hint: "name a folder of the project, relative to the project's folder")
        }
        var parts: [String] = []
        for part in FilePath(text).parts where part != "." {
            if part != ".." {
                parts.append(part)
            } else if parts.popLast() == nil {
                throw FieldError(
                    "\"\(text)\" leads out of the project", hint: "only folders of the project can be watched")
            }
        }
        path = FilePath(parts.joined(separator: "/"))
    }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString else { throw .expected("a folder such as \"inbox\"", found: value) }
        try self.init(text)
    }

    /// For defaults; `name` is a single name.
    init(name: StaticString) {
        path = FilePath("\(name)")
    }

    var fieldDefault: Value? { .string(path.shown) }
}

extension FilePath {
    /// For a person: the project's own folder is `.`.
    var shown: String { isProject ? "." : text }
}

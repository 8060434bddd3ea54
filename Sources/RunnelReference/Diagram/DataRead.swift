import RunnelEngine
import Templates

/// A value that a template reads, as far as its path is written out: `steps.page.title`.
struct DataRead: Hashable, Sendable {
    /// The first name: `steps`, `inputs`, `input`.
    let root: String
    let path: [Reference.Element]

    /// The step's input, read without a word of it.
    static let wholeInput = DataRead(root: "input", path: [])

    private init(root: String, path: [Reference.Element]) {
        self.root = root
        self.path = path
    }

    init(_ reference: Reference) {
        root = reference.root
        path = reference.path
    }

    /// The name behind the first dot: the step's id, the input's name.
    var member: String? {
        if case .key(let name)? = path.first { name } else { nil }
    }

    /// As a template would write it.
    var text: String { Self.text(path, behind: root) }

    /// What is read of the member: `title` of `steps.page.title`; empty when it is all of it.
    var part: String {
        let text = Self.text(Array(path.dropFirst()), behind: "")
        return text.hasPrefix(".") ? String(text.dropFirst()) : text
    }

    private static func text(_ path: [Reference.Element], behind root: String) -> String {
        path.reduce(into: root) { text, element in
            switch element {
            case .key(let key) where key.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }):
                text += ".\(key)"
            case .key(let key): text += "[\"\(key)\"]"
            case .index(let index): text += "[\(index)]"
            }
        }
    }
}

extension [Reference] {
    /// Each value once, in the order of the text.
    var reads: [DataRead] {
        var seen: Set<DataRead> = []
        return map(DataRead.init).filter { seen.insert($0).inserted }
    }
}

extension TemplateTree {
    var references: [Reference] { templates.flatMap(\.template.references) }
}

extension PipelineStep {
    /// Everything the step itself reads, wherever it says so.
    var references: [Reference] {
        (forEach?.references ?? []) + (condition?.expression.references ?? []) + with.references
    }
}

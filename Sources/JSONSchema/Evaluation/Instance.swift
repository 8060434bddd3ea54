public import RunnelKit

/// The value being validated, as far as it is known.
struct Instance {
    let value: Value
    /// False for a string with unknown content.
    let isContentKnown: Bool

    /// The object, when the value is one.
    var object: ValueObject? { value.asObject }
    /// The list, when the value is one.
    var list: [Value]? { value.asList }

    /// The text of a string. Binary data counts as the base64 string that JSON shows for it.
    var text: String? {
        switch value {
        case .string(let text): text
        case .bytes(let bytes): Base64.encode(bytes)
        default: nil
        }
    }
}

/// One step from a value to a value inside it.
public enum PathElement: Hashable, Sendable {
    /// The member of an object.
    case key(String)
    /// The element of a list, from 0.
    case index(Int)
}

/// A place in a value, from its root.
public struct InstancePath: Hashable, Sendable {
    /// The steps, outermost first; empty for the root.
    public let elements: [PathElement]

    /// Creates a path from its elements.
    public init(_ elements: [PathElement] = []) {
        self.elements = elements
    }

    /// Whether this is the path of the whole value.
    public var isRoot: Bool { elements.isEmpty }

    /// The path extended by one element.
    public func appending(_ element: PathElement) -> InstancePath {
        InstancePath(elements + [element])
    }

    /// The path in the form of `FieldError`.
    public var fieldPath: [FieldError.PathElement] {
        elements.map { element in
            switch element {
            case .key(let key): .key(key)
            case .index(let index): .index(index)
            }
        }
    }

    /// The JSON pointer (RFC 6901): "/messages/0/content"; "" for the root.
    public var pointer: String {
        JSONPointer(
            tokens: elements.map { element in
                switch element {
                case .key(let key): key
                case .index(let index): String(index)
                }
            }
        ).text
    }
}

extension InstancePath: CustomStringConvertible {
    /// The path as people write it: "messages[0].content"; "" for the root.
    ///
    /// A key that is not a plain name is written in brackets and quotes: `headers["content-type"]`.
    public var description: String {
        var text = ""
        for element in elements {
            switch element {
            case .index(let index): text += "[\(index)]"
            case .key(let key) where Self.isPlain(key): text += text.isEmpty ? key : ".\(key)"
            case .key(let key): text += "[\(Wording.quoted(key))]"
            }
        }
        return text
    }

    private static func isPlain(_ key: String) -> Bool {
        guard let first = key.unicodeScalars.first, first == "_" || first.properties.isAlphabetic else { return false }
        return key.unicodeScalars.allSatisfy { $0 == "_" || $0.properties.isAlphabetic || ("0"..."9").contains($0) }
    }
}

/// How much is known about the value at a path before a pipeline runs.
public enum PartialKnowledge: Sendable {
    /// The value is known. Values inside it are queried one by one.
    case known
    /// A string with unknown content: its type is checked, its content is not.
    case someString
    /// Nothing is known about it and its content: every check passes.
    case unknown
}

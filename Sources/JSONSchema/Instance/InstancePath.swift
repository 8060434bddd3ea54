public import RunnelKit

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

    /// The path that takes `elements` one after the other.
    public init(_ elements: [PathElement] = []) {
        self.elements = elements
    }

    /// True for the whole value.
    public var isRoot: Bool { elements.isEmpty }

    /// The path one step further in.
    public func appending(_ element: PathElement) -> InstancePath {
        InstancePath(elements + [element])
    }

    /// The path as a `FieldError` has it.
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
        JSONPointer.text(
            elements.map { element in
                switch element {
                case .key(let key): key
                case .index(let index): String(index)
                }
            })
    }
}

extension InstancePath: CustomStringConvertible {
    /// The path as people write it: "messages[0].content"; "" for the root.
    ///
    /// A key that is no plain name stands in brackets and quotes: `headers["content-type"]`.
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

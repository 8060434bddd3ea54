/// A place in a JSON document (RFC 6901): `/data/id`, `/items/0`; the empty pointer is the whole document.
public struct JSONPointer: Hashable, Sendable {
    /// The keys and indices on the way, unescaped.
    public let tokens: [String]

    /// Makes a pointer of unescaped keys and indices.
    public init(tokens: [String]) {
        self.tokens = tokens
    }

    /// Reads a pointer; nil when `text` is none.
    public init?(_ text: some StringProtocol) {
        var tokens: [String] = []
        if !text.isEmpty {
            guard text.unicodeScalars.first == "/" else { return nil }
            for part in text.unicodeScalars.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
                guard let token = Self.unescaped(part) else { return nil }
                tokens.append(token)
            }
        }
        self.tokens = tokens
    }

    /// The pointer as it is written, with `~` and `/` in tokens escaped.
    public var text: String {
        tokens.map { "/" + Self.escaped($0) }.joined()
    }

    /// The value at this place; nil where the document has no such place.
    public func value(in document: Value) -> Value? {
        tokens.reduce(document as Value?) { found, token in
            switch found {
            case .object(let object): object[token]
            case .list(let items): Self.index(token).flatMap { items.indices.contains($0) ? items[$0] : nil }
            default: nil
            }
        }
    }

    private static func index(_ token: String) -> Int? {
        guard token.utf8.allSatisfy({ (0x30...0x39).contains($0) }), token == "0" || !token.hasPrefix("0") else {
            return nil
        }
        return Int(token)
    }

    // By scalars: a combining mark behind "~" or "/" would make another character of it.
    private static func escaped(_ token: String) -> String {
        var text = String.UnicodeScalarView()
        for scalar in token.unicodeScalars {
            switch scalar {
            case "~": text.append(contentsOf: "~0".unicodeScalars)
            case "/": text.append(contentsOf: "~1".unicodeScalars)
            default: text.append(scalar)
            }
        }
        return String(text)
    }

    private static func unescaped(_ part: some Sequence<Unicode.Scalar>) -> String? {
        var text = String.UnicodeScalarView()
        var scalars = part.makeIterator()
        while let scalar = scalars.next() {
            guard scalar == "~" else {
                text.append(scalar)
                continue
            }
            switch scalars.next() {
            case "0": text.append("~")
            case "1": text.append("/")
            default: return nil
            }
        }
        return String(text)
    }
}

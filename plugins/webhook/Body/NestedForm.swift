internal import RunnelHTTP
internal import RunnelKit

extension ValueObject {
    /// An object of a form's fields, in which the values of a repeated name become a list.
    ///
    /// With ``FormStyle/nested`` brackets in names make objects and lists, as in PHP, Rails and `qs`: `data[email]`,
    /// `tags[]`, `items[0][name]`. A name whose brackets are not balanced, that nests too deeply, or that contradicts
    /// another one stays as it is.
    static func gathering(_ pairs: [(String, Value)], _ style: FormStyle) -> ValueObject {
        let paths: [[NestedForm.Part]] = pairs.map { name, _ in
            style == .nested ? NestedForm.path(of: name) : [.key(name)]
        }
        // `d[x]` contradicts `d`, whichever comes first.
        let plain = Set(paths.filter { $0.count == 1 })
        var fields = NestedForm()
        for ((name, value), path) in zip(pairs, paths) {
            let contradicts = path.count > 1 && plain.contains([path[0]])
            if contradicts || !fields.insert(value, at: path[...]) { _ = fields.insert(value, at: [.key(name)]) }
        }
        return fields.object
    }
}

/// The fields of a form while they are gathered.
private struct NestedForm {
    enum Part: Hashable {
        case key(String)
        /// `[]`: the next item of a list.
        case next
    }

    private indirect enum Node {
        case values([Value])
        case list([Value])
        case fields(NestedForm)
    }

    private static let deepest = 8

    private var names: [String] = []
    private var nodes: [String: Node] = [:]

    /// The parts of a name: `a[b][]` is `a`, `b` and the next item.
    static func path(of name: String) -> [Part] {
        guard let open = name.firstIndex(of: "["), open > name.startIndex, name.hasSuffix("]") else {
            return [.key(name)]
        }
        let inner = name[name.index(after: open)...].dropLast().replacing("][", with: "[").split(
            separator: "[", omittingEmptySubsequences: false)
        let isNested =
            !inner.contains { $0.contains("]") } && inner.count < deepest
            && name[open...].count { $0 == "[" } == inner.count && !inner.dropLast().contains("")
        guard isNested else { return [.key(name)] }
        return [.key(String(name[..<open]))] + inner.map { $0.isEmpty ? .next : .key(String($0)) }
    }

    /// - Returns: Whether there was a place for it.
    mutating func insert(_ value: Value, at path: ArraySlice<Part>) -> Bool {
        guard case .key(let name)? = path.first else { return false }
        let node = nodes[name]
        let new: Node
        switch (node, path.dropFirst().first) {
        case (nil, nil): new = .values([value])
        case (.values(let values)?, nil): new = .values(values + [value])
        case (nil, .next?): new = .list([value])
        case (.list(let items)?, .next?): new = .list(items + [value])
        case (nil, .key?):
            var fields = NestedForm()
            guard fields.insert(value, at: path.dropFirst()) else { return false }
            new = .fields(fields)
        case (.fields(var fields)?, .key?):
            guard fields.insert(value, at: path.dropFirst()) else { return false }
            new = .fields(fields)
        default: return false
        }
        if node == nil { names.append(name) }
        nodes[name] = new
        return true
    }

    var object: ValueObject {
        ValueObject(names.compactMap { name in nodes[name].map { (name, Self.value($0)) } })
    }

    private static func value(_ node: Node) -> Value {
        switch node {
        case .values(let values): values.count == 1 ? values[0] : .list(values)
        case .list(let items): .list(items)
        case .fields(let fields): fields.listOrObject
        }
    }

    /// A list where the names count from 0: `items[0]`, `items[1]`.
    private var listOrObject: Value {
        let items = names.indices.map { nodes["\($0)"] }
        guard !items.isEmpty, items.allSatisfy({ $0 != nil }) else { return .object(object) }
        return .list(items.compactMap { $0.map(Self.value) })
    }
}

/// Reads `application/x-www-form-urlencoded` (WHATWG URL, section 5.1), which is also how queries are written.
enum FormReader {
    static let maxFields = 1000

    /// Names and values; the values of a name that stands there repeatedly are a list.
    static func read(_ bytes: [UInt8]) throws(BodyProblem) -> ValueObject {
        .gathering(try pairs(bytes).map { ($0.name, .string($0.value)) }, .flat)
    }

    /// Names and values as they stand there.
    static func pairs(
        _ bytes: [UInt8], charset: String? = nil
    ) throws(BodyProblem) -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        for pair in bytes.split(separator: UInt8(ascii: "&"), maxSplits: maxFields) {
            guard pairs.count < maxFields else { throw .malformed("the form has more than \(maxFields) fields") }
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            let name = try text(pair[..<equals], charset)
            pairs.append((name, try text(pair[equals...].dropFirst(), charset)))
        }
        return pairs
    }

    private static func text(_ encoded: ArraySlice<UInt8>, _ charset: String?) throws(BodyProblem) -> String {
        do {
            return try TextDecoding.decode(decoded(encoded, plusIsSpace: true), charset: charset)
        } catch {
            throw .unsupported(
                code: .unsupportedCharset,
                message: "the charset \(Value.string(error.name).quoted()) is not known here")
        }
    }

    /// Decodes percent-encoding (RFC 3986, section 2.1). A `%` without two hexadecimal digits stays unchanged.
    static func decoded(_ encoded: ArraySlice<UInt8>, plusIsSpace: Bool) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(encoded.count)
        var rest = encoded
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+") where plusIsSpace: output.append(0x20)
            case UInt8(ascii: "%"):
                if let code = CodeEncoding.hex.decode(String(decoding: rest.prefix(2), as: UTF8.self)), code.count == 1
                {
                    output += code
                    rest = rest.dropFirst(2)
                } else {
                    output.append(byte)
                }
            default: output.append(byte)
            }
        }
        return output
    }
}

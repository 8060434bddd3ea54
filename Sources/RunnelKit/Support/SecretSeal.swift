/// Takes secrets out of values before they are stored, and puts them back where they were.
///
/// In the place of a secret stands a reference to its name, so that what is stored holds no secret and what is read
/// back is the same byte for byte. All forms are covered that ``Redactor`` masks. A secret that has no value any more
/// is shown as ``Redactor/mask``; one that has a new value comes back with that.
public struct SecretSeal: Sendable {
    /// U+FDD0 begins a reference and U+FDD1 ends it: `⟨U+FDD0⟩name.form⟨U+FDD1⟩`. Both are noncharacters, which no text
    /// is meant to hold; one that a text holds nevertheless is written as a reference without a name.
    private static let opening: [UInt8] = [0xEF, 0xB7, 0x90]
    private static let closing: [UInt8] = [0xEF, 0xB7, 0x91]

    private struct Pattern: Sendable {
        let bytes: [UInt8]
        let reference: [UInt8]
    }

    /// By first byte, the longest first.
    private var patterns: [[Pattern]] = Array(repeating: [], count: 256)
    private var forms: [String: [[UInt8]]] = [:]

    /// - Parameter secrets: By name. Those shorter than ``Redactor/minimumLength`` are not sealed.
    public init(secrets: [String: String]) {
        for (name, secret) in secrets.sorted(by: { $0.key < $1.key })
        where secret.utf8.count >= Redactor.minimumLength {
            let all = Redactor.forms(of: secret)
            forms[name] = all
            for (index, form) in all.enumerated() where form.count >= Redactor.minimumLength {
                let reference = Self.opening + Array("\(name).\(index)".utf8) + Self.closing
                patterns[Int(form[0])].append(Pattern(bytes: form, reference: reference))
            }
        }
        patterns = patterns.map { $0.sorted { $0.bytes.count > $1.bytes.count } }
    }

    /// The value without secrets.
    public func close(_ value: Value) -> Value {
        map(value, close)
    }

    /// The value as it was before it was closed.
    public func open(_ value: Value) -> Value {
        map(value, open)
    }

    /// A closed value as a person may see it.
    public static func masked(_ value: Value) -> Value {
        SecretSeal(secrets: [:]).open(value)
    }

    public func close(_ text: String) -> String {
        close(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) } ?? text
    }

    public func open(_ text: String) -> String {
        open(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) } ?? text
    }

    private func map(_ value: Value, _ body: ([UInt8]) -> [UInt8]?) -> Value {
        switch value {
        case .string(let text): body(Array(text.utf8)).map { .string(String(decoding: $0, as: UTF8.self)) } ?? value
        case .bytes(let bytes): body(bytes).map { .bytes($0) } ?? value
        case .list(let items): .list(items.map { map($0, body) })
        case .object(let object):
            .object(
                ValueObject(
                    object.map { key, value in
                        (body(Array(key.utf8)).map { String(decoding: $0, as: UTF8.self) } ?? key, map(value, body))
                    }))
        case .null, .bool, .int, .double: value
        }
    }

    /// nil where there is nothing to take out.
    private func close(_ bytes: [UInt8]) -> [UInt8]? {
        var output: [UInt8] = []
        var copied = 0
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            var found: (length: Int, reference: [UInt8])?
            for pattern in patterns[Int(byte)] where bytes[index...].starts(with: pattern.bytes) {
                found = (pattern.bytes.count, pattern.reference)
                break
            }
            if found == nil, byte == Self.opening[0], bytes[index...].starts(with: Self.opening) {
                found = (Self.opening.count, Self.opening + Self.closing)
            }
            guard let found else {
                index += 1
                continue
            }
            output += bytes[copied..<index]
            output += found.reference
            index += found.length
            copied = index
        }
        return copied == 0 ? nil : output + bytes[copied...]
    }

    /// nil where there is nothing to put back.
    private func open(_ bytes: [UInt8]) -> [UInt8]? {
        var output: [UInt8] = []
        var copied = 0
        var index = 0
        while index < bytes.count {
            guard bytes[index] == Self.opening[0], bytes[index...].starts(with: Self.opening),
                let end = bytes[index...].firstRange(of: Self.closing)
            else {
                index += 1
                continue
            }
            output += bytes[copied..<index]
            output += secret(for: bytes[(index + Self.opening.count)..<end.lowerBound])
            index = end.upperBound
            copied = index
        }
        return copied == 0 ? nil : output + bytes[copied...]
    }

    private func secret(for reference: ArraySlice<UInt8>) -> [UInt8] {
        guard let dot = reference.lastIndex(of: UInt8(ascii: ".")) else { return Self.opening }
        let name = String(decoding: reference[..<dot], as: UTF8.self)
        guard let form = Int(String(decoding: reference[(dot + 1)...], as: UTF8.self)), let forms = forms[name],
            forms.indices.contains(form)
        else { return Array(Redactor.mask.utf8) }
        return forms[form]
    }
}

internal import LibC
internal import RunnelSupport

/// Takes secrets out of values before they are stored, and puts them back where they were.
///
/// In the place of a secret stands a reference to its name, so that what is stored holds no secret and what is read
/// back is the same byte for byte. All forms are covered that ``Redactor`` masks. A secret that has no value any more
/// is shown as ``Redactor/mask``; one that has a new value comes back with that, so that a retried run uses the rotated key.
/// A secret that was added with ``Redactor/add(_:named:)`` comes back only as itself.
public struct SecretSeal: Sendable {
    /// U+FDD0 begins a reference and U+FDD1 ends it: `⟨U+FDD0⟩name.form⟨U+FDD1⟩`. Both are noncharacters, which no text
    /// is meant to hold; one that a text holds nevertheless is written as a reference without a name.
    private static let opening: [UInt8] = [0xEF, 0xB7, 0x90]
    private static let closing: [UInt8] = [0xEF, 0xB7, 0x91]
    /// The prefix of a text that represents a number.
    private static let number = opening + [UInt8(ascii: "#")] + closing
    private static let withoutSecrets = SecretSeal(secrets: [:])

    let known: KnownSecrets
    private var matcher: SecretMatcher { known.matcher }

    /// - Parameter secrets: By name. Those shorter than ``Redactor/minimumLength`` are not sealed.
    public init(secrets: [String: String]) {
        known = KnownSecrets(secrets)
    }

    /// Replaces values of secrets, in all copies of this seal and in the redactors made of it.
    ///
    /// The last former values of each secret are still masked and sealed. A reference is restored with the new value.
    /// - Parameter secrets: By name; others stay as they are.
    package func update(_ secrets: [String: String]) {
        known.update(secrets)
    }

    /// The value with secrets replaced by references.
    public func seal(_ value: Value) -> Value { Self.concerns(value, matcher) ? sealed(value) ?? value : value }

    /// The original value, with secrets restored.
    public func unseal(_ value: Value) -> Value { unsealed(value) ?? value }

    /// Whether the bytes have to be rewritten.
    private static func concerns(_ bytes: UnsafeBufferPointer<UInt8>, _ matcher: SecretMatcher) -> Bool {
        mayHoldReference(bytes) || matcher.finds(in: bytes)
    }

    /// Whether the value has to be rewritten. Most values do not, and this check allocates nothing for them.
    private static func concerns(_ value: Value, _ matcher: SecretMatcher) -> Bool {
        func concerns(_ text: String) -> Bool {
            var copy = text
            return copy.withUTF8 { Self.concerns($0, matcher) }
        }
        switch value {
        case .string(let text): return concerns(text)
        case .bytes(let bytes): return bytes.withUnsafeBufferPointer { Self.concerns($0, matcher) }
        case .list(let items): return items.contains { Self.concerns($0, matcher) }
        case .object(let object):
            return object.indices.contains { index in
                let (key, value) = object[index]
                return concerns(key) || Self.concerns(value, matcher)
            }
        case .int, .double: return !matcher.isEmpty && concerns(value.json())
        case .null, .bool: return false
        }
    }

    private func sealed(_ value: Value) -> Value? {
        switch value {
        case .string(let text): return rewritten(text, seal).map { .string($0) }
        case .bytes(let bytes): return bytes.withUnsafeBufferPointer(seal).map { .bytes($0) }
        case .list(let items): return Self.changed(items, sealed).map { .list($0) }
        case .object(let object): return Self.changed(object, { rewritten($0, seal) }, sealed).map { .object($0) }
        case .int, .double:
            guard !matcher.isEmpty, let sealed = Array(value.json().utf8).withUnsafeBufferPointer(seal) else {
                return nil
            }
            return .string(String(decoding: Self.number + sealed, as: UTF8.self))
        case .null, .bool: return nil
        }
    }

    private func unsealed(_ value: Value) -> Value? {
        switch value {
        case .string(let text):
            guard Self.mayHoldReference(text) else { return nil }
            guard text.utf8.starts(with: Self.number) else { return rewritten(text, unseal).map { .string($0) } }
            let digits = unseal(String(decoding: text.utf8.dropFirst(Self.number.count), as: UTF8.self))
            let number = try? Value.json(digits)
            return number?.asDouble == nil ? .string(digits) : number
        case .bytes(let bytes): return bytes.withUnsafeBufferPointer(unseal).map { .bytes($0) }
        case .list(let items): return Self.changed(items, unsealed).map { .list($0) }
        case .object(let object): return Self.changed(object, { rewritten($0, unseal) }, unsealed).map { .object($0) }
        case .null, .bool, .int, .double: return nil
        }
    }

    /// nil where no item changes: values without secrets, which are most, are not built anew.
    private static func changed(_ items: [Value], _ change: (Value) -> Value?) -> [Value]? {
        var changed: [Value]?
        for index in items.indices {
            guard let item = change(items[index]) else { continue }
            if changed == nil { changed = items }
            changed?[index] = item
        }
        return changed
    }

    private static func changed(
        _ object: ValueObject, _ changeKey: (String) -> String?, _ change: (Value) -> Value?
    ) -> ValueObject? {
        var changed: [(String, Value)]?
        for (index, (key, value)) in object.enumerated() {
            let (newKey, newValue) = (changeKey(key), change(value))
            if changed == nil, newKey != nil || newValue != nil {
                changed = object.prefix(index).map { ($0.key, $0.value) }
            }
            changed?.append((newKey ?? key, newValue ?? value))
        }
        return changed.map { ValueObject($0) }
    }

    /// A sealed value for display, with masks for secrets.
    public static func masked(_ value: Value) -> Value {
        withoutSecrets.unseal(value)
    }

    /// A sealed text for display, with masks for secrets.
    public static func masked(_ text: String) -> String {
        withoutSecrets.unseal(text)
    }

    /// The text with a reference in the place of each secret.
    public func seal(_ text: String) -> String {
        rewriting(text, seal)
    }

    /// The text with each secret in the place of its reference.
    public func unseal(_ text: String) -> String {
        rewriting(text, unseal)
    }

    /// The common prefix of all sealed texts whose plain text begins with `prefix`. A secret may begin in `prefix` and
    /// end after it.
    package func sealed(prefix: String) -> String {
        var copy = prefix
        return copy.withUTF8 { bytes in
            let (text, unchanged) = replaced(bytes, isWhole: false) { _ in nil }
            return String(decoding: text ?? Array(bytes[..<unchanged]), as: UTF8.self)
        }
    }

    /// The common prefix of all sealed bytes whose plain bytes begin with these, of which a secret may begin in them and
    /// end after them.
    package func sealed(prefix bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBufferPointer { bytes in
            let (text, unchanged) = replaced(bytes, isWhole: false) { _ in nil }
            return text ?? Array(bytes[..<unchanged])
        }
    }

    /// A sealed text that differs from the one of other values of the same secrets: behind each reference stands `~` and
    /// what `digest` makes of the value.
    package func sealed(_ text: String, digest: (_ secret: [UInt8]) -> String) -> String {
        rewriting(text) { replaced($0, isWhole: true, digest: digest).text }
    }

    private func rewriting(_ text: String, _ body: (UnsafeBufferPointer<UInt8>) -> [UInt8]?) -> String {
        rewritten(text, body) ?? text
    }

    private func rewritten(_ text: String, _ body: (UnsafeBufferPointer<UInt8>) -> [UInt8]?) -> String? {
        var copy = text
        return copy.withUTF8(body).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func mayHoldReference(_ text: String) -> Bool {
        var copy = text
        return copy.withUTF8(mayHoldReference)
    }

    /// Whether the first byte of a reference occurs: in most texts it does not.
    private static func mayHoldReference(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let start = bytes.baseAddress else { return false }
        return memchr(start, Int32(opening[0]), bytes.count) != nil
    }

    /// nil where there is nothing to take out.
    private func seal(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard Self.concerns(bytes, matcher) else { return nil }
        return replaced(bytes, isWhole: true) { _ in nil }.text
    }

    /// - Parameter digest: What stands behind the reference to a secret, given its value.
    /// - Returns: nil as the text where nothing was replaced, so that a long one is not copied; and how many bytes at the
    ///   beginning are as they were.
    private func replaced(
        _ bytes: UnsafeBufferPointer<UInt8>, isWhole: Bool, digest: ([UInt8]) -> String?
    ) -> (text: [UInt8]?, unchanged: Int) {
        var output: [UInt8]?
        var unchanged = 0
        func keep(_ text: Slice<UnsafeBufferPointer<UInt8>>) {
            if output == nil { unchanged += text.count } else { output?.append(contentsOf: text) }
        }
        func insert(_ text: some Sequence<UInt8>) {
            if output == nil { output = Array(bytes[..<unchanged]) }
            output?.append(contentsOf: text)
        }
        matcher.replaceSecrets(in: bytes, isWhole: isWhole) { text in
            var copied = 0
            var index = 0
            while index < text.count {
                guard text[index] == Self.opening[0], text[index...].starts(with: Self.opening) else {
                    index += 1
                    continue
                }
                index += Self.opening.count
                keep(text[copied..<index])
                insert(Self.closing)
                copied = index
            }
            keep(text[copied...])
        } secret: { value, reference in
            insert(Self.opening)
            insert(reference.utf8)
            insert(Self.closing)
            if let digest = digest(value) { insert("~\(digest)".utf8) }
        }
        return (output, unchanged)
    }

    /// nil where there is nothing to put back.
    private func unseal(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard Self.mayHoldReference(bytes) else { return nil }
        var output: [UInt8] = []
        var copied = 0
        for (range, reference) in Self.references(in: bytes) {
            output += bytes[copied..<range.lowerBound]
            output += secret(for: reference)
            copied = range.upperBound
        }
        return copied == 0 ? nil : output + bytes[copied...]
    }

    private static func references(in bytes: UnsafeBufferPointer<UInt8>) -> [(range: Range<Int>, reference: String)] {
        var references: [(Range<Int>, String)] = []
        var index = 0
        while index < bytes.count {
            guard bytes[index] == opening[0], bytes[index...].starts(with: opening),
                let end = bytes[index...].firstRange(of: closing)
            else {
                index += 1
                continue
            }
            let reference = String(decoding: bytes[(index + opening.count)..<end.lowerBound], as: UTF8.self)
            references.append((index..<end.upperBound, reference))
            index = end.upperBound
        }
        return references
    }

    /// The name of a secret of `secrets:` that a sealed value holds and that has no value any more; nil if there is none.
    /// Credentials, whose names have a slash, do not count: an access token that was issued never comes back.
    package func lostSecret(in value: Value) -> String? {
        switch value {
        case .string(let text):
            var copy = text
            return copy.withUTF8(lostSecret)
        case .bytes(let bytes): return bytes.withUnsafeBufferPointer(lostSecret)
        case .list(let items): return items.lazy.compactMap(lostSecret).first
        case .object(let object):
            return object.lazy.compactMap { lostSecret(in: .string($0.key)) ?? lostSecret(in: $0.value) }.first
        case .null, .bool, .int, .double: return nil
        }
    }

    private func lostSecret(in bytes: UnsafeBufferPointer<UInt8>) -> String? {
        guard Self.mayHoldReference(bytes) else { return nil }
        let lost = Self.references(in: bytes).lazy.map(\.reference).filter { [matcher] reference in
            reference.contains(".") && matcher.text(for: reference[...]) == nil
        }
        return lost.map(SecretMatcher.name).first { !$0.contains("/") }
    }

    private func secret(for reference: String) -> [UInt8] {
        guard reference.contains(".") else { return Self.opening }
        return matcher.text(for: reference[...]) ?? Array(Redactor.mask.utf8)
    }
}

/// Constant-time comparison, so that a secret cannot be guessed byte by byte: the time depends on the length of the
/// expected value alone, not on what was given or how much of it is right.
public enum ConstantTime {
    /// Whether two sequences of bytes are equal.
    public static func areEqual(_ expected: [UInt8], _ given: [UInt8]) -> Bool {
        var difference = expected.count ^ given.count
        for index in expected.indices {
            difference |= Int(expected[index] ^ (index < given.count ? given[index] : 0))
        }
        return difference == 0
    }

    /// Whether two texts have the same bytes in UTF-8.
    public static func areEqual(_ expected: String, _ given: some StringProtocol) -> Bool {
        areEqual(Array(expected.utf8), Array(given.utf8))
    }
}

internal import RunnelSupport

/// Masks secrets in texts that a person or a log will see.
///
/// A secret is found whole or inside a longer text, as it is and in the forms it takes elsewhere: percent- and
/// form-encoded, escaped for JSON, HTML or a shell, as hexadecimal digits, and in base64 (also twice) at any of its three
/// alignments; so are the lines of a secret of several lines, and the fields of one that is JSON, from 8 bytes on. What
/// was reversed, cut, compressed, hashed or encrypted is not recognised.
public struct Redactor: Sendable {
    /// What stands in the place of a secret.
    public static let mask = SecretMatcher.mask
    /// In bytes. Shorter secrets would mask half of every text, so they are refused by the configuration instead.
    public static let minimumLength = SecretMatcher.minimumLength

    private let known: KnownSecrets
    var matcher: SecretMatcher { known.matcher }

    /// A redactor for these secrets; empty ones are left out.
    public init(secrets: some Sequence<String> = []) {
        known = KnownSecrets(secrets)
    }

    /// Masks what `seal` takes out.
    public init(_ seal: SecretSeal) {
        known = seal.known
    }

    /// Masks one more secret, such as an access token that a server has issued, in all copies of the redactor and in the
    /// journal. The last ones of each name are masked. What the journal has of one is restored with this secret alone, and
    /// shown as ``mask`` where it is not known any more.
    ///
    /// - Parameters:
    ///   - secret: A random one, such as an access token. The journal keeps 64 bits of an HMAC of it, with which a password
    ///     could be guessed.
    ///   - name: What it is called in references, such as `marketplace/access_token`.
    public func add(_ secret: String, named name: String) {
        known.add(secret, named: name)
    }

    /// Whether it has nothing to mask.
    public var isEmpty: Bool { matcher.isEmpty }

    /// The text with every secret replaced by ``mask``.
    public func redact(_ text: String) -> String {
        matcher.redact(text)
    }

    /// A message that quotes values, which may have been cut where no redactor was at hand: the beginning of a secret with
    /// `…` behind it is masked too.
    ///
    /// Not for text as a caller sent it, if he can see the result: it would tell him whether he guessed the beginning of a
    /// secret.
    package func redactMessage(_ message: String) -> String {
        matcher.redact(message, takesCut: true)
    }

    /// The value with every text in it as ``redactMessage(_:)`` returns it.
    package func redactMessages(in value: Value) -> Value {
        switch value {
        case .string(let text): .string(redactMessage(text))
        case .list(let items): .list(items.map(redactMessages(in:)))
        case .object(let object): .object(ValueObject(object.map { (redact($0.key), redactMessages(in: $0.value)) }))
        case .bytes, .int, .double, .null, .bool: redact(value)
        }
    }

    /// The value with every string, key, number and binary data in it redacted. A number that holds a secret becomes a
    /// string.
    public func redact(_ value: Value) -> Value {
        guard !isEmpty else { return value }
        switch value {
        case .string(let text): return .string(redact(text))
        case .bytes(let bytes): return .bytes(matcher.redact(bytes))
        case .list(let items): return .list(items.map(redact))
        case .object(let object): return .object(ValueObject(object.map { (redact($0.key), redact($0.value)) }))
        case .int, .double:
            let text = value.json()
            let masked = redact(text)
            return masked == text ? value : .string(masked)
        case .null, .bool: return value
        }
    }
}

// Redacts before truncating: a truncated secret would not be recognised.
extension Redactor {
    /// The text without secrets, truncated to `limit` characters. Use it instead of truncating a text that is shown.
    public func redact(_ text: String, limit: Int) -> String {
        redact(text).truncated(to: limit)
    }

    /// The message of a plugin or a server, which choose its length, without secrets; see ``redactMessage(_:)``.
    package func redactPluginMessage(_ message: String) -> String {
        redactMessage(message).truncated(to: Self.pluginMessageLimit)
    }

    /// The maximum length of a message of a plugin or a server, in characters.
    package static let pluginMessageLimit = 8 << 10

    /// The text of a line without secrets; invalid UTF-8 is replaced.
    ///
    /// - Parameters:
    ///   - bytes: The line.
    ///   - isCut: Whether the end of the line is missing. Then the text ends before anything that could be the beginning
    ///     of a secret.
    ///   - limit: The maximum number of characters; a longer text is truncated.
    public func redact(_ bytes: [UInt8], isCut: Bool, limit: Int = .max) -> String {
        var text = String(decoding: bytes, as: UTF8.self)
        guard isCut else { return redact(text, limit: limit) }
        // The cut may split a character. Its replacement would hide the beginning of a secret before it.
        if text.unicodeScalars.last == "\u{FFFD}" { text.unicodeScalars.removeLast() }
        var stream = StreamRedactor(self)
        return stream.append(text).truncated(to: limit)
    }

    /// A text whose end is missing, up to what could be the beginning of a secret. Whole secrets before that stay: for an
    /// output, whose secrets the journal seals.
    public func withoutCutSecret(_ text: String) -> String {
        guard !isEmpty else { return text }
        var text = text
        return text.withUTF8 { bytes in
            var covered = 0
            let (_, settled) = matcher.redact(bytes, isWhole: false, covered: &covered)
            return String(decoding: bytes[..<settled], as: UTF8.self)
        }
    }
}

/// Masks secrets in a text that arrives in pieces, also where a secret is split between two of them.
///
/// It holds back as many characters as could be the beginning of a secret, so what it lets through is final. Of base64
/// within base64 two characters may be out before the rest is masked: it begins in too many ways.
public struct StreamRedactor: Sendable {
    private let redactor: Redactor
    /// What is not out yet, behind the last characters that are.
    private var held: [UInt8] = []
    private var shown = 0
    /// How much of what is held belongs to a secret whose mask is out already.
    private var covered = 0

    /// Masks a stream with the redactor's secrets.
    public init(_ redactor: Redactor) {
        self.redactor = redactor
    }

    /// What can be shown now that `piece` has come.
    public mutating func append(_ piece: String) -> String {
        guard !redactor.isEmpty else { return piece }
        held += piece.utf8
        return take(isWhole: false)
    }

    /// What was held back, once nothing more comes.
    public mutating func finish() -> String {
        take(isWhole: true)
    }

    private mutating func take(isWhole: Bool) -> String {
        var covered = covered
        let (output, settled) = held.withUnsafeBufferPointer { [matcher = redactor.matcher, shown] in
            matcher.redact($0, isWhole: isWhole, shown: shown, covered: &covered)
        }
        let end = max(shown, settled)
        let text = String(decoding: output ?? Array(held[shown..<end]), as: UTF8.self)
        // Behind a secret nothing that is out can be the beginning of another.
        let kept = covered > 0 || isWhole ? settled : max(0, settled - SecretMatcher.context)
        held.removeFirst(kept)
        shown = end - kept
        self.covered = covered
        return text
    }
}

internal import RunnelSupport

/// Masks secrets in a text that arrives in pieces, also where a secret is split between two of them.
///
/// It holds back as many characters as could be the beginning of a secret, so what it lets through is final. Of base64
/// within base64 two characters may be out before the rest is masked: it begins in too many ways.
public struct StreamRedactor: Sendable {
    private let matcher: SecretMatcher
    /// What is not out yet, behind the last characters that are.
    private var held: [UInt8] = []
    private var shown = 0
    /// How much of what is held belongs to a secret whose mask is out already.
    private var covered = 0

    /// Masks a stream with the redactor's secrets.
    public init(_ redactor: Redactor) {
        matcher = redactor.matcher
    }

    /// What can be shown now that `piece` has come.
    public mutating func append(_ piece: String) -> String {
        guard !matcher.isEmpty else { return piece }
        held += piece.utf8
        return take(isWhole: false)
    }

    /// What was held back, once nothing more comes.
    public mutating func finish() -> String {
        take(isWhole: true)
    }

    private mutating func take(isWhole: Bool) -> String {
        var covered = covered
        let (output, settled) = held.withUnsafeBufferPointer { [matcher, shown] in
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

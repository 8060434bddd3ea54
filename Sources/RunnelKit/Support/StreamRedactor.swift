/// Masks secrets in a text that arrives in pieces, also where a secret is split between two of them.
///
/// It holds back as many characters as could be the beginning of a secret, so what it lets through is final.
public struct StreamRedactor: Sendable {
    private let redactor: Redactor
    private var held: [UInt8] = []
    /// How much of what is held belongs to a secret whose mask is out already.
    private var covered = 0

    public init(_ redactor: Redactor) {
        self.redactor = redactor
    }

    /// What can be shown now that `piece` has come.
    public mutating func append(_ piece: String) -> String {
        guard !redactor.isEmpty else { return piece }
        held += Array(piece.utf8)
        // What begins before this place has come whole; behind it a secret may have begun and not ended.
        let tail = max(0, held.count - redactor.longestPattern + 1)
        let limit = held.indices[tail...].first { redactor.isBeginningOfSecret(held[$0...]) } ?? held.count
        return take(upTo: limit)
    }

    /// What was held back, once nothing more comes.
    public mutating func finish() -> String {
        take(upTo: held.count)
    }

    private mutating func take(upTo limit: Int) -> String {
        let output = redactor.redact(held, upTo: limit, covered: &covered)
        held.removeFirst(limit)
        return String(decoding: output, as: UTF8.self)
    }
}

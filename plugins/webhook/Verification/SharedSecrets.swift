internal import RunnelKit

/// What callers share with a hook: one secret, or several while they change from one to the next.
struct SharedSecrets: FieldValue {
    let texts: [String]
    /// As it was written, for the scheme that reads it in its own way.
    let written: Value

    static var schema: Value { SigningSecrets.schema }

    init(field value: Value) throws(FieldError) {
        written = value
        guard let items = value.asList else {
            texts = [try Self.text(value)]
            return
        }
        guard !items.isEmpty else { throw FieldError("the list holds no secret") }
        var texts: [String] = []
        for (index, item) in items.enumerated() {
            do throws(FieldError) {
                texts.append(try Self.text(item))
            } catch {
                throw error.under(.index(index))
            }
        }
        self.texts = texts
    }

    /// The secrets' own bytes.
    var keys: [[UInt8]] { texts.map { Array($0.utf8) } }

    /// Whether the text is one of the secrets. All are compared, also behind one that fits.
    func contain(_ text: String) -> Bool {
        texts.reduce(false) { found, secret in ConstantTime.areEqual(secret, text) || found }
    }

    private static func text(_ value: Value) throws(FieldError) -> String {
        // What was found instead may be a secret, so only its kind is said.
        guard let text = value.asString else { throw FieldError("expected a string, found \(value.kindName)") }
        guard let first = text.first, let last = text.last else { throw FieldError("the secret is empty") }
        guard !first.isWhitespace, !last.isWhitespace else {
            throw FieldError(
                "the secret begins or ends with white space",
                hint: "one read from a file may end with a line break; `| trim` takes it away")
        }
        return text
    }
}

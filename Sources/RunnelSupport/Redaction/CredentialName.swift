/// Tells which header fields and query parameters carry credentials, by their names.
package enum CredentialName {
    private static let words = [
        "auth", "cookie", "credential", "key", "passw", "secret", "session", "signature", "token",
    ].map { Array($0.utf8) }

    /// Whether a header field of this name is likely to hold a secret.
    package static func isField(_ name: String) -> Bool {
        let name = name.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        return name.elementsEqual("sig".utf8) || name.elementsEqual("code".utf8)
            || words.contains { contains($0, name) }
    }

    /// Whether a query parameter is one that senders put credentials in. Narrower than for header fields, whose names say
    /// what they are: `keyword` and `author` are what a caller asks for.
    package static func isParameter(_ name: String) -> Bool {
        let name = String(name.lowercased().filter { $0.isLetter || $0.isNumber })
        return ["key", "sig", "auth", "authorization", "passwd", "jwt"].contains(name)
            || ["token", "secret", "password", "signature", "apikey", "accesskey"].contains(where: name.hasSuffix)
    }

    private static func contains(_ word: [UInt8], _ name: [UInt8]) -> Bool {
        guard name.count >= word.count else { return false }
        return (0...name.count - word.count).contains { start in
            name[start] == word[0] && name[start...].starts(with: word)
        }
    }
}

internal import RunnelKit
internal import RunnelSupport

extension HTTPURL {
    /// Reads a URL as a person or a server wrote it: white space around it goes, characters that a path or query
    /// cannot hold are encoded.
    public init(_ given: String) throws(URLProblem) {
        let text = given.trimmed
        func problem(_ why: String, _ hint: String) -> URLProblem {
            URLProblem(message: "\(URLParser.quoted(given)) \(why)", hint: hint)
        }
        let full = "write it in full, such as \"https://example.com/path\""
        guard !text.isEmpty else { throw URLProblem(message: "the URL is empty", hint: full) }
        guard let scheme = URLParser.scheme(of: text), ["http", "https"].contains(scheme),
            text.dropFirst(scheme.count).hasPrefix("://")
        else { throw problem("is not an http or https URL", full) }
        guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            throw problem("holds a line break or another control character", "a URL is one line; `| trim` may help")
        }
        let rest = text.dropFirst(scheme.count + 3)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let target = rest[authority.endIndex...].prefix { $0 != "#" }
        let at = authority.lastIndex(of: "@")
        let address = URLAuthority(at.map { authority[authority.index(after: $0)...] } ?? authority)
        guard !address.host.isEmpty else { throw problem("has no host", full) }
        guard address.isHost else {
            let isForeign = address.host.utf8.contains { $0 >= 0x80 }
            throw problem(
                "has a host with a character that hosts cannot have",
                isForeign ? "write the host in its ASCII form, which begins with \"xn--\"" : full)
        }
        guard let port = address.port?.isEmpty ?? true ? (scheme == "https" ? 443 : 80) : address.portNumber else {
            throw problem("has a port that is not a number from 1 to 65535", "the port stands behind the host")
        }
        let mark = target.firstIndex(of: "?")
        self.init(
            isSecure: scheme == "https", userInfo: at.map { URLParser.userInfo(authority[..<$0]) },
            host: address.host.lowercased(), port: port,
            path: URLParser.normalizedPath(target[..<(mark ?? target.endIndex)]),
            query: mark.map {
                PercentEncoding.complete(target[target.index(after: $0)...], allowed: PercentEncoding.query)
            })
    }
}

enum URLParser {
    /// The scheme in lower case; nil where there is none (RFC 3986, section 3.1).
    static func scheme(of text: Substring) -> String? {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let scheme = text[..<colon]
        guard let first = scheme.first, first.isASCII, first.isLetter,
            scheme.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) })
        else { return nil }
        return scheme.lowercased()
    }

    /// The text as a message may show it, also when it could not be read: with `***` for user and password, without query
    /// and fragment.
    static func quoted(_ text: String) -> String {
        let text = URLCredentials.masked(String(text.trimmed))
        let end = text.firstIndex { $0 == "?" || $0 == "#" } ?? text.endIndex
        let quoted = Value.string(String(text[..<end])).quoted(limit: 2000)
        return end < text.endIndex && quoted.hasSuffix("\"") ? "\(quoted.dropLast())\(text[end])…\"" : quoted
    }

    static func userInfo(_ text: Substring) -> HTTPURL.UserInfo {
        let colon = text.firstIndex(of: ":") ?? text.endIndex
        return HTTPURL.UserInfo(
            user: PercentEncoding.decode(text[..<colon]), password: PercentEncoding.decode(text[colon...].dropFirst()))
    }

    /// Encodes the path and takes `.` and `..` out of it (RFC 3986, section 5.2.4).
    static func normalizedPath(_ path: Substring) -> String {
        var kept: [Substring] = []
        let segments =
            path.drop { $0 == "/" }.isEmpty && path.count <= 1
            ? [] : path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            let plain = segment.replacing("%2e", with: ".").replacing("%2E", with: ".")
            let isLast = index == segments.count - 1
            switch plain {
            case ".":
                if isLast { kept.append("") }
            case "..":
                _ = kept.popLast()
                if isLast { kept.append("") }
            default: kept.append(segment)
            }
        }
        return PercentEncoding.complete("/" + kept.joined(separator: "/"), allowed: PercentEncoding.path)
    }
}

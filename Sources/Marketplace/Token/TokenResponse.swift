internal import RunnelSupport
internal import RunnelValue

/// Reads the token end point's answer.
enum TokenResponse {
    /// What is assumed when the answer does not say how long the token is good.
    static let assumedLifetime: Duration = .seconds(300)
    /// Longer lifetimes are taken as this.
    static let longestLifetime: Duration = .seconds(86_400)

    static func read(_ body: [UInt8], url: String, redactor: ResponseRedactor) throws(MarketplaceError) -> TokenGrant {
        guard let document = body.withUnsafeBytes({ try? Value.received($0) }), document.isObject else {
            throw invalid("it is not a JSON object", url)
        }
        guard let token = document.first(of: "access_token", "accessToken")?.string, !token.isEmpty else {
            let said = redactor.redact(ServerMessage(document: document).text).map { ", \(Quote.quoted($0))" } ?? ""
            throw invalid("it holds no access_token\(said)", url)
        }
        guard token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw invalid("its access_token holds characters that a header cannot carry", url)
        }
        return TokenGrant(token: token, lifetime: lifetime(document.first(of: "expires_in", "expiresIn")))
    }

    /// A number, or a number in a string; anything else is taken as not said.
    private static func lifetime(_ value: Value?) -> Duration {
        guard let seconds = value?.number else { return assumedLifetime }
        return .seconds(min(max(seconds, 0), longestLifetime.inSeconds))
    }

    private static func invalid(_ why: String, _ url: String) -> MarketplaceError {
        MarketplaceError(
            .invalidTokenResponse, "The answer of \(url) cannot be used: \(why).",
            hint: "Check that the base URL is the API's address.")
    }
}

internal import AsyncHTTPClient
internal import Logging
internal import NIOHTTP1
internal import RunnelSupport
internal import RunnelValue

/// Asks the token end point for a token, again if that may help.
struct TokenFetcher: Sendable {
    /// The longest answer that is read.
    private static let bodyLimit = 256 * 1024

    /// The client credentials. They may be replaced, so each request reads them.
    var authentication: Watched<MarketplaceConfiguration.Authentication>
    var url: String
    var timeouts: MarketplaceConfiguration.Timeouts
    var retry: RetryPolicy
    var httpClient: HTTPClient
    var logger: Logger
    var time: TimeSource
    var wallClock: @Sendable () -> Int
    var prepare: @Sendable (HTTPClient.Request) -> HTTPClient.Request = { $0 }

    /// - Parameter onRetry: Called before each repetition.
    func fetch(onRetry: @Sendable (RetryNotice) -> Void = { _ in }) async -> Result<TokenGrant, MarketplaceError> {
        var attempt = 1
        while true {
            do throws(FailedAttempt) {
                return .success(try await request())
            } catch {
                let jitter = Double.random(in: 0..<1)
                switch RetryDecision.decide(error, attempt: attempt, policy: retry, jitter: jitter) {
                case .fail(let error): return .failure(error)
                case .retry(let delay):
                    logger.info(
                        "the token request is made again",
                        metadata: [
                            "attempt": "\(attempt)", "delay": "\(DurationText.measured(delay))",
                            "reason": "\(error.error.message)",
                        ])
                    onRetry(
                        RetryNotice(
                            failedAttempt: attempt, attempts: retry.attempts, delay: delay, error: error.error))
                    do { try await time.sleep(delay) } catch { return .failure(TransportFailure.cancelled) }
                    attempt += 1
                }
            }
        }
    }

    private func request() async throws(FailedAttempt) -> TokenGrant {
        let authentication = authentication.value
        guard case .clientCredentials(let clientID, let clientSecret) = authentication else {
            let error = MarketplaceError(
                .invalidConfiguration, "there are no client credentials to fetch a token with",
                hint: "configure a client id and a client secret")
            throw FailedAttempt(error: error, mayRepeat: false)
        }
        let redactor = ResponseRedactor(secrets: authentication.secrets)
        let response: WholeResponse
        do {
            let request = try prepare(
                HTTPClient.Request(
                    url: url, method: .POST,
                    headers: ["Content-Type": "application/json", "Accept": "application/json"],
                    body: .bytes(RequestEncoder.token(clientID: clientID, clientSecret: clientSecret))))
            let (result, isLate) = await withDeadline(timeouts.token, clock: time.clock) {
                try await httpClient.collect(request, from: url, upTo: Self.bodyLimit)
            }
            if isLate {
                throw MarketplaceError(
                    .tokenTimeout, "\(url) gave no token within \(DurationText.format(timeouts.token))",
                    hint: "check the base URL and the network, or raise the token time-out", isTransient: true)
            }
            response = try result.get()
        } catch {
            let error = TransportFailure.error(
                error, url: url, timeouts: timeouts, answered: false, redactor: redactor)
            throw FailedAttempt(error: error, mayRepeat: error.isTransient)
        }
        guard response.status == .ok || response.status == .created else {
            let error = StatusFailure(
                status: response.status, headers: response.headers, body: response.body, url: url, redactor: redactor,
                now: wallClock()
            ).token()
            throw FailedAttempt(error: error, mayRepeat: error.isTransient)
        }
        do {
            return try TokenResponse.read(response.body, url: url, redactor: redactor)
        } catch {
            throw FailedAttempt(error: error, mayRepeat: false)
        }
    }
}

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
        return .seconds(min(max(seconds, 0), longestLifetime / .seconds(1)))
    }

    private static func invalid(_ why: String, _ url: String) -> MarketplaceError {
        MarketplaceError(
            .invalidTokenResponse, "the answer of \(url) cannot be used: \(why)",
            hint: "check that the base URL is the API's address")
    }
}

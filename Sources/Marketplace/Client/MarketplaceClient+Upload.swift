internal import AsyncHTTPClient
internal import NIOHTTP1
internal import RunnelSupport
internal import RunnelValue

extension MarketplaceClient {
    /// How much of the server's answer to an upload is read.
    private static let answerLimit = 64 << 10

    /// Sends a file before a chat names it, as the part `file` of a form (RFC 7578).
    /// - Returns: The id that the server gave the file.
    /// - Throws: ``MarketplaceError``; `invalid-configuration` where ``MarketplaceConfiguration/Dialect/upload`` is not set.
    public func upload(_ bytes: [UInt8], name: String, mediaType: String) async throws -> String {
        guard let endpoint = configuration.dialect.upload, let path = endpoint.path(MessageInfo()) else {
            throw MarketplaceError(
                .invalidConfiguration, "there is no place to send files to", hint: "set `marketplace.paths.upload`")
        }
        let url = configuration.baseURL + path
        var isRepeated = false
        while true {
            let token = try await tokens?.token()
            do throws(FailedAttempt) {
                return try await uploadOnce(bytes, name, mediaType, to: url, endpoint.method, token)
            } catch {
                guard error.tokenRefused, let token, !isRepeated else { throw error.error }
                tokens?.refused(token)
                isRepeated = true
            }
        }
    }

    private func uploadOnce(
        _ bytes: [UInt8], _ name: String, _ mediaType: String, to url: String, _ method: String, _ token: AccessToken?
    ) async throws(FailedAttempt) -> String {
        let boundary = "runnel-\(UInt64.random(in: .min ... .max))-\(UInt64.random(in: .min ... .max))"
        var headers: HTTPHeaders = [
            "Accept": "application/json", "Content-Type": "multipart/form-data; boundary=\(boundary)",
        ]
        let authentication = authentication
        if let value = authentication.header(token) { headers.add(name: "Authorization", value: value) }
        let redactor = ResponseRedactor(secrets: authentication.secrets + (token.map { [$0.value] } ?? []))
        let response: WholeResponse
        do {
            let request = try prepare(
                HTTPClient.Request(
                    url: url, method: HTTPMethod(rawValue: method), headers: headers,
                    body: .bytes(Self.form(bytes, name, mediaType, boundary))))
            let (result, isLate) = await withDeadline(configuration.timeouts.total, clock: time.clock) {
                [httpClient] in try await httpClient.collect(request, from: url, upTo: MarketplaceClient.answerLimit)
            }
            if isLate { throw TransportFailure.totalTimeout(configuration.timeouts.total) }
            response = try result.get()
        } catch {
            let error = TransportFailure.error(
                error, url: url, timeouts: configuration.timeouts, answered: false, redactor: redactor)
            throw FailedAttempt(error: error, mayRepeat: false)
        }
        guard (200..<300).contains(response.status.code) else {
            let error = StatusFailure(
                status: response.status, headers: response.headers, body: response.body, url: url, redactor: redactor,
                now: wallClock()
            ).upload(authentication: authentication)
            throw FailedAttempt(error: error, mayRepeat: false, tokenRefused: response.status == .unauthorized)
        }
        let document = response.body.withUnsafeBytes { try? Value.received($0) } ?? .null
        let names = ["fileId", "file_id", "id"]
        let id = [document, document["data"] ?? .null, document["file"] ?? .null].lazy
            .compactMap { $0.first(of: names)?.scalarText }.first { !$0.isEmpty }
        guard let id else {
            let error = MarketplaceError(
                .unexpectedStatus, "\(url) took the file and named no id for it",
                hint: "check `marketplace.paths.upload`: the answer should be JSON with `fileId`")
            throw FailedAttempt(error: error, mayRepeat: false)
        }
        return id
    }

    private static func form(_ bytes: [UInt8], _ name: String, _ mediaType: String, _ boundary: String) -> [UInt8] {
        // As browsers write it.
        let quoted = name.replacing("\r\n", with: "%0D%0A").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
            .replacing("\"", with: "%22")
        var form = Array(
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(quoted)\"\r\nContent-Type: \(mediaType)\r\n\r\n"
                .utf8)
        form += bytes
        form += Array("\r\n--\(boundary)--\r\n".utf8)
        return form
    }
}

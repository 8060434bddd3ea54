internal import AsyncHTTPClient
internal import NIOCore
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
        do {
            return try await uploadOnce(bytes, name, mediaType, to: url, endpoint.method)
        } catch let refused as RefusedToken {
            tokens?.refused(refused.token)
            return try await uploadOnce(bytes, name, mediaType, to: url, endpoint.method)
        }
    }

    private struct RefusedToken: Error {
        let token: AccessToken
    }

    private func uploadOnce(
        _ bytes: [UInt8], _ name: String, _ mediaType: String, to url: String, _ method: String
    ) async throws -> String {
        let boundary = "runnel-\(UInt64.random(in: .min ... .max))-\(UInt64.random(in: .min ... .max))"
        var headers: HTTPHeaders = [
            "Accept": "application/json", "Content-Type": "multipart/form-data; boundary=\(boundary)",
        ]
        let token = try await tokens?.token()
        let authentication = authentication
        var secrets = authentication.secrets
        if let token {
            headers.add(name: "Authorization", value: "Bearer \(token.value)")
            secrets.append(token.value)
        } else if case .bearer(let key) = authentication {
            headers.add(name: "Authorization", value: "Bearer \(key)")
        }
        let redactor = ResponseRedactor(secrets: secrets)
        let response: HTTPClient.Response
        do {
            let request = try HTTPClient.Request(
                url: url, method: HTTPMethod(rawValue: method), headers: headers,
                body: .bytes(Self.form(bytes, name, mediaType, boundary)))
            let limit = TimeAmount.nanoseconds(min(configuration.timeouts.total, .seconds(86_400)).nanoseconds)
            let running = httpClient.execute(
                request: request, delegate: ResponseAccumulator(request: request, maxBodySize: Self.answerLimit),
                deadline: .now() + limit)
            response = try await withTaskCancellationHandler {
                try await running.futureResult.get()
            } onCancel: {
                running.cancel()
            }
        } catch {
            if Task.isCancelled { throw TransportFailure.cancelled }
            throw TransportFailure.error(
                error, url: url, timeouts: configuration.timeouts, answered: false, redactor: redactor)
        }
        let body = response.body.map { Array($0.readableBytesView) } ?? []
        guard (200..<300).contains(response.status.code) else {
            if response.status == .unauthorized, let token { throw RefusedToken(token: token) }
            let server = ServerMessage(body: body, contentType: response.headers.first(name: "Content-Type"))
            throw StatusFailure(status: Int(response.status.code), server: server, url: url, redactor: redactor)
                .chat(authentication: authentication, agentID: nil)
        }
        let document = body.withUnsafeBytes { try? Value.received($0) } ?? .null
        let names = ["fileId", "file_id", "id"]
        let id = [document, document["data"] ?? .null, document["file"] ?? .null].lazy
            .compactMap { $0.first(of: names)?.scalarText }.first { !$0.isEmpty }
        guard let id else {
            throw MarketplaceError(
                .unexpectedStatus, "\(url) took the file and named no id for it",
                hint: "check `marketplace.paths.upload`: the answer should be JSON with `fileId`")
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

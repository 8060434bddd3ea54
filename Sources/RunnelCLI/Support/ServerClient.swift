import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import RunnelEngine
import RunnelKit

/// Asks a running `runnel serve`.
struct ServerClient: Sendable {
    let project: Project

    private var baseURL: String {
        "http://\(project.settings.server.host):\(project.settings.server.port)/api/v1"
    }

    /// Prints what is wrong, and ends the command.
    func request(_ method: String, _ path: String, body: Value? = nil) async throws -> Value {
        var request = HTTPClientRequest(url: baseURL + path)
        request.method = .init(rawValue: method)
        if case .success(let token)? = project.serverToken {
            request.headers.add(name: "authorization", value: "Bearer \(token)")
        }
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.jsonBytes()))
        }
        let response: HTTPClientResponse
        let bytes: [UInt8]
        do {
            response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            bytes = Array(try await response.body.collect(upTo: 64 << 20).readableBytesView)
        } catch {
            Streams.error.write(
                "error: nobody answers at \(baseURL)\n  = start `runnel serve`, or set `server` in runnel.yaml to where it is\n"
            )
            throw ExitStatus.runFailed
        }
        let value = (try? Value.json(bytes)) ?? .null
        guard (200..<300).contains(response.status.code) else {
            let message = value.asObject?["error"]?.asObject?["message"]?.asString
            Streams.error.write("error: \(message ?? "the server answered \(response.status.code)")\n")
            throw ExitStatus.runFailed
        }
        return value
    }
}

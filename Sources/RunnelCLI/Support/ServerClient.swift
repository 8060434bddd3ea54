import AsyncHTTPClient
import HTTPCalling
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import RunnelEngine
import RunnelKit
import RunnelServer

/// A client for a running `runnel serve`.
struct ServerClient: Sendable {
    let project: Project

    /// The host of the server's address, without brackets.
    private var host: String {
        let host = project.settings.server.host
        switch host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host {
        // Addresses that stand for all of this machine.
        case "0.0.0.0": return "127.0.0.1"
        case "::": return "::1"
        case let host: return host
        }
    }

    /// The server's address without a path.
    var origin: String {
        let server = project.settings.server
        let name = host.contains(":") ? "[\(host)]" : host
        return "\(server.tls == nil ? "http" : "https")://\(name):\(server.port)"
    }
    private var baseURL: String { origin + "/api/v1" }

    /// Prints the error, and exits the command.
    ///
    /// - Parameter seconds: How long the server may take for its answer.
    func request(
        _ method: String, _ path: String, body: Value? = nil, within seconds: Int64 = 30
    ) async throws -> Value {
        var request = HTTPClientRequest(url: baseURL + path)
        request.method = .init(rawValue: method)
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.jsonBytes()))
        }
        let response: HTTPClientResponse
        let bytes: [UInt8]
        do {
            (response, bytes) = try await send(request, timeout: .seconds(seconds))
        } catch let error as OtherUser {
            throw ExitStatus.runFailed.reporting(error.message, hint: error.hint)
        } catch let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout {
            throw ExitStatus.runFailed.reporting(
                "the server at \(baseURL) did not answer within \(seconds)s", hint: "it may be stopped or overloaded")
        } catch let error as HTTPParserError where error != .invalidEOFState {
            throw otherProgram("it does not speak HTTP")
        } catch {
            throw ExitStatus.runFailed.reporting(
                "no server is listening at \(baseURL)",
                hint: "start `runnel serve`, or set `server` in runnel.yaml to its address")
        }
        let value = (try? Value.json(bytes)) ?? .null
        guard (200..<300).contains(response.status.code) else {
            let message = value.asObject?["error"]?.asObject?["message"]?.asString
            if message == nil, response.headers.first(name: "server") != "runnel" {
                throw otherProgram("HTTP \(response.status.code)")
            }
            let status = ExitStatus(refusal: Int(response.status.code))
            guard response.status == .unauthorized else {
                throw status.reporting(message ?? "the server answered \(response.status.code)")
            }
            let (problem, hint) = rejection
            throw status.reporting(problem, hint: hint)
        }
        return value
    }
}

extension ServerClient {
    /// - Parameter sign: What shows that it is not `runnel serve`.
    private func otherProgram(_ sign: String) -> ExitStatus {
        ExitStatus.runFailed.reporting(
            "another program than `runnel serve` answers at \(baseURL): \(sign)",
            hint: "set `server` in runnel.yaml to the address of the server")
    }

    /// The API token was not sent: another user of this machine listens at the server's address.
    struct OtherUser: Error {
        let message: String
        let hint =
            "stop that program, or choose another port: `server: { port: … }` in runnel.yaml; if it is `runnel serve` of "
            + "this project, run the command as that user"
    }

    /// Adds the API token, unless another user would get it. With TLS, the certificate proves the server.
    private func authorize(_ request: inout HTTPClientRequest) throws(OtherUser) {
        guard let token = project.clientToken else { return }
        let server = project.settings.server
        let users = server.tls == nil ? LoopbackListener.users(host: host, port: server.port) : []
        if let user = Trust.current.stranger(among: users, project: project.directory) {
            throw OtherUser(
                message: "the program that listens at \(origin) belongs to \(user), so the API token was not sent")
        }
        request.headers.add(name: "authorization", value: "Bearer \(token)")
    }

    /// Fails at once if the connection is refused.
    private func send(
        _ request: HTTPClientRequest, timeout: TimeAmount
    ) async throws -> (HTTPClientResponse, [UInt8]) {
        var request = request
        try authorize(&request)
        // The server never redirects the API.
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(5)))
        configuration.rejectInvalidResponses()
        configuration.connectionPool.retryConnectionEstablishment = false
        if let tls = project.settings.server.tls {
            // The server is this project's own: its certificate is known, and names whatever others call it by.
            let roots: [NIOSSLCertificate]
            do throws(ServerCertificate.Problem) {
                roots = try ServerCertificate.chain(in: project.path(tls.certificate.path))
            } catch {
                project.writeProblem(error)
                throw ExitStatus.usage
            }
            var client = TLSConfiguration.makeClientConfiguration()
            client.trustRoots = .certificates(roots)
            client.certificateVerification = .noHostnameVerification
            configuration.tlsConfiguration = client
        }
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let response = try await client.execute(request, timeout: timeout)
            let body = try await response.body.collect(upTo: 64 << 20)
            try await client.shutdown()
            return (response, Array(body.readableBytesView))
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    /// The error for an answer 401: what is wrong with the token of this project.
    var rejection: (message: String, hint: String?) {
        let problem: String
        do throws(FileReading.Failure) {
            if let place = project.clientTokenPlace {
                return (
                    "the server at \(origin) does not accept the token of \(place)",
                    "it was started with another one, or for another project; restart it, or name its project with --project"
                )
            }
            if case .failure(let unavailable)? = project.serverToken {
                problem = "`server.token` \(unavailable.predicate)"
            } else {
                _ = try TokenFile(in: project.stateDirectory).find()
                problem = "there was none when the command began"
            }
        } catch {
            problem = error.message
        }
        return ("the server at \(origin) needs the API token: \(problem)", nil)
    }

    /// What listens at the server's address.
    enum Probe: Sendable {
        /// Runnel. `pending` are the changed settings, secrets and plugins that wait for a restart.
        case answers(version: String, pending: [String])
        case wrongToken
        /// Runnel, which refused the request with this message.
        case declines(String)
        case someoneElse
        case otherUser(OtherUser)
        case refuses
    }

    func probe() async -> Probe {
        do {
            let request = HTTPClientRequest(url: baseURL + "/status")
            let (response, bytes) = try await send(request, timeout: .seconds(5))
            if response.status == .unauthorized { return .wrongToken }
            let status = try Value.json(bytes)
            if response.headers.first(name: "server") == "runnel", let message = status["error"]?["message"]?.asString {
                return .declines(message)
            }
            guard let version = status["version"]?.asString else { return .someoneElse }
            let pending = (status["pending_restart"]?.asList ?? []).compactMap(\.asString)
            return .answers(version: version, pending: pending)
        } catch let error as OtherUser {
            return .otherUser(error)
        } catch let error as HTTPClientError where error == .connectTimeout {
            return .refuses
        } catch is NIOConnectionError {
            return .refuses
        } catch is IOError {
            return .refuses
        } catch {
            return .someoneElse
        }
    }
}

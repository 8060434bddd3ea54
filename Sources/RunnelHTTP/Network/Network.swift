public import AsyncHTTPClient
internal import HTTPCalling
internal import LibC
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
public import RunnelKit
internal import RunnelSupport
internal import Synchronization

/// How outgoing requests leave this machine: through which proxy, with which certificates, and to which addresses. The
/// one place where the configurations of HTTP clients are made.
public struct Network: Sendable {
    /// Gives the network that `http:` in `runnel.yaml` describes.
    public enum Key: ServiceKey {
        /// One for the process.
        public typealias Service = Network
        /// For errors.
        public static let name = "the network"
    }

    let policy: AddressPolicy
    private let settings: NetworkSettings
    private let proxies: ProxyEnvironment
    private let certificateFile: String?
    private let certificates = CertificateCache()

    /// - Parameters:
    ///   - settings: `http:` in `runnel.yaml`.
    ///   - environment: Gives `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY` and `SSL_CERT_FILE`, in upper or lower
    ///     case.
    public init(
        _ settings: NetworkSettings = NetworkSettings(),
        environment: (_ name: String) -> String? = Network.variable
    ) {
        self.settings = settings
        policy = AddressPolicy(settings)
        proxies = ProxyEnvironment(environment)
        certificateFile = environment("SSL_CERT_FILE").flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A variable of this process's environment.
    public static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// The network that is registered; where none is, one with nothing but the environment's settings.
    public static func registered(in services: isolated Services) throws -> Network {
        do {
            return try services.get(Key.self)
        } catch let error as StepError where error.has(.noSuchService) {
            return Network()
        }
    }

    /// Registers the network for all that makes HTTP clients.
    public static func register(_ network: Network, in services: Services) async {
        await services.register(Key.self) { _ in network }
    }

    // MARK: - Proxies

    /// The proxy for a URL; nil for none.
    ///
    /// `http.proxy` takes precedence over the environment, and `http.no_proxy` over `NO_PROXY`. As with curl, loopback is
    /// no exception.
    ///
    /// - Throws: A `StepError` with the code `bad-proxy` if the environment names a proxy that cannot be used, or
    ///   `http.proxy_credentials` are for one that gets none.
    public func proxy(for url: HTTPURL) throws(StepError) -> Proxy? {
        let direct = settings.noProxy.map { HostList($0) } ?? proxies.direct
        guard !direct.contains(host: url.host, port: url.port) else { return nil }
        var found: Proxy?
        if let setting = settings.proxy {
            found = setting.proxy
        } else {
            found = try proxies.proxy(isSecure: url.isSecure)
        }
        if case .success(let text)? = settings.proxyCredentials?.value, found != nil {
            do {
                try Proxy.checkCredentials(for: found?.kind)
            } catch {
                throw StepError(
                    HTTPErrorCode.badProxy, "`http.proxy_credentials`: \(error.message)", hint: error.hint)
            }
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            found?.credentials = HTTPURL.UserInfo(user: parts[0], password: parts.count > 1 ? parts[1] : "")
        }
        return found
    }

    static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host.hasSuffix(".localhost") || IPAddress(host)?.isLoopback == true
    }

    /// What `runnel doctor` says: the proxies in use, and what is wrong with settings and files. Nothing where there is
    /// nothing to say.
    public var findings: [HealthFinding] {
        do throws(StepError) {
            _ = try tls()
            var proxies: [String] = []
            for url in ["https://public.invalid/", "http://public.invalid/"] {
                guard let url = try? HTTPURL(url), let shown = try proxy(for: url)?.shown else { continue }
                if !proxies.contains(shown) { proxies.append(shown) }
            }
            return proxies.isEmpty
                ? [] : [.good("network", "requests go through the proxy \(proxies.joined(separator: " and "))")]
        } catch {
            return [.problem("network", error.message, error.hint)]
        }
    }

    // MARK: - Clients

    /// Settings for a client that talks to one server: its proxy and certificates are added to `configuration`. Plain
    /// HTTP goes through a proxy by `CONNECT`, too. The client speaks HTTP/1.1 alone.
    ///
    /// - Throws: A `StepError`: `bad-proxy`, or `bad-tls-settings` if a file cannot be read.
    public func configuration(
        for url: String, from configuration: HTTPClient.Configuration
    ) throws(StepError) -> HTTPClient.Configuration {
        var result = configuration
        result.rejectInvalidResponses()
        result.tlsConfiguration = try tls()
        if let url = try? HTTPURL(url) { result.proxy = try proxy(for: url)?.forClient }
        return result
    }

    /// A client that talks to one server; see ``configuration(for:from:)``. The caller shuts it down.
    public func client(for url: String, from configuration: HTTPClient.Configuration) throws(StepError) -> HTTPClient {
        HTTPClient(
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            configuration: try self.configuration(for: url, from: configuration))
    }

    // MARK: - Certificates

    /// Trust and identity; nil for the system's trust and no client certificate. Changed files of `http.tls` are used soon
    /// after the change, for new connections.
    func tls(at now: ContinuousClock.Instant = .now) throws(StepError) -> TLSConfiguration? {
        let own = settings.tls
        let mayChange = own.ca != nil || own.certificate != nil
        guard certificateFile != nil || mayChange else { return nil }
        return try certificates.current(at: now, mayChange: mayChange, read: readTLS)
    }

    /// The request with the certificates as their files are now, instead of those of when the client was made.
    public func withCertificates(_ request: HTTPClient.Request) -> HTTPClient.Request {
        var request = request
        request.tlsConfiguration = try? tls()
        return request
    }

    /// The request with the certificates as their files are now, instead of those of when the client was made.
    public func withCertificates(_ request: HTTPClientRequest) -> HTTPClientRequest {
        var request = request
        request.tlsConfiguration = try? tls()
        return request
    }

    private func readTLS() throws(StepError) -> TLSConfiguration {
        let own = settings.tls
        var tls = TLSConfiguration.makeClientConfiguration()
        if let certificateFile {
            try Self.check("SSL_CERT_FILE", certificateFile) { _ = try NIOSSLCertificate.fromPEMFile($0) }
            tls.trustRoots = .file(certificateFile)
        }
        if let file = own.ca {
            tls.additionalTrustRoots = [
                .certificates(try Self.check("http.tls.ca", file.path) { try NIOSSLCertificate.fromPEMFile($0) })
            ]
        }
        if let certificate = own.certificate, let key = own.key {
            tls.certificateChain = try Self.check("http.tls.certificate", certificate.path) {
                try NIOSSLCertificate.fromPEMFile($0).map { .certificate($0) }
            }
            tls.privateKey = .privateKey(
                try Self.check("http.tls.key", key.path) { try NIOSSLPrivateKey(file: $0, format: .pem) })
            guard (try? NIOSSLContext(configuration: tls)) != nil else {
                throw StepError(
                    HTTPErrorCode.badTLSSettings,
                    "`http.tls`: the certificate \"\(certificate.path)\" and the key \"\(key.path)\" do not match",
                    hint: "use the key that the certificate was made for")
            }
        }
        return tls
    }

    private static func check<Content>(
        _ setting: String, _ path: String, read: (String) throws -> Content
    ) throws(StepError) -> Content {
        guard access(path, R_OK) == 0 else {
            let reason = errno == ENOENT ? "there is no such file" : String(cString: strerror(errno))
            throw StepError(
                HTTPErrorCode.badTLSSettings, "`\(setting)`: cannot read \"\(path)\": \(reason)",
                hint: "create the file, change the path, or let the user who runs Runnel read it")
        }
        do {
            return try read(path)
        } catch {
            throw StepError(
                HTTPErrorCode.badTLSSettings, "`\(setting)`: \"\(path)\" is not a PEM file of that kind",
                hint: "certificates begin with -----BEGIN CERTIFICATE-----, keys with -----BEGIN PRIVATE KEY-----")
        }
    }
}

/// The certificates for outgoing connections, as they were last read.
private final class CertificateCache: Sendable {
    /// The shortest time between two looks at the files.
    private static let interval = Duration.seconds(5)

    private let state = Mutex<(tls: TLSConfiguration, readAt: ContinuousClock.Instant)?>(nil)

    /// Reads the files again if it is time to. While they cannot be used, such as between the change of a certificate and
    /// that of its key, the current ones stay.
    func current(
        at now: ContinuousClock.Instant, mayChange: Bool, read: () throws(StepError) -> TLSConfiguration
    ) throws(StepError) -> TLSConfiguration {
        guard let known = state.withLock({ $0 }) else {
            let tls = try read()
            state.withLock { $0 = (tls: tls, readAt: now) }
            return tls
        }
        guard mayChange, now - known.readAt >= Self.interval else { return known.tls }
        var tls = known.tls
        // Equal ones stay the same, so that connections are used again.
        if let new = try? read(), !new.bestEffortEquals(tls) { tls = new }
        state.withLock { [tls] in $0 = (tls: tls, readAt: now) }
        return tls
    }
}

extension Proxy {
    /// The proxy as the HTTP client names it.
    var forClient: HTTPClient.Configuration.Proxy {
        switch kind {
        case .socks5: .socksServer(host: host, port: port)
        case .http:
            .server(
                host: host, port: port,
                authorization: credentials.map { .basic(username: $0.user, password: $0.password) })
        }
    }
}

/// What the environment says of proxies.
struct ProxyEnvironment: Sendable {
    let direct: HostList
    /// A variable that is set.
    private typealias Variable = (name: String, text: String)
    private let secure: Variable?
    private let plain: Variable?

    init(_ environment: (_ name: String) -> String?) {
        // As curl does, the lower-case name takes precedence; an empty value means none.
        func variable(_ name: String) -> Variable? {
            for name in [name.lowercased(), name] {
                if let text = environment(name) { return text.isEmpty ? nil : (name, text) }
            }
            return nil
        }
        secure = variable("HTTPS_PROXY") ?? variable("ALL_PROXY")
        plain = variable("HTTP_PROXY") ?? variable("ALL_PROXY")
        direct = HostList((variable("NO_PROXY")?.text ?? "").split { $0 == "," || $0.isWhitespace })
    }

    func proxy(isSecure: Bool) throws(StepError) -> Proxy? {
        guard let variable = isSecure ? secure : plain else { return nil }
        do {
            return try Proxy(variable.text)
        } catch {
            throw StepError(
                HTTPErrorCode.badProxy, "the environment variable \(variable.name): \(error.message)", hint: error.hint)
        }
    }
}

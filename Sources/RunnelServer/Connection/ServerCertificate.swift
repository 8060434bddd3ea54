import Logging
import NIOSSL
import RunnelEngine
import ServiceLifecycle
import Synchronization

/// The certificate and the key of the server, read again when their files change.
public final class ServerCertificate: Sendable {
    /// Why a certificate cannot be used.
    public struct Problem: Error, CustomStringConvertible {
        public let description: String
    }

    /// PEM files: the chain, the server's own certificate first, and the private key.
    let files: (certificate: String, key: String)
    private let state: Mutex<(context: NIOSSLContext, versions: [FileVersion?])>

    /// Reads the files.
    public init(certificate: String, key: String) throws(Problem) {
        files = (certificate, key)
        let versions = [certificate, key].map { FileVersion($0) }
        state = Mutex((try Self.read(certificate, key), versions))
    }

    /// For new connections.
    var context: NIOSSLContext { state.withLock { $0.context } }

    /// Reads the files again if they have changed. If they cannot be used, the current certificate stays.
    ///
    /// - Returns: Whether they have changed.
    func reload() throws(Problem) -> Bool {
        let versions = [files.certificate, files.key].map { FileVersion($0) }
        let isNew = state.withLock { state in
            guard state.versions != versions else { return false }
            state.versions = versions
            return true
        }
        guard isNew else { return false }
        let context = try Self.read(files.certificate, files.key)
        state.withLock { $0.context = context }
        return true
    }

    private static func read(_ certificate: String, _ key: String) throws(Problem) -> NIOSSLContext {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMFile(certificate)
        } catch {
            throw Problem(description: "the certificate in \"\(certificate)\" cannot be read: \(error)")
        }
        guard !chain.isEmpty else { throw Problem(description: "there is no certificate in \"\(certificate)\"") }
        let privateKey: NIOSSLPrivateKey
        do {
            privateKey = try NIOSSLPrivateKey(file: key, format: .pem)
        } catch {
            throw Problem(description: "the private key in \"\(key)\" cannot be read: \(error)")
        }
        do {
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["http/1.1"]
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw Problem(
                description: "the certificate in \"\(certificate)\" and the key in \"\(key)\" cannot be used together: "
                    + "\(error)")
        }
    }
}

/// Looks from time to time whether the certificate's files have changed; does nothing without a certificate.
struct CertificateReload: Service {
    let certificate: ServerCertificate?
    let logger: Logger
    private static let interval = Duration.seconds(5)

    init(_ certificate: ServerCertificate?, logger: Logger) {
        self.certificate = certificate
        self.logger = logger
    }

    func run() async throws {
        guard let certificate else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown {
            while (try? await ContinuousClock().sleep(for: Self.interval)) != nil { look(at: certificate) }
        }
    }

    private func look(at certificate: ServerCertificate) {
        do throws(ServerCertificate.Problem) {
            if try certificate.reload() { logger.notice("the server's certificate has been read again") }
        } catch {
            logger.error("the server keeps its current certificate: \(error)")
        }
    }
}

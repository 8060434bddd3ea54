import Logging
package import NIOSSL
import RunnelEngine
import ServiceLifecycle
import Synchronization

/// The certificate and the key of the server, read again when their files change.
public final class ServerCertificate: Sendable {
    /// Why a certificate cannot be used.
    public struct Problem: Error, CustomStringConvertible {
        /// A sentence that quotes the file.
        public let description: String
        /// What to do about it.
        public let hint: String?
        /// The key of `server.tls` that names the file; nil if both files are the cause.
        public let setting: String?
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
        let chain = try chain(in: certificate)
        let secret = try bytes(of: key, "key")
        guard !secret.isEmpty, let privateKey = try? NIOSSLPrivateKey(bytes: secret, format: .pem) else {
            throw Problem(
                description: "\"\(key)\" holds no private key without a passphrase",
                hint: "in a PEM file it begins with -----BEGIN PRIVATE KEY-----", setting: "key")
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
                    + "\(error)", hint: "the key has to be that of the first certificate", setting: nil)
        }
    }

    /// The certificates of a PEM file, the server's own first.
    package static func chain(in file: String) throws(Problem) -> [NIOSSLCertificate] {
        let bytes = try bytes(of: file, "certificate")
        guard !bytes.isEmpty, let chain = try? NIOSSLCertificate.fromPEMBytes(bytes), !chain.isEmpty else {
            throw Problem(
                description: "\"\(file)\" holds no certificate",
                hint: "in a PEM file it begins with -----BEGIN CERTIFICATE-----", setting: "certificate")
        }
        return chain
    }

    private static func bytes(of file: String, _ setting: String) throws(Problem) -> [UInt8] {
        do throws(BoundedFile.Failure) {
            return try BoundedFile.bytes(of: file, limit: 1 << 20)
        } catch {
            throw Problem(
                description: "cannot read \"\(file)\": \(error.reason)", hint: error.advice, setting: setting)
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

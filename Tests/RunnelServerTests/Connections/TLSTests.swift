import Foundation
import NIOSSL
import RunnelTesting
import Testing

@testable import RunnelServer

@Suite("HTTPS", .timeLimit(.minutes(5))) struct TLSTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../Resources/tls").standardized

    private static func file(_ name: String) -> String { folder.appendingPathComponent(name).path }

    private static func client() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file("certificate.pem")))
        return try NIOSSLContext(configuration: configuration)
    }

    @Test("calls over TLS are answered, one after the other and to the end of the connection")
    func serves() async throws {
        var rig = ServerRig()
        rig.options.tls = try ServerCertificate(certificate: Self.file("certificate.pem"), key: Self.file("key.pem"))
        #expect(rig.options.url(port: 1) == "https://127.0.0.1:1")
        try await rig.serve { server in
            let wire = try await Wire(port: server.port, tls: Self.client())
            try await wire.send(server.request("GET", "/health/live"))
            #expect(try await wire.read(to: "\"ok\"}").hasPrefix("HTTP/1.1 200 OK"))
            try await wire.send(server.request("GET", "/health/live", [("Connection", "close")]))
            #expect(try Answer(await wire.readToEnd()).status == 200)
            // Plain HTTP gets no answer and harms nobody.
            let plain = try await Wire(port: server.port)
            try await plain.send(server.request("GET", "/health/live"))
            #expect(await !String(decoding: plain.readToEnd(), as: UTF8.self).hasPrefix("HTTP"))
        }
    }

    @Test("a certificate that changes is read again; one that cannot be used is not taken")
    func reload() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (chain, key) = (folder.appendingPathComponent("c.pem"), folder.appendingPathComponent("k.pem"))
        try FileManager.default.copyItem(atPath: Self.file("certificate.pem"), toPath: chain.path)
        try FileManager.default.copyItem(atPath: Self.file("key.pem"), toPath: key.path)
        let certificate = try ServerCertificate(certificate: chain.path, key: key.path)
        let first = certificate.context
        #expect(try !certificate.reload())
        try Data("nothing".utf8).write(to: chain)
        #expect(throws: ServerCertificate.Problem.self) { try certificate.reload() }
        #expect(certificate.context === first)
        let text = try String(contentsOfFile: Self.file("certificate.pem"), encoding: .utf8)
        try Data((text + "\n").utf8).write(to: chain)
        #expect(try certificate.reload())
        #expect(certificate.context !== first)
    }

    @Test("a file that cannot be used is quoted, with its setting and what to do")
    func wrongFiles() throws {
        let (chain, key) = (Self.file("certificate.pem"), Self.file("key.pem"))
        let cases = [
            ("/nowhere/c", key, "certificate", "cannot read \"/nowhere/c\": No such file or directory"),
            (chain, "/nowhere/k", "key", "cannot read \"/nowhere/k\": No such file or directory"),
            (key, key, "certificate", "\"\(key)\" holds no certificate"),
            (chain, chain, "key", "\"\(chain)\" holds no private key without a passphrase"),
        ]
        for (certificate, key, setting, words) in cases {
            let problem = try #require(throws: ServerCertificate.Problem.self) {
                try ServerCertificate(certificate: certificate, key: key)
            }
            #expect(problem.description == words)
            #expect(problem.setting == setting)
            #expect(problem.hint != nil)
        }
    }

    @Test("addresses of IPv6 are written in brackets")
    func addresses() {
        #expect(ServerOptions(host: "::1").url(port: 80) == "http://[::1]:80")
        #expect(ServerOptions(host: "[::1]").host == "::1")
        #expect(ServerOptions(host: "::1").isLoopback)
    }
}

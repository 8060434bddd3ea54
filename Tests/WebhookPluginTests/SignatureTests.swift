import Foundation
import RunnelKit
import Testing

@testable import WebhookPlugin

/// Signatures made with version 1.1.0 of the Python package `standardwebhooks`.
struct SignatureVector: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let secret: String
    let id: String
    let timestamp: Int64
    let body: String
    let signature: String

    var testDescription: String { name }

    static func all() throws -> [SignatureVector] {
        let url = try #require(Bundle.module.url(forResource: "signatures", withExtension: "json"))
        return try JSONDecoder().decode([SignatureVector].self, from: Data(contentsOf: url))
    }
}

@Suite("Signatures of webhooks") struct SignatureTests {
    @Test("signatures are those of the reference implementation")
    func vectors() throws {
        let vectors = try SignatureVector.all()
        #expect(vectors.count == 8)
        for vector in vectors {
            let secret = try SigningSecrets(field: .string(vector.secret))
            let header = WebhookSignature.header(
                keys: secret.keys, id: vector.id, timestamp: vector.timestamp, body: Array(vector.body.utf8))
            #expect(header == vector.signature, "\(vector.name)")
        }
    }

    @Test("several secrets make several signatures, a space between them")
    func several() throws {
        let secrets = try SigningSecrets(field: ["one", "whsec_dHdv"])
        let header = { (keys: [[UInt8]]) in WebhookSignature.header(keys: keys, id: "i", timestamp: 1, body: [0x7B]) }
        #expect(secrets.keys == [Array("one".utf8), Array("two".utf8)])
        #expect(header(secrets.keys) == header([Array("one".utf8)]) + " " + header([Array("two".utf8)]))
    }

    @Test(
        "a secret that cannot be used is an error that does not show it",
        arguments: [
            ("whsec_not base64!", "`secret`: what follows \"whsec_\" is not base64"),
            ("whsec_", "`secret`: what follows \"whsec_\" is not base64"),
            ("whsk_aGFsbG8=", "`secret`: a secret that begins with \"whsk_\" is a private key, which is not used here"),
            ("", "`secret`: the secret is empty"), (4711, "`secret`: expected a string, found a whole number"),
            (["ok", "whsec_?"], "`secret[1]`: what follows \"whsec_\" is not base64"),
            ([], "`secret`: the list holds no secret"),
        ] as [(Value, String)])
    func wrong(secret: Value, message: String) async throws {
        let error = try await Sending().failure(["url": "http://127.0.0.1:1/", "secret": secret])
        #expect(error.code == "bad-with")
        #expect(error.message == message)
    }
}

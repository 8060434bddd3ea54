import Foundation
import RunnelKit
import Testing

private struct Forecast: Codable, Equatable {
    enum Sky: String, Codable { case clear, cloudy }
    struct Day: Codable, Equatable {
        var degrees: Double
        var sky: Sky
    }

    var place: String
    var days: [Day]
    var note: String?
    var count: UInt8
    var more: Value
}

@Suite("Values and Codable types") struct ValueCodableTests {
    private static let forecast = Forecast(
        place: "Oslo", days: [.init(degrees: -1.5, sky: .clear), .init(degrees: 2, sky: .cloudy)], note: nil, count: 2,
        more: ["b": 1, "a": [.null, 2.5]])

    @Test("a type becomes the value that it stands for, its keys in their order, and is read from it")
    func roundTrip() throws {
        let value = try Value(encoding: Self.forecast)
        #expect(
            value.json()
                == #"{"place":"Oslo","days":[{"degrees":-1.5,"sky":"clear"},{"degrees":2.0,"sky":"cloudy"}],"#
                + #""count":2,"more":{"b":1,"a":[null,2.5]}}"#)
        #expect(try value.decoded(as: Forecast.self) == Self.forecast)
    }

    @Test("what does not fit is named with its place")
    func mismatch() throws {
        var value = try Value(encoding: Self.forecast)
        func path(_ error: DecodingError?) -> String? {
            switch error {
            case .typeMismatch(_, let context), .keyNotFound(_, let context), .dataCorrupted(let context):
                context.codingPath.map(\.stringValue).joined(separator: ".") + ": " + context.debugDescription
            default: nil
            }
        }
        var object = try #require(value.asObject)
        object["count"] = 256
        value = .object(object)
        let large = #expect(throws: DecodingError.self) { try value.decoded(as: Forecast.self) }
        #expect(path(large) == "count: expected a value of the type UInt8, found the number 256")
        object["count"] = 2
        object["days"] = [["degrees": 1]]
        let missing = #expect(throws: DecodingError.self) { try Value.object(object).decoded(as: Forecast.self) }
        #expect(path(missing) == "days.0: the key \"sky\" is missing")
        #expect(throws: EncodingError.self) { try Value(encoding: [UInt64.max]) }
    }

    @Test(
        "a value goes through JSON of Foundation and back",
        arguments: [
            .null, true, 1, -3, 1.5, "", "text", [], [1, "a", .null], [:], ["b": [["a": 1]], "a": .null], .int(.max),
        ] as [Value])
    func json(value: Value) throws {
        let data = try JSONEncoder().encode(["value": value])
        #expect(try JSONDecoder().decode([String: Value].self, from: data)["value"] == value)
        #expect(try Value(encoding: value) == value)
        #expect(try value.decoded(as: Value.self) == value)
    }

    @Test("binary data is written as base64")
    func bytes() throws {
        let data = try JSONEncoder().encode([Value.bytes([1, 2, 3])])
        #expect(String(decoding: data, as: UTF8.self) == #"["AQID"]"#)
    }
}

import RunnelTesting
import Testing

@testable import RunnelKit
@testable import SchedulePlugin

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Time zones") struct ZoneTests {
    private let system = ZoneDatabase.system

    @Test(
        "a rule says when clocks are changed",
        arguments: [
            // Zone, shortly before a change, the offset then, the change, the offset afterwards.
            ("EST5EDT,M3.2.0,M11.1.0", "2040-03-11T06:59:59Z", -5, "2040-03-11T07:00:00Z", -4),
            ("EST5EDT,M3.2.0,M11.1.0", "2040-11-04T05:59:59Z", -4, "2040-11-04T06:00:00Z", -5),
            // Daylight saving that is behind, in winter.
            ("IST-1GMT0,M10.5.0,M3.5.0/1", "2040-10-28T00:59:59Z", 1, "2040-10-28T01:00:00Z", 0),
            // Hours below zero.
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2040-03-25T00:59:59Z", -2, "2040-03-25T01:00:00Z", -1),
            // Days of the year, without and with the leap day.
            ("AAA0BBB,J60/0,J300/0", "2040-02-29T23:59:59Z", 0, "2040-03-01T00:00:00Z", 1),
            ("AAA0BBB,59/0,299/0", "2040-02-28T23:59:59Z", 0, "2040-02-29T00:00:00Z", 1),
        ])
    func rules(text: String, before: String, offset: Int64, after: String, other: Int64) throws {
        let rules = ZoneRules(try #require(PosixZone(text)))
        let (before, after) = (try time(before) / 1_000_000_000, try time(after) / 1_000_000_000)
        #expect(rules.offset(at: before) == offset * 3600)
        #expect(rules.offset(at: after) == other * 3600)
        #expect(rules.period(at: before).end == after)
        #expect(rules.period(at: after).start == after)
    }

    @Test("daylight saving all year leaves no gap")
    func allYear() throws {
        let rules = ZoneRules(try #require(PosixZone("XXX3EDT4,0/0,J365/23")))
        for month in 1...12 {
            #expect(
                rules.offset(at: try time("2040-\(month < 10 ? "0" : "")\(month)-01T00:00:00Z") / 1_000_000_000) == -4
                    * 3600)
        }
    }

    @Test(
        "what is no rule is refused",
        arguments: [
            "", "E5", "EST", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0", "EST5EDT,M3.2.0,M11.1.0,",
            "EST5EDT,M3.6.0,M11.1.0", "EST25", "<EST5", "EST5:60", "EST5EDT,J0,J1", "EST5EDT,366,1",
            "EST99999999999999",
        ])
    func badRules(text: String) {
        #expect(PosixZone(text) == nil)
    }

    @Test("the file and the rule behind it agree where they meet")
    func rulesAfterFile() throws {
        for name in ["America/New_York", "Europe/Dublin", "Australia/Lord_Howe", "America/Nuuk"] {
            let rules = try system.zone(named: name).rules
            let rule = try #require(rules.rule, "\(name)")
            for transition in rules.transitions.suffix(3).dropFirst(2) {
                #expect(rule.period(at: transition).offset == rules.offset(at: transition), "\(name)")
            }
            // Four years from there, period by period.
            var period = rules.period(at: try #require(rules.transitions.last))
            for _ in 0..<8 {
                let next = rules.period(at: period.end)
                #expect(next.start == period.end && next.offset != period.offset, "\(name)")
                period = next
            }
        }
    }

    @Test(
        "an unknown zone is named, with what was probably meant",
        arguments: [
            ("Asia/Tokio", "unknown time zone \"Asia/Tokio\"; did you mean \"Asia/Tokyo\"?"),
            ("asia/tokyo", "unknown time zone \"asia/tokyo\"; did you mean \"Asia/Tokyo\"?"),
            ("America/New York", "unknown time zone \"America/New York\"; did you mean \"America/New_York\"?"),
            ("Berlin", "unknown time zone \"Berlin\"; did you mean \"Europe/Berlin\"?"),
            ("JST", "unknown time zone \"JST\"; use a name of the IANA database, such as \"Asia/Tokyo\""),
            ("UTC+9", "unknown time zone \"UTC+9\"; use a name of the IANA database, such as \"Asia/Tokyo\""),
            ("utc", "unknown time zone \"utc\"; did you mean \"UTC\"?"),
            ("+09:00", "unknown time zone \"+09:00\"; use a name of the IANA database, such as \"Asia/Tokyo\""),
            (
                "../../../etc/passwd",
                "unknown time zone \"../../../etc/passwd\"; use a name of the IANA database, such as \"Asia/Tokyo\""
            ),
            (
                "/etc/localtime",
                "unknown time zone \"/etc/localtime\"; use a name of the IANA database, such as \"Asia/Tokyo\""
            ),
            (
                "Asia/../Asia/Tokyo",
                "unknown time zone \"Asia/../Asia/Tokyo\"; use a name of the IANA database, such as \"Asia/Tokyo\""
            ),
            (
                "tzdata.zi",
                "unknown time zone \"tzdata.zi\"; use a name of the IANA database, such as \"Asia/Tokyo\""
            ),
            ("Asia", "unknown time zone \"Asia\"; did you mean \"Asia/Aden\"?"),
            ("", "unknown time zone \"\"; use a name of the IANA database, such as \"Asia/Tokyo\""),
        ])
    func unknown(name: String, expected: String) {
        #expect(words { () throws(FieldError) in try system.zone(named: name) } == expected)
    }

    @Test("UTC needs no database, and others say what is missing")
    func noDatabase() throws {
        let nowhere = ZoneDatabase(folders: ["/nowhere", "/else"])
        #expect(try nowhere.zone(named: "UTC") == .utc)
        #expect(try nowhere.zone(named: "Etc/UTC").rules == .utc)
        #expect(
            words { () throws(FieldError) in try nowhere.zone(named: "Asia/Tokyo") }
                == """
                the time zone "Asia/Tokyo" cannot be read: there is no time zone database in /nowhere, \
                /else; install the package "tzdata", or use UTC
                """
        )
    }

    @Test("a file in the first form, with times of 32 bits, is read; broken files are not")
    func files() throws {
        let old = file(version: 0, transitions: [0, 1000], kinds: [1, 0], offsets: [3600, 7200])
        #expect(
            try TZifReader.rules(old)
                == ZoneRules(transitions: [0, 1000], offsets: [7200, 3600], firstOffset: 3600, rule: nil))
        for count in 0..<old.count {
            #expect(throws: TZifReader.Failure.self) { try TZifReader.rules(Array(old[..<count])) }
        }
        let failures: [(bytes: [UInt8], reason: String)] = [
            (Array("PNG".utf8) + old, "is not a time zone file"),
            (file(version: 0, transitions: [0], kinds: [2], offsets: [0]), "is damaged"),
            (file(version: 0, transitions: [5, 5], kinds: [0, 0], offsets: [0]), "is damaged"),
            (
                file(version: 0, transitions: [0], kinds: [0], offsets: [0], leapSeconds: 1),
                "counts leap seconds, which is not supported"
            ),
            (file(version: 0x32, transitions: [0], kinds: [0], offsets: [0]), "is truncated"),
        ]
        for failure in failures {
            #expect(throws: TZifReader.Failure(reason: failure.reason)) { try TZifReader.rules(failure.bytes) }
        }
    }

    @Test("a real file that is cut off anywhere is an error and no crash")
    func cutFile() throws {
        let folder = try #require(system.folders.first { SmallFile.isRegular($0 + "/Europe/Dublin") })
        let bytes = try #require(SmallFile.read(folder + "/Europe/Dublin"))
        _ = try TZifReader.rules(bytes)
        for count in stride(from: 0, to: bytes.count - 40, by: 7) {
            #expect(throws: TZifReader.Failure.self) { try TZifReader.rules(Array(bytes[..<count])) }
        }
    }

    @Test("the machine's zone is what TZ says, else the link's")
    func local() async throws {
        try await withTemporaryDirectory { directory in
            let database = ZoneDatabase(folders: [directory + "/zoneinfo"])
            let zone = file(version: 0, transitions: [], kinds: [], offsets: [5400])
            try FileManager.default.createDirectory(
                atPath: directory + "/zoneinfo/Mars", withIntermediateDirectories: true)
            try Data(zone).write(to: URL(filePath: directory + "/zoneinfo/Mars/Base"))
            try FileManager.default.createSymbolicLink(
                atPath: directory + "/localtime", withDestinationPath: directory + "/zoneinfo/Mars/Base")
            let link = directory + "/localtime"
            #expect(try database.local(variable: nil, link: link).name == "Mars/Base")
            #expect(try database.local(variable: nil, link: link).rules.firstOffset == 5400)
            #expect(try database.local(variable: nil, link: directory + "/none") == .utc)
            #expect(try database.local(variable: "", link: link) == .utc)
            #expect(try database.local(variable: ":Mars/Base", link: "").name == "Mars/Base")
            #expect(try database.local(variable: link, link: "").name == "Mars/Base")
            #expect(try database.local(variable: "JST-9", link: "").rules.firstOffset == 32_400)
            #expect(
                words { () throws(FieldError) in try database.local(variable: "Mars/Bass", link: "") }
                    == """
                    the variable TZ of the environment: unknown time zone "Mars/Bass"; did you mean \
                    "Mars/Base"?
                    """
            )
            #expect(
                words { () throws(FieldError) in try database.local(variable: ":/none", link: "") }
                    == "the variable TZ names the file \"/none\", which cannot be read")
        }
    }

    /// A TZif file with one block of version 1.
    private func file(
        version: UInt8, transitions: [Int32], kinds: [UInt8], offsets: [Int32], leapSeconds: Int32 = 0
    ) -> [UInt8] {
        func bytes(_ number: Int32) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
        var file = Array("TZif".utf8) + [version] + [UInt8](repeating: 0, count: 15)
        for count in [0, 0, leapSeconds, Int32(transitions.count), Int32(offsets.count), 4] { file += bytes(count) }
        file += transitions.flatMap(bytes) + kinds
        for offset in offsets { file += bytes(offset) + [0, 0] }
        return file + Array("ABC\0".utf8) + [UInt8](repeating: 0, count: Int(leapSeconds) * 8)
    }
}

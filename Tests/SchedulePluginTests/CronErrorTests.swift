import RunnelKit
import Testing

@testable import SchedulePlugin

@Suite("Errors in cron expressions") struct CronErrorTests {
    @Test(
        "an error quotes the field, says what is wrong and what to do",
        arguments: [
            (
                "",
                """
                the cron expression "" has 0 fields; expected 5, or 6 with seconds first; the fields are: \
                minute, hour, day of month, month, day of week
                """
            ),
            (
                "* * *",
                """
                the cron expression "* * *" has 3 fields; expected 5, or 6 with seconds first; the fields are: \
                minute, hour, day of month, month, day of week
                """
            ),
            (
                "* * * * * * *",
                """
                the cron expression "* * * * * * *" has 7 fields; expected 5, or 6 with seconds first; the \
                fields are: minute, hour, day of month, month, day of week
                """
            ),
            ("60 * * * *", "the minute field is \"60\", which is not between 0 and 59"),
            ("1,60 * * * *", "the minute field \"1,60\" has \"60\", which is not between 0 and 59"),
            ("* 24 * * *", "the hour field is \"24\", which is not between 0 and 23"),
            ("* * 0 * *", "the day of month field is \"0\", which is not between 1 and 31"),
            ("* * * 13 *", "the month field is \"13\", which is not between 1 and 12"),
            ("* * * * 8", "the day of week field is \"8\", which is not between 0 and 7"),
            ("60 * * * * *", "the second field is \"60\", which is not between 0 and 59"),
            (
                "99999999999999999999 * * * *",
                "the minute field is \"99999999999999999999\", where a number was expected"
            ),
            ("-5 * * * *", "the minute field is \"-5\", where a number was expected"),
            ("+5 * * * *", "the minute field is \"+5\", where a number was expected"),
            ("1,,2 * * * *", "the minute field \"1,,2\" has an empty part"),
            ("x * * * *", "the minute field is \"x\", where a number was expected"),
            (
                "* * * JUNE *",
                "the month field is \"JUNE\", where a number or a name such as JAN was expected; did you mean \"JUN\"?"
            ),
            (
                "* * * * MONDAY",
                """
                the day of week field is "MONDAY", where a number or a name such as SUN was expected; did you \
                mean "MON"?
                """
            ),
            ("* 22-2 * * *", "the hour field is \"22-2\", a reversed range; write \"22-23,0-2\""),
            ("* * * * FRI-MON", "the day of week field is \"FRI-MON\", a reversed range; write \"FRI-6,0-MON\""),
            ("*/0 * * * *", "the minute field \"*/0\" has \"0\", a step that is not between 1 and 59"),
            (
                "*/90 * * * *",
                """
                the minute field "*/90" has "90", a step that is not between 1 and 59; for every 90 minutes \
                use "every" instead of "cron": every: 90m
                """
            ),
            (
                "0 */36 * * *",
                """
                the hour field "*/36" has "36", a step that is not between 1 and 23; for every 36 hours use \
                "every" instead of "cron": every: 36h
                """
            ),
            ("1-2-3 * * * *", "the minute field is \"1-2-3\", where a number was expected"),
            ("1/2/3 * * * *", "the minute field \"1/2/3\" has \"2/3\", a step that is not between 1 and 59"),
            ("? * * * *", "the minute field is \"?\", which only the two day fields can have; write \"*\""),
            ("0 0 ?,1 * *", "the day of month field \"?,1\" has \"?\", which must be the only value"),
            ("0 0 32W * *", "the day of month field is \"32W\", which is not between 1 and 31"),
            ("0 0 1-5W * *", "the day of month field is \"1-5W\", where a number was expected"),
            (
                "0 0 * * L",
                "the day of week field is \"L\", which needs a weekday; \"5L\" is the last Friday of the month"
            ),
            ("0 0 * * MON#6", "the day of week field is \"MON#6\", whose number after \"#\" is not between 1 and 5"),
            ("0 0 * * #1", "the day of week field is \"#1\", where a number or a name such as SUN was expected"),
            ("L * * * *", "the minute field is \"L\", where a number was expected"),
            ("@dayly", "unknown nickname \"@dayly\"; did you mean \"@daily\"?"),
            (
                "@nonsense",
                "unknown nickname \"@nonsense\"; known: @annually, @daily, @hourly, @midnight, @monthly, @reboot, @weekly, @yearly"
            ),
            (
                "@every 90s",
                "\"@every\" is not a cron expression; use \"every\" instead of \"cron\", such as `every: 90s`"
            ),
            ("@daily 5", "\"@daily\" must be the only word, found \"@daily 5\""),
            (
                "TZ=UTC * * * * *",
                """
                the cron expression "TZ=UTC * * * * *" begins with "TZ=UTC", which is not a field; set the zone \
                with "timezone"
                """
            ),
            (
                "30 2 30 2 *",
                """
                the time of the cron expression "30 2 30 2 *" never comes: there is no date with day of month "30", month \
                "2"
                """
            ),
            (
                "0 0 31 4,6 *",
                """
                the time of the cron expression "0 0 31 4,6 *" never comes: there is no date with day of month "31", month \
                "4,6"
                """
            ),
            (
                "0 0 30 2 */2",
                """
                the time of the cron expression "0 0 30 2 */2" never comes: there is no date with day of month "30", month \
                "2", day of week "*/2"
                """
            ),
            (
                "0 0 31W SEP ?",
                """
                the time of the cron expression "0 0 31W SEP ?" never comes: there is no date with day of month "31W", \
                month "SEP"
                """
            ),
        ])
    func errors(text: String, expected: String) {
        #expect(words { () throws(FieldError) in try CronExpression(text) } == expected)
    }

    @Test("an error says where in the expression it is")
    func place() {
        #expect(throws: FieldError("the month field is \"13\", which is not between 1 and 12", utf8Offset: 8)) {
            try CronExpression("0 0  *  13 *")
        }
    }

    @Test("an endless expression is not read")
    func endless() {
        let text = String(repeating: "1,", count: 1000) + "1 * * * *"
        #expect(
            words { () throws(FieldError) in try CronExpression(text) }
                == "a cron expression of 2009 bytes is too long; 1000 are allowed")
    }

    @Test("rare dates are possible", arguments: ["0 0 29 2 *", "0 0 * 2 MON#5", "0 0 30 2 MON", "0 0 29 2 */6"])
    func rare(text: String) throws {
        #expect(try schedule(text).next(after: 0) != nil)
    }
}

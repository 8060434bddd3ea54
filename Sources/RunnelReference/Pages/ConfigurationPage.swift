import RunnelEngine
import RunnelKit

/// `configuration.md`: the settings of `runnel.yaml` and their environment variables.
enum ConfigurationPage {
    static func text() -> String {
        let all = SettingList.all
        let groups = all.filter(\.isGroup)
        let single = all.filter { $0.path.count == 1 && !$0.isGroup }
        var text = """
            # Configuration

            What `runnel.yaml` can say. The file stands in the folder of the pipelines or above it; its folder is the
            project's. Everything in it may be left out. An environment variable wins over the file; a list is written
            with commas there. An unknown key is an error.

            \(table(single))
            A *secret* is `{ env: NAME }` or `{ file: path }`, relative to the folder of `runnel.yaml`; written out it
            is accepted with a warning. A *duration* is written as `500ms`, `2s`, `1h30m` or `30d`.

            """
        for group in groups {
            let members = all.filter { !$0.isGroup && $0.path.dropLast() == group.path[...] }
            let help = group.schema["description"]?.asString ?? ""
            text += "\n## \(group.name)\n\n\(help)\n\n" + (members.isEmpty ? "" : table(members))
        }
        return text
    }

    private static func table(_ settings: [Setting]) -> String {
        Markdown.table(
            ["key", "value", "default", "environment variable", "meaning"],
            settings.map { setting in
                let absent = setting.schema["default"].map { Markdown.code(TypeWords.written($0)) } ?? ""
                return [
                    Markdown.code(setting.path.last ?? ""), TypeWords.text(setting.schema), absent,
                    setting.variable.map(Markdown.code) ?? "", setting.schema["description"]?.asString ?? "",
                ]
            })
    }
}

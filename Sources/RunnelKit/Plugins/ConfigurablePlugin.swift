/// A plugin with settings of its own: what stands below `plugins: { <name>: … }` in `runnel.yaml`.
///
///     struct WeatherSettings: FieldGroup {
///         init() {}
///         @Field("Where the office answers.") var url: String = "https://weather.example"
///         @Field("What it wants to see.") var key: String?
///     }
///
/// A value that is `{ env: NAME }` or `{ file: path }` is fetched before the plugin sees it, and masked wherever
/// Runnel writes. What is always a secret is a ``SensitiveValue``.
public protocol ConfigurablePlugin: Plugin {
    /// What can be set.
    associatedtype Settings: FieldGroup

    /// The section of `runnel.yaml` that holds the settings; nil, unless a plugin says otherwise, for
    /// `plugins: { <name>: … }`. The keys of a section are checked when the file is read, and each has an environment
    /// variable: `RUNNEL_<SECTION>_<KEY>`.
    static var section: SettingsSection? { get }

    /// The plugin with these settings; called once, before anything else is asked of it.
    func configured(_ settings: Settings) -> Self
}

/// A section of `runnel.yaml` that belongs to a plugin.
public struct SettingsSection: Sendable, Hashable {
    /// The key at the top of the file.
    public let key: String
    /// One sentence for the reference.
    public let help: String

    /// A section with this key.
    public init(_ key: String, _ help: String) {
        self.key = key
        self.help = help
    }
}

extension ConfigurablePlugin {
    /// None.
    public static var section: SettingsSection? { nil }

    /// The section as a field of the file.
    package var sectionField: FieldDefinition? {
        Self.section.map { Field(wrappedValue: Settings(), $0.help, key: $0.key).definition }
    }

    package var settingsSchema: Value { Settings.schema }

    /// Reads the settings. Without any, the fields' defaults are taken.
    /// - Throws: What is wrong with them, without the plugin's name.
    public func configured(reading settings: Value) throws(FieldError) -> any Plugin {
        configured(try Settings(field: settings.isNull ? [:] : settings))
    }
}

extension [any Plugin] {
    /// The sections of `runnel.yaml` that belong to these plugins, in their order.
    package var settingsSections: [FieldDefinition] {
        compactMap { ($0 as? any ConfigurablePlugin)?.sectionField }
    }
}

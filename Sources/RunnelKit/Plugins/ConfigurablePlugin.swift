/// A plugin with settings of its own: what stands below `plugins: { <name>: … }` in `runnel.yaml`.
///
///     struct WeatherSettings: FieldGroup {
///         init() {}
///         @Field("Where the office answers.") var url: String = "https://weather.example"
///         @Field("What it wants to see.") var key: String?
///     }
///
/// A value that is `{ env: NAME }` or `{ file: path }` is fetched before the plugin sees it, and masked wherever
/// Runnel writes.
public protocol ConfigurablePlugin: Plugin {
    associatedtype Settings: FieldGroup

    /// The plugin with these settings; called once, before anything else is asked of it.
    func configured(_ settings: Settings) -> Self
}

extension ConfigurablePlugin {
    /// Reads the settings. Without any, the fields' defaults are taken.
    /// - Throws: What is wrong with them, without the plugin's name.
    public func configured(reading settings: Value) throws(FieldError) -> any Plugin {
        configured(try Settings(field: settings.isNull ? [:] : settings))
    }
}

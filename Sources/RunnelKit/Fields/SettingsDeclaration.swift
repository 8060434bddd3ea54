internal import Synchronization

/// What the settings of a step or trigger declare, made when first asked for: most commands ask for none of it.
final class SettingsDeclaration: Sendable {
    struct Content: Sendable {
        let schema: Value
        let fields: [FieldDefinition]
        let paths: ProjectPathPlaces?
    }

    private let make: @Sendable () -> Content
    private let made = Mutex<Content?>(nil)

    init(of group: (some FieldGroup).Type) {
        make = {
            let schema = group.schema
            return Content(schema: schema, fields: group.fields, paths: ProjectPathPlaces(schema: schema))
        }
    }

    init(schema: Value) {
        make = {
            Content(
                schema: schema, fields: FieldDefinition.list(schema), paths: ProjectPathPlaces(schema: schema))
        }
    }

    var content: Content {
        if let content = made.withLock({ $0 }) { return content }
        // Outside of the lock: the schema of a field may ask for other declarations.
        let content = make()
        made.withLock { $0 = content }
        return content
    }
}

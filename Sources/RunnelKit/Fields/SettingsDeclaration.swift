internal import Synchronization

/// What the settings of a step or trigger declare, made when first asked for: most commands ask for none of it.
final class SettingsDeclaration: Sendable {
    struct Content: Sendable {
        let schema: Value
        let fields: [FieldDefinition]
        let place: SchemaPlace

        init(schema: Value, fields: [FieldDefinition]) {
            (self.schema, self.fields, place) = (schema, fields, SchemaPlace(schema))
        }

        /// nil if no path of the project stands there.
        var paths: SchemaPlace? { place.contains(format: ProjectPath.format) ? place : nil }
    }

    private let make: @Sendable () -> Content
    private let made = Mutex<Content?>(nil)

    init(of group: (some FieldGroup).Type) {
        make = { Content(schema: group.schema, fields: group.fields) }
    }

    init(schema: Value) {
        make = { Content(schema: schema, fields: FieldDefinition.list(schema)) }
    }

    var content: Content {
        if let content = made.withLock({ $0 }) { return content }
        // Outside of the lock: the schema of a field may ask for other declarations.
        let content = make()
        made.withLock { $0 = content }
        return content
    }
}

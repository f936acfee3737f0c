/// What a flow tells about its own execution, by `POST /v1/bindings`: which event or context it belongs to, and later how
/// it ended.
package struct BindingCall: Equatable, Sendable {
    package var executionID: String
    package var tenant: String?
    package var event: EventReference?
    /// The context from the flow's inputs.
    package var traceparent: Traceparent?
    /// Kestra's name of the execution's state, in upper case.
    package var state: String?
    /// The execution that started this one.
    package var parentExecutionID: String?
    /// Who told it. Not part of the stored form: the kind of the journal's record says it.
    package var origin = Origin.flow

    package enum Origin: Sendable {
        /// `POST /v1/bindings`.
        case flow
        /// The answer of the webhook to which the event was forwarded.
        case webhook
    }

    /// The event that started the execution.
    package struct EventReference: Hashable, Sendable {
        package var id: String
        package var source: String
        package var tenantID: String?
        package var type: String?

        package init(id: String, source: String, tenantID: String? = nil, type: String? = nil) {
            self.id = id
            self.source = source
            self.tenantID = tenantID
            self.type = type
        }
    }

    /// Longest execution id, tenant and state, in bytes.
    package static let idLimit = 256
    /// Longest attribute of the event, in bytes.
    package static let attributeLimit = 4096

    package init(
        executionID: String, tenant: String? = nil, event: EventReference? = nil, traceparent: Traceparent? = nil,
        state: String? = nil, parentExecutionID: String? = nil
    ) {
        self.executionID = executionID
        self.tenant = tenant
        self.event = event
        self.traceparent = traceparent
        self.state = state
        self.parentExecutionID = parentExecutionID
    }

    /// Reads `{executionId, tenant?, event?: {id, source, tenantid?, type?}, traceparent?, state?, parentExecutionId?}`.
    ///
    /// Flows fill it in from templates, so that an empty string is as good as an absent field, and so is an event with
    /// neither id nor source. Unknown fields are ignored.
    package static func parse(_ body: [UInt8]) throws(BindingCallError) -> BindingCall {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(body, depthLimit: 16, valueLimit: 1000)
        } catch {
            throw .json(error)
        }
        var fields = Fields(object: value)
        guard case .object = value else {
            fields.report("", "must be an object, not \(value.kindName)")
            throw .mistakes(fields.mistakes)
        }
        let executionID = fields.required("executionId", limit: idLimit)
        let tenant = fields.optional("tenant", limit: idLimit)
        let state = fields.optional("state", limit: idLimit)
        let parent = fields.optional("parentExecutionId", limit: idLimit)
        // What is no traceparent is left out, as W3C Trace Context has it: the flow passes on what came with the event,
        // and must not fail for it.
        let traceparent = fields.optional("traceparent", limit: attributeLimit).flatMap { Traceparent($0) }
        let event = event(&fields)
        guard fields.mistakes.isEmpty, let executionID else { throw .mistakes(fields.mistakes) }
        return BindingCall(
            executionID: executionID, tenant: tenant, event: event, traceparent: traceparent, state: state,
            parentExecutionID: parent)
    }

    private static func event(_ fields: inout Fields) -> EventReference? {
        guard let value = fields.object["event"], value != .null else { return nil }
        guard case .object = value else {
            fields.report("event", "must be an object, not \(value.kindName)")
            return nil
        }
        var inner = Fields(object: value, prefix: "event.")
        defer { fields.mistakes += inner.mistakes }
        let tenantID = inner.optional("tenantid", limit: idLimit)
        let type = inner.optional("type", limit: attributeLimit)
        if inner.isAbsent("id"), inner.isAbsent("source") { return nil }
        guard let id = inner.required("id", limit: attributeLimit),
            let source = inner.required("source", limit: attributeLimit)
        else {
            // The second is looked at even if the first is wrong.
            if inner.mistakes.last?.field == "event.id" { _ = inner.required("source", limit: attributeLimit) }
            return nil
        }
        return EventReference(id: id, source: source, tenantID: tenantID, type: type)
    }

    /// The form in the journal, which is that of the request.
    package func encode() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 256)
        writer.beginObject()
        writer.member("executionId", executionID)
        writer.member("tenant", optional: tenant)
        if let event {
            writer.key("event")
            writer.beginObject()
            writer.member("id", event.id)
            writer.member("source", event.source)
            writer.member("tenantid", optional: event.tenantID)
            writer.member("type", optional: event.type)
            writer.endObject()
        }
        writer.member("traceparent", optional: traceparent?.text)
        writer.member("state", optional: state)
        writer.member("parentExecutionId", optional: parentExecutionID)
        writer.endObject()
        return writer.bytes
    }

    /// Reads what `encode` wrote.
    package static func decode(_ bytes: [UInt8]) throws(BindingCallError) -> BindingCall { try parse(bytes) }
}

/// Why a binding call was refused.
package enum BindingCallError: Error, Equatable, Sendable, CustomStringConvertible {
    case json(JSONError)
    /// All that is wrong, in the order of the fields.
    case mistakes([Mistake])

    /// One wrong field.
    package struct Mistake: Equatable, Sendable {
        /// Its path, such as `event.id`; empty for the body itself.
        package var field: String
        /// What is wrong, to be read after the name.
        package var problem: String

        package init(field: String, problem: String) {
            self.field = field
            self.problem = problem
        }
    }

    package var description: String {
        switch self {
        case .json(let error): error.description
        case .mistakes(let mistakes):
            mistakes.map { "\($0.field.isEmpty ? "the body" : "'\($0.field)'") \($0.problem)" }.joined(separator: "; ")
        }
    }
}

extension BindingCall {
    /// Reads the fields of an object and collects what is wrong with them.
    private struct Fields {
        let object: JSONValue
        var prefix = ""
        var mistakes: [BindingCallError.Mistake] = []

        mutating func report(_ name: String, _ problem: String) {
            mistakes.append(BindingCallError.Mistake(field: prefix + name, problem: problem))
        }

        /// Whether the field is not there, null or an empty string.
        func isAbsent(_ name: String) -> Bool {
            switch object[name] {
            case nil, .null, .string(""): true
            default: false
            }
        }

        mutating func required(_ name: String, limit: Int) -> String? {
            if isAbsent(name) { report(name, object[name]?.string == nil ? "is missing" : "must not be empty") }
            return optional(name, limit: limit)
        }

        mutating func optional(_ name: String, limit: Int) -> String? {
            guard !isAbsent(name), let value = object[name] else { return nil }
            guard let text = value.string else {
                report(name, "must be a string, not \(value.kindName)")
                return nil
            }
            guard text.utf8.count <= limit else {
                report(name, "has \(text.utf8.count) bytes; at most \(limit) are taken")
                return nil
            }
            return text
        }
    }
}

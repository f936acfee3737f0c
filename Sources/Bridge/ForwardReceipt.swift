import Exporters
import OTLP

/// What became of forwarding one event, as the journal keeps it: so that it is not sent again after a restart, and that
/// the execution it started stays known.
struct ForwardReceipt: Sendable, Equatable {
    var event: ForwardItem.ID
    /// A name of `ForwardOutcome`.
    var outcome: String
    /// The execution that the webhook started for the event.
    var binding: BindingCall?

    init(event: ForwardItem.ID, outcome: String, binding: BindingCall?) {
        self.event = event
        self.outcome = outcome
        self.binding = binding
    }

    init(_ end: ForwardEnd) {
        self.init(event: end.item.id, outcome: end.outcome.name, binding: nil)
        if case .started(let answer) = end.outcome {
            var event = end.item.event
            // A tenant that a binding call may not have could not be read back; the event is found by source and id.
            if let tenant = event.tenantID, tenant.utf8.count > BindingCall.idLimit { event.tenantID = nil }
            binding = BindingCall(executionID: answer.executionID, tenant: answer.tenant, event: event)
            binding?.origin = .webhook
        }
    }

    func encode() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 384)
        writer.beginObject()
        writer.member("record", event.record)
        writer.member("position", event.position)
        writer.member("outcome", outcome)
        if let binding {
            writer.key("binding")
            writer.raw(json: binding.encode())
        }
        writer.endObject()
        return writer.bytes
    }

    /// Reads what `encode` wrote; nil for anything else.
    static func decode(_ bytes: [UInt8]) -> ForwardReceipt? {
        guard let value = try? JSONValue.parse(bytes, depthLimit: 16, valueLimit: 1_000),
            let record = value["record"]?.integer.flatMap({ UInt64(exactly: $0) }),
            let position = value["position"]?.integer.flatMap({ Int(exactly: $0) }), position >= 0,
            let outcome = value["outcome"]?.string
        else { return nil }
        var binding: BindingCall?
        if let stored = value["binding"] {
            // Without it the receipt still says that the event was sent.
            binding = try? BindingCall.decode(stored.serialized)
            binding?.origin = .webhook
        }
        return ForwardReceipt(event: ForwardItem.ID(record: record, position: position), outcome: outcome, binding: binding)
    }
}

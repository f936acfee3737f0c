import OTLP

extension FuzzTarget {
    /// CloudEvents over HTTP; the first byte chooses the mode.
    static let cloudEvent = FuzzTarget(name: "cloud-event") { bytes in
        guard let first = bytes.first else { return }
        let types = ["application/cloudevents+json", "application/cloudevents-batch+json", "application/json", "text/plain"]
        let headers = [("ce-id", "1"), ("ce-source", "/a"), ("ce-type", "b"), ("ce-specversion", "1.0")]
        let parsed = try? CloudEvent.parse(
            contentType: types[Int(first) % types.count], headers: headers, body: Array(bytes.dropFirst()))
        for event in parsed ?? [] {
            guard let again = try? CloudEvent.decode(event.encode()) else { fatalError("what is stored cannot be read") }
            require(again == event, "an event is read back as another")
            _ = event.claimedExecutions(keys: [["output", "executionId"], ["executionId"]])
            _ = event.context
        }
    }
}

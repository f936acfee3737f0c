import Exporters

extension FuzzTarget {
    /// What a webhook answers that an event was forwarded to.
    static let webhookAnswer = FuzzTarget(name: "webhook-answer") { bytes in
        guard let answer = WebhookAnswer.parse(bytes) else { return }
        require((1...256).contains(answer.executionID.utf8.count), "an execution id has no usual length")
        for text in [answer.tenant, answer.namespace, answer.flow].compactMap({ $0 }) {
            require((1...256).contains(text.utf8.count), "a name has no usual length")
        }
    }
}

package import Transport

/// Limits and times of one webhook's queue. Times are nanoseconds. The keys in the comments are those below
/// `cloudevents.forward_to` in the configuration.
package struct ForwardQueueSettings: Sendable {
    /// Bytes of events held, waiting or in flight (`sending_queue.size`).
    package var queueBytes = 16 << 20
    /// Events held, waiting or in flight (derived: not a key).
    package var queueEvents = 10_000
    /// Calls in flight (`sending_queue.num_consumers`).
    package var consumers = 4
    /// The wait before the first retry (`retry_on_failure.initial_interval`).
    package var initialInterval: UInt64 = 1_000_000_000
    /// The longest wait between two attempts, before jitter (`retry_on_failure.max_interval`).
    package var maxInterval: UInt64 = 30_000_000_000
    /// Each wait is this many times the one before (`retry_on_failure.multiplier`).
    package var multiplier = 1.5
    /// A wait is a random one between (1 - this) and (1 + this) times its interval
    /// (`retry_on_failure.randomization_factor`).
    package var randomization = 0.5
    /// From the first attempt to the last; then the event is given up. 0 retries for ever
    /// (`retry_on_failure.max_elapsed_time`).
    package var maxElapsedTime: UInt64 = 0
    /// What a webhook asks for beyond this is not honoured: one wrong header must not stop events for a year.
    package var serverDelayLimit: UInt64 = 600_000_000_000

    package init() {}
}

/// One webhook.
package struct WebhookSettings: Sendable {
    /// The route's name, which is the metrics' label `route`.
    package var name: String
    /// Path and query. It holds the webhook's key: never logged.
    package var target: String
    /// Sent with each call, in place of the relay's own of the same name.
    package var headers: [HeaderField] = []
    /// Of one attempt (`timeout`).
    package var timeout: UInt64 = 10_000_000_000
    /// Bytes of an answer, as sent and inflated.
    package var responseLimit = 4 << 20
    /// Of the product, for `user-agent`.
    package var version: String
    package var queue = ForwardQueueSettings()

    package init(name: String, target: String, version: String) {
        self.name = name
        self.target = target
        self.version = version
    }
}

/// Limits and times of one exporter's queue. Times are nanoseconds. The keys in the comments are those below
/// `exporters.NAME` in the configuration.
package struct ExportQueueSettings: Sendable {
    /// Bytes of payload held, waiting or in flight (`sending_queue.size`).
    package var queueBytes = 256 << 20
    /// Items held, waiting or in flight (derived: not a key).
    package var queueItems = 10_000
    /// Batches in flight or between two attempts (`sending_queue.num_consumers`).
    package var consumers = 10
    /// A batch is not made larger than this; one item alone may be (`sending_queue.batch.max_bytes`). grpc-go's servers
    /// take 4 MiB unless told otherwise.
    package var batchMaxBytes = 4 << 20
    /// With this many bytes a batch goes out at once (`sending_queue.batch.min_bytes`).
    package var batchMinBytes = 1 << 20
    /// With fewer it waits this long for more (`sending_queue.batch.timeout`); 0 sends at once.
    package var batchTimeout: UInt64 = 200_000_000
    /// Bytes of a request before compression; never more are sent (OTLP C-1: 64 MiB).
    package var requestLimit = 64 << 20
    /// The wait before the first retry (`retry_on_failure.initial_interval`).
    package var initialInterval: UInt64 = 5_000_000_000
    /// The longest wait between two attempts, before jitter (`retry_on_failure.max_interval`).
    package var maxInterval: UInt64 = 30_000_000_000
    /// Each wait is this many times the one before (`retry_on_failure.multiplier`).
    package var multiplier = 1.5
    /// A wait is a random one between (1 - this) and (1 + this) times its interval
    /// (`retry_on_failure.randomization_factor`).
    package var randomization = 0.5
    /// From the first attempt to the last; then the batch is dropped. 0 retries for ever
    /// (`retry_on_failure.max_elapsed_time`).
    package var maxElapsedTime: UInt64 = 300_000_000_000
    /// What a backend asks for beyond this is not honoured: one wrong header must not stop the export for a year
    /// (`retry_on_failure.max_server_delay`).
    package var serverDelayLimit: UInt64 = 600_000_000_000

    package init() {}

    /// The collector's, where it has the same setting.
    package static let defaults = ExportQueueSettings()
}

extension Configuration {
    /// The files that hold what was received.
    package struct Journal: SettingsSection, Hashable {
        /// When a request is acknowledged.
        package enum Durability: String, Sendable, CaseIterable {
            /// After its bytes are on the disk: they survive kill -9 and a power cut.
            case fsync
            /// After its bytes are with the kernel: they survive kill -9 only. Faster on slow disks.
            case memory
        }

        /// Where the files are; made at the start if missing. Default `./spanbridge-data`. One relay per directory.
        package var directory = "./spanbridge-data"
        /// Default `fsync`.
        package var durability = Durability.fsync
        /// At which size a segment is sealed. Default 128 MiB. Retention deletes whole segments: lower makes it finer
        /// and needs more files; higher makes a restart slower, which indexes the open segment again.
        package var segmentSize: ByteCount = 128 << 20
        package var retention = Retention()
        /// How many bytes may wait for the disk; beyond it senders are asked to wait. Default 64 MiB. Lower makes a slow
        /// disk felt sooner; higher costs memory.
        package var queueSize: ByteCount = 64 << 20

        mutating func read(_ section: Section) {
            section.text("directory", &directory)
            section.choice("durability", &durability)
            section.size("segment_size", &segmentSize, in: 1 << 20...1 << 30)
            section.section("retention", &retention)
            section.size("queue_size", &queueSize, in: 1 << 20...16 << 30)
        }
    }

    /// How long the journal keeps what it has. What is older cannot be amended, shown or sent any more.
    package struct Retention: SettingsSection, Hashable {
        /// All segments together. Default 10 GiB. At least two segments.
        package var size: ByteCount = 10 << 30
        /// Age of a segment's newest record. Default 7 d.
        package var age: Nanoseconds = 7 * day

        mutating func read(_ section: Section) {
            section.size("size", &size, in: 2 << 20...1 << 50)
            section.duration("age", &age, in: 60 * second...3_650 * day)
        }
    }
}

import Bridge
import Configuration
import Glibc
import Transport

/// `spanbridge replay`: sends recorded requests to a receiver, each over the transport it was recorded from.
struct ReplayCommand {
    var options: Invocation.Replay
    var environment: [String: String]

    func run() -> ExitCode {
        do {
            let recordings = try options.directories.map(Recording.init(folder:))
            let requests = try recordings.flatMap { try $0.requests() }
            guard !requests.isEmpty else {
                complain(
                    "There are no recorded requests (NNNNN-….meta.json) in \(options.directories.joined(separator: ", ")).")
                return .failure
            }
            let sender = try RecordedSender(http: options.http, grpc: options.grpc)
            let deliveries = try recordings.flatMap { try $0.deliveries() }
            let api = try options.api.map { try APIClient($0, environment) }
            for delivery in deliveries { try api.map(delivery.tellStart) }
            for _ in 0..<options.repetitions { try send(requests, by: sender) }
            for delivery in deliveries { try api.map(delivery.tellEnd) }
            let bytes = requests.reduce(0) { $0 + $1.body.count } * options.repetitions
            print("Sent \(requests.count * options.repetitions) requests, \(bytes) bytes.")
            return .success
        } catch let failure as CommandFailure {
            complain(failure.message)
            return failure.code
        } catch {
            complain("The recording cannot be read: \(error)")
            return .failure
        }
    }

    private func send(_ requests: [RecordedRequest], by sender: RecordedSender) throws {
        let first = requests.map(\.time).min() ?? 0
        let begin = EventLoop.now()
        let shift = options.shiftToNow ? Int64(clamping: Clock().now()) - Int64(clamping: first) : 0
        for request in requests {
            if let speed = options.speed {
                let due = begin &+ UInt64(Double(request.time &- first) / speed)
                let now = EventLoop.now()
                if due > now { usleep(UInt32(clamping: (due - now) / 1000)) }
            }
            try sender.send(shift == 0 ? request : try request.shifted(by: shift))
        }
    }
}

import Transport

/// The gRPC health service (`grpc.health.v1.Health`): what Kubernetes probes and gRPC clients ask.
enum Health: String {
    case check = "/grpc.health.v1.Health/Check"
    case list = "/grpc.health.v1.Health/List"
    /// Tells when the relay stops. That it has no room for a moment is told by `check` and by the answers to exports.
    case watch = "/grpc.health.v1.Health/Watch"

    private enum Status: UInt8 {
        case serving = 1
        case notServing = 2
        case serviceUnknown = 3

        /// A `HealthCheckResponse`.
        var message: [UInt8] { [0x08, rawValue] }
    }

    /// An unknown service is NOT_FOUND (5) for `check` and a message for `watch`, which may be about one that comes yet.
    func answer(to request: Request, isServing: Bool) -> Response {
        let now = isServing ? Status.serving : .notServing
        if self == .list { return .grpc(GRPCStatus(code: 0), message: Self.list(now)) }
        guard let service = Self.service(in: request.body) else {
            return .grpc(GRPCStatus(code: 3, message: "The HealthCheckRequest cannot be read."))
        }
        let isKnown = Self.services.contains(service)
        if self == .check {
            return isKnown
                ? .grpc(GRPCStatus(code: 0), message: now.message)
                : .grpc(GRPCStatus(code: 5, message: "There is no service \(service) here."))
        }
        var answer = Response.grpc(GRPCStatus(code: 0), message: (isKnown ? now : .serviceUnknown).message)
        answer.farewell = .init(
            message: (isKnown ? Status.notServing : .serviceUnknown).message,
            status: GRPCStatus(code: 14, message: "The relay stops."))
        return answer
    }

    /// The empty name stands for all.
    private static let services = [
        "", "opentelemetry.proto.collector.trace.v1.TraceService",
        "opentelemetry.proto.collector.metrics.v1.MetricsService", "opentelemetry.proto.collector.logs.v1.LogsService",
    ]

    /// A `HealthListResponse`: field 1 is a map from service (1) to `HealthCheckResponse` (2). All are shorter than 128
    /// bytes.
    private static func list(_ status: Status) -> [UInt8] {
        services.flatMap { service in
            let name = Array(service.utf8)
            let entry = [0x0A, UInt8(name.count)] + name + [0x12, UInt8(status.message.count)] + status.message
            return [0x0A, UInt8(entry.count)] + entry
        }
    }

    /// Field 1 of the request, which is its only field; names of services are shorter than 128 bytes.
    private static func service(in body: [UInt8]) -> String? {
        if body.isEmpty { return "" }
        guard body.count >= 2, body[0] == 0x0A, body[1] < 0x80, body.count == 2 + Int(body[1]) else { return nil }
        return String(validating: body[2...], as: UTF8.self)
    }
}

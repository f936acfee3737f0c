import Transport

/// The gRPC health service (`grpc.health.v1.Health`), unary `Check` only: what Kubernetes probes call.
enum Health {
    static let checkPath = "/grpc.health.v1.Health/Check"

    /// A `HealthCheckResponse`: field 1 is the status, 1 SERVING or 2 NOT_SERVING. An unknown service is NOT_FOUND (5).
    static func answer(to request: Request, isServing: Bool) -> Response {
        guard let service = service(in: request.body) else {
            return .grpc(GRPCStatus(code: 3, message: "The HealthCheckRequest cannot be read."))
        }
        guard service.isEmpty || known.contains(service) else {
            return .grpc(GRPCStatus(code: 5, message: "There is no service \(service) here."))
        }
        return .grpc(GRPCStatus(code: 0), message: [0x08, isServing ? 1 : 2])
    }

    private static let known: Set<String> = [
        "opentelemetry.proto.collector.trace.v1.TraceService", "opentelemetry.proto.collector.metrics.v1.MetricsService",
        "opentelemetry.proto.collector.logs.v1.LogsService",
    ]

    /// Field 1 of the request, which is its only field; names of services are shorter than 128 bytes.
    private static func service(in body: [UInt8]) -> String? {
        if body.isEmpty { return "" }
        guard body.count >= 2, body[0] == 0x0A, body[1] < 0x80, body.count == 2 + Int(body[1]) else { return nil }
        return String(validating: body[2...], as: UTF8.self)
    }
}

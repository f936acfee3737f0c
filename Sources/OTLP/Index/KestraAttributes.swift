/// The values of Kestra's own attributes on one span or log record; empty ranges for those that are not there.
struct KestraAttributes {
    var execution = 0..<0
    var namespace = 0..<0
    var flow = 0..<0
    var tenant = 0..<0
    var taskRun = 0..<0
    var source = 0..<0

    @inline(always)
    mutating func note(_ role: CompiledKeys.Role, _ value: Range<Int>) {
        switch role {
        case .none, .logExecutionID: break
        case .executionID: execution = value
        case .namespace: namespace = value
        case .flow: flow = value
        case .tenant: tenant = value
        case .taskRun: taskRun = value
        case .source: source = value
        }
    }
}

/// The values of Kestra's own attributes on one span or log record; empty ranges for those that are not there.
struct KestraAttributes {
    var execution = 0..<0
    /// How `execution` is written.
    var executionForm = EvidenceEntry.Form.text
    /// Whether `execution` is from one of `AttributeKeys.executionAttributes`: Kestra's own attribute outweighs it.
    var isExecutionConfigured = false
    var namespace = 0..<0
    var flow = 0..<0
    var tenant = 0..<0
    var taskRun = 0..<0
    var source = 0..<0

    @inline(always)
    mutating func note(_ role: NameTable.Role, _ attribute: AttributeReading) {
        let value = attribute.text ?? 0..<0
        switch role {
        case .none, .logExecutionID, .originValue: break
        case .executionID: noteExecution(value)
        case .configuredExecutionID: noteConfiguredExecution(attribute)
        case .namespace: namespace = value
        case .flow: flow = value
        case .tenant: tenant = value
        case .taskRun: taskRun = value
        case .source: source = value
        }
    }

    @inline(always)
    mutating func noteExecution(_ value: Range<Int>) {
        guard !isExecutionConfigured || !value.isEmpty else { return }
        execution = value
        executionForm = .text
        isExecutionConfigured = false
    }

    mutating func noteConfiguredExecution(_ attribute: AttributeReading) {
        guard execution.isEmpty || isExecutionConfigured else { return }
        (execution, executionForm) = attribute.value(orInteger: true)
        isExecutionConfigured = true
    }
}

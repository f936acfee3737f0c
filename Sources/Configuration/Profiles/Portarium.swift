extension Profile {
    static let portarium = Profile(
        name: "portarium",
        text: """
            # Portarium publishes CloudEvents and starts executions. Others are moved to its traces.
            correlation:
              origins:
                portarium:
                  role: home
                  scopes: [portarium, portarium.*]
                  services: [portarium*]
              keys:
                cloudevents.event_id: event_id
                cloudevents.event_source: event_source
                cloudevents.event_type: event_type
                cloudevents.event_subject: event_subject
                cloudevents.event_tenantid: event_tenant
                kestra.execution.id: claimed_execution

            """)
}

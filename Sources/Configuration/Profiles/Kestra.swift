extension Profile {
    static let kestra = Profile(
        name: "kestra",
        text: """
            # Kestra runs executions that events start: the event is named in the request to its webhook.
            # Which spans are one execution is told by kestra.executionId, which is always read.
            correlation:
              origins:
                kestra:
                  role: follower
                  scopes: [kestra]
                  services: [kestra]
              keys:
                http.request.header.ce-id: event_id
                http.request.header.ce-source: event_source
                http.request.header.ce-type: event_type
                http.request.header.ce-subject: event_subject
                http.request.header.ce-tenantid: event_tenant
                http.request.header.ce-traceparent: traceparent
                url.path: url_path
                http.target: url_path
                url.query: url_query

            """)
}

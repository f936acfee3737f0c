import Configuration
import Timeline

/// `spanbridge doctor`: names mis-set-ups. It ends like a linter: 0 if nothing was found, 1 if something was, 2 if the relay
/// could not be asked.
struct DoctorCommand {
    var output: Invocation.Output
    var environment: [String: String]

    func run() -> ExitCode {
        do {
            let body = try APIClient(output.api, environment).get("/api/v1/doctor").get()
            let diagnosis = try Diagnosis(json: body)
            let text =
                output.json
                ? String(decoding: body, as: UTF8.self) + "\n"
                : DiagnosisText.render(diagnosis, width: Terminal.width, color: isColored(output, environment))
            print(text, terminator: "")
            return diagnosis.findings.isEmpty ? .success : .failure
        } catch let failure as CommandFailure {
            complain(failure.message)
        } catch {
            complain("The relay's answer cannot be read: \(error)")
        }
        return .notFound
    }
}

import CLibPQ

/// What an answer that is an error says.
struct PostgresState {
    /// The SQLSTATE; empty when libpq itself made the error.
    let code: String
    /// The server's main line, without its details, which hold values.
    let message: String
    private let result: OpaquePointer

    init(of result: OpaquePointer) {
        self.result = result
        code = Self.field("C", result)
        let main = Self.field("M", result)
        message = main.isEmpty ? String(cString: PQresultErrorMessage(result)) : main
    }

    var constraint: String { Self.field("n", result) }
    /// The table and the column that the error is about.
    var column: String { "\(Self.field("t", result)).\(Self.field("c", result))" }

    /// A prepared statement whose tables have changed since, or that is gone; a fresh connection knows better.
    ///
    /// Or its connection: to a server that has become a standby, or in a transaction that has failed.
    var isOutdatedStatement: Bool {
        ["26000", "25006", "25P02"].contains(code)
            || (code == "0A000" && message == "cached plan must not change result type")
    }

    /// The letters are from postgres_ext.h, whose character constants Swift does not import.
    private static func field(_ letter: Unicode.Scalar, _ result: OpaquePointer) -> String {
        PQresultErrorField(result, Int32(letter.value)).map { String(cString: $0) } ?? ""
    }
}

extension DatabaseError {
    /// What an answer that is an error means.
    init(postgres result: OpaquePointer, redact: (String) -> String) {
        let state = PostgresState(of: result)
        let detail = redact("PostgreSQL \(state.code): \(state.message)")
        switch state.code {
        case "40001", "40P01": self = .conflict(detail)
        case "55P03", "57014": self = .busy(detail)
        case "53100": self = .full(detail)
        case "", "26000", "53200", "53300", "57P01", "57P02", "57P03", "58030": self = .unavailable(detail)
        case "23502": self = .constraint(state.column, detail)
        case "23503": self = .constraint(Self.foreignKey, "\(detail) (\(state.constraint))")
        case let code where code.hasPrefix("23"): self = .constraint(state.constraint, detail)
        case let code where code.hasPrefix("08"): self = .unavailable(detail)
        default: self = state.isOutdatedStatement ? .unavailable(detail) : .internal(detail)
        }
    }
}

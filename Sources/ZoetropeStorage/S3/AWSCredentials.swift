package import Foundation

/// A key of an account, or of a role for a while.
package struct AWSCredentials: Sendable, Equatable {
    package let accessKeyID: String
    package let secretAccessKey: Secret
    /// Belongs to keys that expire.
    package let sessionToken: Secret?
    /// Nil when it is good until somebody withdraws it.
    package let expires: Date?

    package init(accessKeyID: String, secretAccessKey: Secret, sessionToken: Secret? = nil, expires: Date? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expires = expires
    }
}

/// A text that never shows itself.
package struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    package let value: String

    package init(_ value: String) {
        self.value = value
    }

    package var description: String { "(secret)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Why there are no credentials; holds no secrets.
package struct CredentialsError: Error, CustomStringConvertible {
    package let description: String
    /// Whether it may be over in a while.
    package let isPassing: Bool

    package init(_ description: String, isPassing: Bool = false) {
        self.description = description
        self.isPassing = isPassing
    }
}

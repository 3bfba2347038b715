/// What is done with a good video that has another frame rate.
package enum RetimingPolicy: String, Sendable, CaseIterable {
    /// Edited where that is possible, see ``Retiming``; else encoded.
    case lossless
    /// Always encoded anew.
    case encode
}
